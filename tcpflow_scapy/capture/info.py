"""What a source was, and what could not be read of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PROBLEMS: dict[str, str] = {
    "cut_short": "the file, or what is compressed in it, ends inside a record, block or header",
    "damaged": "a record, block or header that cannot be what was written; reading goes on behind it",
    "bad_block": "a pcapng block contradicts itself; what is consistent of it is used",
    "bad_interface": "an interface that the pcapng section does not describe, or too many of them",
    "bad_version": "the file header states an unknown version; it is read as the known one",
    "unknown_block": "pcapng blocks of types that are not registered; they were skipped",
    "unknown_clock": "the unit of the file's times is not known: they are wrong",
    "unknown_linktype": "the link layer of some frames is not known; they are counted as unused",
    "wrong_linktype": "the file states a link type that its frames contradict; they are read as theirs",
    "decompression": "compressed data are damaged, or their source failed; what came before is used",
    "filter": "libpcap cannot filter some link types of the capture; their frames are left out",
    "clock": "data were acknowledged before they were sent: the clocks of two capture points differ",
    "handshake": "a SYN was answered with different sequence numbers: forged, or two hosts of one address",
    "more": "further problems of this kind are not listed",
}
"""Kinds of `Problem` and what they mean, beside the losses of live captures (``live.events``)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a capture that could not be used as it stands."""

    kind: str
    """a key of `PROBLEMS`, or a loss of a live capture such as ``kernel_drop``"""
    message: str
    path: str
    frame: int | None = None
    """1-based number of the frame at or after which it happened"""
    offset: int | None = None
    """byte offset in the (decompressed) file"""
    length: int | None = None
    """bytes lost, where known"""


@dataclass(slots=True)
class Interface:
    """One interface of a capture (pcapng), or the whole of a classic file."""

    linktype: int
    snaplen: int
    name: str = ""
    description: str = ""
    path: str = ""
    fcs_length: int = 0
    """bytes of frame check sequence at the end of every frame, where the file says so; they are not
    removed (payload lengths come from the IP header)"""


@dataclass(slots=True)
class CaptureInfo:
    """What a source was. Filled while its batches are drawn."""

    paths: list[str] = field(default_factory=list)
    """names of the sources, in order"""
    formats: list[str] = field(default_factory=list)
    """one for each path: ``pcap``, ``pcap (nanoseconds, big-endian)``, ``pcapng``, ``scapy`` ..."""
    compressions: list[str] = field(default_factory=list)
    """one for each path: ``""``, ``gzip``, ``bzip2``, ``xz``, ``zstd``, ``lz4``, ``Sniffer``"""
    sizes: list[int] = field(default_factory=list)
    """bytes of each source as it lies on disk"""
    digests: list[str] = field(default_factory=list)
    """SHA-256 of each source, of its bytes as they were read; empty unless that was asked for"""
    originals: list[Any] = field(default_factory=list)
    """for each compressed file its bytes as they lie on disk (`FileBytes`); None for other sources"""
    interfaces: list[Interface] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
