"""NetXRay and the Sniffer for Windows ("VL", "XCP"), little-endian.

A file header of 128 bytes, then records of 16 (before 1.0), 28 (1.x) or 40 bytes and data. Times are
ticks; the file header says when they began, and, from version 2 on, their length in a roundabout way.
A file may be a ring: then the first record lies in the middle.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tcpflow_scapy.capture.formats.chain import ChainReader, Frames
from tcpflow_scapy.capture.formats.contract import Format
from tcpflow_scapy.capture.formats.packed import FieldNames, Fields, PackedLayout
from tcpflow_scapy.capture.frames import NO_TIME, Array, FrameBatch
from tcpflow_scapy.capture.info import Interface
from tcpflow_scapy.capture.linktypes import UNKNOWN
from tcpflow_scapy.capture.reading import Reading
from tcpflow_scapy.capture.windows import Window

FILE_HEADER = 128

VERSIONS: dict[bytes, str] = {
    b"001.000": "1.0",
    b"001.100": "1.1",
    b"002.000": "2.000",
    b"002.001": "2.001",
    b"002.002": "2.002",
    b"002.003": "2.003",
}

ETHERNET, WAN, ATM = 1, 4, 9
LINKTYPES: dict[int, int] = {ETHERNET: 1, 2: 6, 3: 10, WAN: 1, ATM: 100, 10: 105}
"""NDIS media types as LINKTYPE numbers. WAN frames look like Ethernet unless a pod captured them."""

POD_LINKTYPES: dict[int, int] = {3: 50, 4: 107, 19: 104}
"""Link types of WAN pods from version 2 on: PPP, frame relay, Cisco HDLC"""

MILLISECONDS, MICROSECONDS = 1_000, 1_000_000
TICKS: dict[tuple[int, int], int] = {
    (0, 0): MICROSECONDS,
    (0, 1): 1_193_000,
    (0, 2): 1_193_182,
    (2, 0): 1_000_000_000,
    (2, 2): 31_250_000,
    (3, 0): MICROSECONDS,
    (3, 2): 1_250_000,
    (5, 0): MICROSECONDS,
    (6, 0): 1_000_000_000,
    (6, 2): 20_000_000,
}
"""Ticks per second of version 2 by how it was captured and by time unit, as Wireshark's authors found them
out. Captures of Ethernet adapters (0) with unit 2 tell the number themselves."""

LARGEST = 0x3FFF_FFFF
"""Upper half of a number of ticks beyond which it is centuries"""

LIFETIME = 20 * 366 * 86_400
"""Seconds after the beginning of a capture, or before, that its records may be of"""

TRAILER = 4
"""Bytes behind the frame where a record says so"""

AAL5_KINDS = (0x30, 0x50, 0x60, 0x70)
LLC, LANE = 7, (0, 4, 5)
LANE_SIZE = 2


class NetXRayLayout(PackedLayout):
    """The record header of version 2, and what the file header says of times.

    Parameters
    ----------
    start : int
        Unix time of the beginning.
    first : int
        Ticks at the beginning.
    ticks : int
        Per second.
    """

    name = "netxray"
    order = "<"
    fields: ClassVar[FieldNames] = (
        ("low", "I"),
        ("high", "I"),
        ("wirelen", "H"),
        ("caplen", "H"),
        ("traffic", "B"),
        ("", "x"),
        ("trailer", "H"),
        ("", "24x"),
    )
    step = 8

    def __init__(self, start: int = 0, first: int = 0, ticks: int = MILLISECONDS) -> None:
        self._start = start
        self._first = first
        self._ticks = ticks

    def measure(self, word: int) -> int:
        """The captured length stands in the upper half."""
        return (word >> 16) + self.header

    def rest(self, fields: Fields) -> Any:
        """The captured length."""
        return fields["caplen"]

    def whole(self, fields: Fields) -> Any:
        """The length on the wire."""
        return fields["wirelen"]

    def _since(self, fields: Fields) -> Any:
        """Ticks since the beginning; such as would be centuries count for none."""
        return (np.minimum(fields["high"], LARGEST) << 32 | fields["low"]) - self._first

    def seconds(self, fields: Fields) -> Any:
        """From the beginning on."""
        return self._start + self._since(fields) // self._ticks

    def nanoseconds(self, fields: Fields) -> Any:
        """Ticks are not whole numbers of nanoseconds."""
        seconds, rest = np.divmod(self._since(fields), self._ticks)
        seconds += self._start
        sane = np.abs(seconds) < 1 << 33
        return np.where(sane, seconds * 1_000_000_000 + rest * 1_000_000_000 // self._ticks, NO_TIME)

    def sound(self, fields: Fields) -> Any:
        """A time that is not decades away."""
        return np.abs(self._since(fields)) < LIFETIME * self._ticks

    def likely(self, fields: Fields) -> Any:
        """Some bytes."""
        return fields["caplen"] > 0


class NetXRayLayout1(NetXRayLayout):
    """The record header of version 1."""

    fields = (*NetXRayLayout.fields[:4], ("", "16x"))


class NetXRayLayout0(NetXRayLayout):
    """The record header before that: one length."""

    fields = (("low", "I"), ("high", "I"), ("caplen", "H"), ("", "6x"))

    def measure(self, word: int) -> int:
        """The length stands in the lower half."""
        return (word & 0xFFFF) + self.header

    whole = NetXRayLayout.rest

    single = True


@dataclass(frozen=True, slots=True)
class Header:
    """The file header."""

    version: int
    minor: str
    start: int
    count: int
    """of frames"""
    begin: int
    end: int
    network: int
    unit: int
    first: int
    ticks: int
    """of version 2, where the file states them itself"""
    checksummed: bool
    """trailers are frame check sequences, not rubbish"""
    pod: int
    """how it was captured, of version 2"""

    @property
    def clock(self) -> int:
        """Ticks per second; 0 where that is not known."""
        if self.version < 2:
            return MICROSECONDS if self.minor == "1.1" else MILLISECONDS
        ethernet = self.network == ETHERNET
        if ethernet and not self.pod and self.unit == 2:
            return self.ticks
        return TICKS.get((self.pod if ethernet else 0, self.unit), 0)

    def layout(self, first: int) -> NetXRayLayout:
        """The record headers, of a capture that began at so many ticks."""
        kind = (NetXRayLayout0, NetXRayLayout1, NetXRayLayout)[self.version]
        return kind(self.start, first, self.clock or MICROSECONDS)

    @property
    def linktype(self) -> int:
        """Of all frames."""
        if self.network == WAN and self.version == 2:
            return POD_LINKTYPES.get(self.pod, UNKNOWN)
        return LINKTYPES.get(self.network, UNKNOWN)


def _recognise(head: bytes) -> str | None:
    if head[:4] == b"VL\0\0":
        return "NetXRay (old)"
    if head[:4] == b"XCP\0" and (version := VERSIONS.get(head[4:11])):
        return f"NetXRay {version}"
    return None


def _parse(head: bytes) -> Header:
    minor = "" if head[:2] == b"VL" else VERSIONS.get(head[4:11], "")
    start, count, _, begin, end, _, _, _ = struct.unpack_from("<8I", head, 12)
    network, plus, _, unit, low, high = struct.unpack_from("<BBHIII", head, 44)[:6]
    return Header(
        version=int(minor[0]) if minor else 0,
        minor=minor,
        start=start,
        count=count,
        begin=begin,
        end=end,
        # The medium's number, from 0 on or from 1 on.
        network=network + 1 if plus == 0 else network,
        unit=unit & 0xFF,
        first=min(high, LARGEST) << 32 | low,
        ticks=struct.unpack_from("<I", head, 76)[0],
        checksummed=head[77:79] == b"\x34\x12",
        pod=head[84],
    )


def _read(reading: Reading) -> Iterator[FrameBatch]:
    """All frames of a file, from the oldest on."""
    head = reading.medium.read(0, FILE_HEADER)
    if len(head) < FILE_HEADER:
        reading.problems.add("cut_short", "the file ends inside the file header", offset=0, length=len(head))
        return
    header = _parse(head)
    linktype = header.linktype
    if linktype == UNKNOWN:
        reading.problems.add(
            "unknown_linktype", f"network {header.network} ({header.pod}) is not known", offset=44
        )
    size, begin, end = reading.medium.size, header.begin, header.end
    if not FILE_HEADER <= begin <= size:
        reading.problems.add("damaged", f"records would begin at {begin}", offset=28)
        begin = FILE_HEADER
    if size < end or end < FILE_HEADER:
        reading.problems.add("cut_short", f"records would end at {end}", offset=size)
        end = size
    # Behind the last record there may be anything; in a ring it lies before the first.
    ring = begin > end or (begin == end and header.count > 0)
    parts = [(begin, size), (FILE_HEADER, end)] if ring else [(begin, end)]
    layout = _layout(reading, header, begin)
    adjust = _adjust(header, layout)
    interface = reading.interface(Interface(linktype, 0, fcs_length=TRAILER if header.checksummed else 0))
    for first, last in parts:
        reading.limit(last)
        yield from ChainReader(
            reading, layout, linktype=linktype, interface=interface, adjust=adjust
        ).batches(first)
        reading.limit(size)


def _layout(reading: Reading, header: Header, begin: int) -> NetXRayLayout:
    """The record headers, even if the file header states a wrong time."""
    if not header.clock:
        message = f"clock {header.unit} of capture type {header.pod} is not known: times are wrong"
        reading.problems.add("unknown_clock", message, offset=48)
    pods = header.version == 2 and header.network == ETHERNET and header.pod
    layout = header.layout(0 if pods and header.minor in ("2.002", "2.003") else header.first)
    head = reading.medium.read(begin, layout.header)
    record = layout.parse(head)
    if record is None or record.sound:
        return layout
    second = layout.parse(reading.medium.read(begin + record.length, layout.header))
    if second is not None and second.sound:
        return layout  # only the first record is damaged
    reading.problems.add(
        "damaged", "the clock began at a time that cannot be: times count from the first frame", offset=52
    )
    low, high = struct.unpack_from("<II", head)
    return header.layout(min(high, LARGEST) << 32 | low)


def _adjust(header: Header, layout: NetXRayLayout) -> Any:
    """What to do with the frames of a file."""

    def adjust(window: Window, headers: Array, frames: Frames) -> Frames:
        fields = layout.columns(headers)
        missing = layout.shortage(fields, frames.caplen)
        if header.version:
            missing += np.maximum(fields["wirelen"] - fields["caplen"], 0)
        if header.version == 2 and not header.checksummed:
            extra = (fields["trailer"] == 0xFFFF) & (frames.caplen >= TRAILER)
            frames.caplen = frames.caplen - np.where(extra, TRAILER, 0)
        frames.wirelen = frames.caplen + missing
        if header.network == ATM and header.version == 2:
            _open_atm(window, fields["traffic"], frames)
        return frames

    return adjust


def _open_atm(window: Window, traffic: Array, frames: Frames) -> None:
    """LAN emulation is Ethernet behind two bytes."""
    emulated = np.isin(traffic & 0x70, AAL5_KINDS) & np.isin(traffic & 7, LANE) & (frames.caplen > LANE_SIZE)
    first = window.gather(np.dtype([("lane", ">u2")]), frames.position)["lane"]
    emulated &= first != 0xFF00  # LAN emulation's own control frames
    size = np.where(emulated, LANE_SIZE, 0)
    frames.position = frames.position + size
    frames.caplen = frames.caplen - size
    frames.wirelen = frames.wirelen - size
    frames.linktype = np.where(emulated, 1, 100).astype(np.uint16)


NETXRAY = Format("netxray", _recognise, _read)
