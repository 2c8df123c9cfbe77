"""What tcpflow 1.6.1 makes of the frames of a capture, from its documented behaviour: TCP segments.

The frames are those that libpcap hands out, as tcpflow gets them; what follows is its own decoding, with its
faults. Nothing of our package is used, so that a wrong decoder of ours cannot explain itself.
"""

from __future__ import annotations

import bz2
import ctypes
import ctypes.util
import gzip
import lzma
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ETHERNET = (1, 6)
TAGS = (0x8100, 0x88A8, 0x9100)
FIN, SYN, RST, _, ACK = (1 << i for i in range(5))


class _Time(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("fraction", ctypes.c_long)]


class _Header(ctypes.Structure):
    _fields_ = [("time", _Time), ("caplen", ctypes.c_uint32), ("wirelen", ctypes.c_uint32)]


@dataclass
class Segment:
    """One TCP segment as tcpflow sees it."""

    frame: int
    """1-based"""
    time: tuple[int, int]
    """seconds, microseconds"""
    source: bytes
    destination: bytes
    sport: int
    dport: int
    sequence: int
    flags: int
    payload: bytes
    """what it takes for payload"""
    true_length: int
    """how much of that the IP header and the capture cover"""
    wirelen: int
    caplen: int
    vlan: int | None
    macs: bytes
    """bytes 0 to 11 of the frame: destination, source"""
    data_offset: int = 20
    more_fragments: bool = False

    @property
    def bad_offset(self) -> bool:
        """Whether the header is none: shorter than 20 bytes, or longer than the segment."""
        return self.data_offset < 20 or self.true_length < 0

    @property
    def key(self) -> tuple[bytes, bytes, int, int]:
        """The whole of what tells one flow of tcpflow from another."""
        return self.source, self.destination, self.sport, self.dport


@dataclass
class Reading:
    """What libpcap and tcpflow's decoder gave."""

    linktype: int = -1
    frames: int = 0
    error: str = ""
    """libpcap's words where it stopped before the end"""
    raw: list[bytes] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    skipped: dict[int, str] = field(default_factory=dict)
    """by frame number: why it is no segment for tcpflow"""
    unprocessed: list[int] = field(default_factory=list)
    """frames that reach -w before any flow is looked at"""
    ticks: list[tuple[int, int]] = field(default_factory=list)
    """frame number and second of IP packets that are no segments: they let time pass"""


@cache
def _libpcap() -> ctypes.CDLL:
    library = ctypes.CDLL(ctypes.util.find_library("pcap") or "libpcap.so.0.8")
    library.pcap_open_offline.restype = ctypes.c_void_p
    library.pcap_open_offline.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    library.pcap_next_ex.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    library.pcap_datalink.argtypes = library.pcap_close.argtypes = [ctypes.c_void_p]
    library.pcap_geterr.argtypes = [ctypes.c_void_p]
    library.pcap_geterr.restype = ctypes.c_char_p
    return library


OPENERS: dict[str, Callable[[Path], bytes]] = {
    ".gz": lambda path: gzip.decompress(path.read_bytes()),
    ".bz2": lambda path: bz2.decompress(path.read_bytes()),
    ".xz": lambda path: lzma.decompress(path.read_bytes()),
    ".lzma": lambda path: lzma.decompress(path.read_bytes()),
}
"""Endings that tcpflow pipes through another program."""


def read(path: Path) -> Reading:
    """Every TCP segment that tcpflow sees in a capture."""
    if path.suffix in OPENERS:
        with tempfile.NamedTemporaryFile() as plain:
            plain.write(OPENERS[path.suffix](path))
            plain.flush()
            return _read(Path(plain.name))
    return _read(path)


def _read(path: Path) -> Reading:
    found = Reading()
    found.linktype, records, found.error = raw_frames(path)
    for record in records:
        found.frames += 1
        found.raw.append(record.data)
        _take(found, record)
    return found


@dataclass
class RawFrame:
    """A record of a capture as libpcap hands it out."""

    time: tuple[int, int]
    wirelen: int
    data: bytes


def raw_frames(path: Path) -> tuple[int, list[RawFrame], str]:
    """Link type (-1: no capture), all records, libpcap's words where it stopped."""
    library = _libpcap()
    words = ctypes.create_string_buffer(512)
    handle = library.pcap_open_offline(str(path).encode(), words)
    if not handle:
        return -1, [], words.value.decode(errors="replace")
    records = []
    header, data = ctypes.POINTER(_Header)(), ctypes.c_void_p()
    while (code := library.pcap_next_ex(handle, ctypes.byref(header), ctypes.byref(data))) == 1:
        told = header.contents
        payload = ctypes.string_at(data.value or 0, told.caplen)
        records.append(RawFrame((told.time.seconds, told.time.fraction), told.wirelen, payload))
    error = library.pcap_geterr(handle).decode(errors="replace") if code == -1 else ""
    linktype = int(library.pcap_datalink(handle))
    library.pcap_close(handle)
    return linktype, records, error


