"""What a source was, and what could not be read of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a capture that could not be used as it stands."""

    kind: str
    """a word: ``cut_short``, ``damaged``, ``bad_interface``, ``clock``, ``handshake`` ..."""
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