def _take(found: Reading, record: RawFrame) -> None:
    number, frame = found.frames, record.data
    place = network_layer(found.linktype, frame)
    if isinstance(place, str):
        found.skipped[number] = place
        return
    at, vlan = place
    ip = frame[at:]
    segment = transport(ip)
    if isinstance(segment, str):
        found.skipped[number] = segment
        found.ticks.append((number, record.time[0]))
        if segment in UNPROCESSED:
            found.unprocessed.append(number)
        return
    head, end, true_end, source, destination = segment
    offset = ip[head + 12] >> 4 << 2
    payload = ip[head + offset : end] if end - head > offset else b""
    if end > len(ip) and end - head > offset:
        # Beyond the capture lies memory of the process: nobody can tell which bytes.
        payload += bytes(end - max(len(ip), head + offset))
    found.segments.append(
        Segment(
            number,
            record.time,
            source,
            destination,
            int.from_bytes(ip[head : head + 2], "big"),
            int.from_bytes(ip[head + 2 : head + 4], "big"),
            int.from_bytes(ip[head + 4 : head + 8], "big"),
            ip[head + 13],
            payload,
            min(true_end, len(ip)) - head - offset if payload or head + offset > true_end else 0,
            record.wirelen,
            len(frame),
            vlan,
            frame[:12],
            offset,
            ip[0] >> 4 == 4 and bool(ip[6] & 0x20),
        )
    )


def network_layer(linktype: int, frame: bytes) -> tuple[int, int | None] | str:
    """Where the IP header begins and the VLAN tag, or why tcpflow finds none."""
    vlan = None
    if linktype in ETHERNET:
        at = 12
        kind = int.from_bytes(frame[12:14], "big")
        if kind == 0x8100:
            vlan = int.from_bytes(frame[14:16], "big")
        while kind in TAGS and at + 6 <= len(frame):
            at += 4
            kind = int.from_bytes(frame[at : at + 2], "big")
        if len(frame) < at + 2 or kind not in (0x0800, 0x86DD):
            return "ethertype"
        return at + 2, vlan
    if linktype in (12, 101):
        return 0, None
    if linktype == 0:
        return (4, None) if frame[:4] in (b"\2\0\0\0", b"\x0a\0\0\0") else "loopback family"
    if linktype == 9:
        return 4, None
    if linktype == 113:
        return _cooked(frame)
    return "link type"


def _cooked(frame: bytes) -> tuple[int, int | None] | str:
    """Linux cooked capture, version 1: IP, also behind MPLS labels."""
    # Behind a tag it looks at the wrong place, and finds no IP there.
    if frame[14:16] in (b"\x08\x00", b"\x86\xdd", b"\x81\x00"):
        return 16, None
    if frame[14:16] != b"\x88\x47":
        return "ethertype"
    at = 16
    while at + 4 < len(frame) and not frame[at + 2] & 1:
        at += 4
    return at + 4, None


UNPROCESSED = ("no TCP", "fragment", "extension header", "truncated", "no IP", "IP length")
"""Why a frame goes to -w."""


def transport(ip: bytes) -> tuple[int, int, int, bytes, bytes] | str:
    """TCP header, end of what tcpflow takes, end by the headers, addresses; or why there is none."""
    if len(ip) < 20:
        return "truncated"
    if ip[0] >> 4 == 4:
        head = (ip[0] & 15) * 4
        if ip[9] != 6:
            return "no TCP"
        total = int.from_bytes(ip[2:4], "big")
        if total < head:
            return "IP length"
        if int.from_bytes(ip[6:8], "big") & 0x1FFF:
            return "fragment"
        if len(ip) - head < 20:
            return "truncated"
        # The length in the IP header is not looked at: padding and trailers are payload.
        return head, len(ip), total, ip[12:16], ip[16:20]
    if ip[0] >> 4 == 6 and len(ip) >= 40:
        if ip[6] != 6:
            return "extension header" if ip[6] in (0, 43, 44, 51, 60) else "no TCP"
        end = 40 + int.from_bytes(ip[4:6], "big")
        if end < 60 or len(ip) < 60:
            return "truncated"
        # Not clamped to what was captured.
        return 40, end, end, ip[8:24], ip[24:40]
    return "no IP"


def keys(segments: list[Segment]) -> Iterator[tuple[bytes, bytes, int, int]]:
    """Every direction once, in order of first sight."""
    yield from dict.fromkeys(segment.key for segment in segments)
