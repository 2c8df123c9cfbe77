"""The Sniffer for DOS ("TRSNIFF data"), little-endian.

A signature of 17 bytes, a version record, header records, then records of frames. A record has six
bytes (type, length), a frame in front of it 14 bytes more, or of ATM and of one kind of token ring 48
and 34. Times are ticks since the midnight before the capture, in a time zone that the file does not state: it
is taken for UTC. Compressed files are `sniffer_compression`'s matter.
"""

from __future__ import annotations

import datetime
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.capture.formats.chain import ChainReader, Frames
from tcpflow_scapy.capture.formats.contract import Format
from tcpflow_scapy.capture.formats.packed import Fields, PackedLayout, either
from tcpflow_scapy.capture.frames import Array, FrameBatch
from tcpflow_scapy.capture.info import Interface
from tcpflow_scapy.capture.linktypes import UNKNOWN
from tcpflow_scapy.capture.reading import Reading
from tcpflow_scapy.capture.sniffer_compression import (
    RECORD,
    SHORT_ATM,
    SIGNATURE,
    VERSION_END,
    header_records,
    is_compressed,
    is_short_atm,
)
from tcpflow_scapy.capture.windows import Window

PICOSECONDS = (15_000_000, 838_096, 15_000_000, 500_000, 2_000_000, 1_000_000, 100_000)
"""Length of a tick by time unit"""

SYNCHRONOUS, ASYNCHRONOUS, ATM = 7, 8, 10
LINKTYPES: dict[int, int] = {0: 6, 1: 1, 2: 7, 9: 10, ATM: 100}
"""Networks as LINKTYPE numbers"""

WAN = 7
"""Header record whose fifth byte says what a serial line carries"""
WAN_LINKTYPES: dict[int, int] = {0: UNKNOWN, 2: 107, 4: 50}

FRAME, FRAME_ATM, FRAME_RING = 4, 8, 12
EXTRA = np.zeros(1 << 16, np.int64)
"""Bytes of a frame's header beyond the 14 that all have, by record type"""
EXTRA[FRAME_ATM], EXTRA[FRAME_RING] = 34, 20
FRAMES = np.zeros(1 << 16, bool)
FRAMES[[FRAME, FRAME_ATM, FRAME_RING]] = True
LAST_TYPE = 63
"""of records that are believed"""

SPARE = 64
"""Bytes that may follow a frame inside its record"""


class SnifferLayout(PackedLayout):
    """Record and frame header.

    Parameters
    ----------
    start : int
        Unix time of the midnight from which times count.
    tick : int
        Picoseconds.
    short_atm : bool
        ATM records are longer than they say.
    """

    name = "sniffer"
    order = "<"
    fields = (
        ("kind", "H"),
        ("length", "H"),
        ("", "2x"),
        ("low", "H"),
        ("middle", "H"),
        ("high", "B"),
        ("day", "B"),
        ("size", "H"),
        ("", "2x"),
        ("true_size", "H"),
        ("", "2x"),
    )
    step = 0
    bytes_allowed = ((0, (FRAME, FRAME_ATM, FRAME_RING)), (1, (0,)))
    short = RECORD

    def __init__(self, start: int = 0, tick: int = PICOSECONDS[1], *, short_atm: bool = False) -> None:
        self._start = start
        self._tick = tick
        self._atm = SHORT_ATM if short_atm else 0

    def measure(self, word: int) -> int:
        """Type and length."""
        return RECORD + (word >> 16) + (self._atm if word & 0xFFFF == FRAME_ATM else 0)

    def rest(self, fields: Fields) -> Any:
        """What follows the frame's header; less than nothing of records that have none."""
        return fields["length"] + RECORD - self.header + self._atm * (fields["kind"] == FRAME_ATM)

    def whole(self, fields: Fields) -> Any:
        """The frame's own length, and perhaps a few bytes."""
        rest, size = self.rest(fields), fields["size"] + EXTRA[fields["kind"]]
        return either((rest >= size) & (rest <= size + SPARE), rest, size)

    def _ticks(self, fields: Fields) -> Any:
        ticks = fields["high"] << 32 | fields["middle"] << 16 | fields["low"]
        return np.minimum(ticks, (1 << 62) // self._tick)

    def seconds(self, fields: Fields) -> Any:
        """Midnight, days, ticks."""
        return self._start + fields["day"] * 86_400 + self._ticks(fields) * self._tick // 10**12

    def nanoseconds(self, fields: Fields) -> Any:
        """The same."""
        return (self._start + fields["day"] * 86_400) * 10**9 + self._ticks(fields) * self._tick // 1000

    def sound(self, fields: Fields) -> Any:
        """A type that can be, and room for the frame."""
        kind = fields["kind"]
        return FRAMES[kind] & (self.rest(fields) >= EXTRA[kind] + fields["size"]) | self.filler(fields)

    def likely(self, fields: Fields) -> Any:
        """A frame of some bytes."""
        return FRAMES[fields["kind"]] & (fields["size"] > 0)

    def filler(self, fields: Fields) -> Any:
        """Anything else."""
        return ~FRAMES[fields["kind"]] & (fields["kind"] > 0) & (fields["kind"] <= LAST_TYPE)


@dataclass(frozen=True, slots=True)
class Header:
    """Version record and header records."""

    layout: SnifferLayout
    network: int
    linktype: int | None
    """None: it depends on each frame"""
    end: int
    """offset of the first record of a frame"""


def _recognise(head: bytes) -> str | None:
    known = head.startswith(SIGNATURE) and not is_compressed(head)
    return "Sniffer (DOS)" if known else None


def _parse(reading: Reading) -> Header:
    head = reading.medium.read(0, VERSION_END)
    major, minor, _time, date = struct.unpack_from("<4H", head, len(SIGNATURE) + RECORD)
    network, unit = head[32], head[34]
    linktype = LINKTYPES.get(network)
    end = VERSION_END
    for kind, at, length in header_records(reading.medium.read, major):
        end = at + length
        content = reading.medium.read(at, min(length, 5))
        if (
            kind == WAN
            and network in (SYNCHRONOUS, ASYNCHRONOUS)
            and major in (1, 4, 5)
            and len(content) == 5
        ):
            linktype = WAN_LINKTYPES.get(content[4])
    if linktype is None and network not in (SYNCHRONOUS, ASYNCHRONOUS):
        linktype = UNKNOWN
        reading.problems.add("unknown_linktype", f"network {network} is not known", offset=32)
    if unit >= len(PICOSECONDS):
        reading.problems.add("damaged", f"time unit {unit} is not known: times are wrong", offset=34)
    layout = SnifferLayout(
        _midnight(date),
        PICOSECONDS[unit if unit < len(PICOSECONDS) else 1],
        short_atm=is_short_atm(major, minor),
    )
    return Header(layout, network, linktype, end)


def _midnight(date: int) -> int:
    """Unix time of a DOS date."""
    try:
        day = datetime.datetime(1980 + (date >> 9), date >> 5 & 15, date & 31, tzinfo=datetime.UTC)
    except ValueError:
        return 0
    return int(day.timestamp())


def _read(reading: Reading) -> Iterator[FrameBatch]:
    """All frames of a file."""
    if reading.medium.size < VERSION_END:
        reading.problems.add(
            "cut_short", "the file ends inside the file header", offset=0, length=reading.medium.size
        )
        return
    header = _parse(reading)

    def adjust(window: Window, headers: Array, frames: Frames) -> Frames:
        return _frames(reading, header, window, header.layout.columns(headers), frames)

    reader = ChainReader(reading, header.layout, linktype=UNKNOWN, interface=0, adjust=adjust)
    yield from reader.batches(header.end)


def _frames(
    reading: Reading, header: Header, window: Window, fields: dict[str, Array], frames: Frames
) -> Frames:
    """Frames with their link types; other records are left out."""
    keep = FRAMES[fields["kind"]] & (frames.caplen >= 0)
    fields = {name: column[keep] for name, column in fields.items()}
    frames = frames.pick(keep)
    headers = frames.position
    extra = np.minimum(EXTRA[fields["kind"]], frames.caplen)
    short = header.layout.shortage(fields, frames.caplen)
    frames.position = headers + extra
    frames.caplen = np.minimum(np.maximum(fields["size"] - short, 0), frames.caplen - extra)
    true_size = fields["true_size"]
    frames.wirelen = np.maximum(np.where(true_size > 0, true_size, fields["size"]), frames.caplen)
    linktype = np.full(len(headers), UNKNOWN if header.linktype is None else header.linktype, np.uint16)
    if header.linktype is None:
        linktype = _serial_linktypes(window, frames)
    if header.network == ATM:
        linktype = _open_atm(window, headers, frames)
    frames.linktype = linktype
    numbers = np.empty(len(linktype), np.int32)
    for number in np.unique(linktype).tolist():
        numbers[linktype == number] = reading.interface(Interface(number, 0))
    frames.interface = numbers
    return frames


def _serial_linktypes(window: Window, frames: Frames) -> Array:
    """PPP and Cisco HDLC by their first byte, frame relay by what follows its address."""
    first, third = window.memory[frames.position], window.memory[frames.position + 2]
    relay = (first & 1 == 0) & (third == 3) & (frames.caplen > 2)
    found = np.where(np.isin(first, (0xFF, 0x0F, 0x8F)), 50, np.where(relay, 107, UNKNOWN))
    return found.astype(np.uint16)


_ATM = np.dtype({"names": ["traffic", "kind"], "formats": ["u1", "u1"], "offsets": [14, 15], "itemsize": 34})
AAL5, LANE = 0x03, 0x30
LANE_SIZE = 2
EMULATED: dict[int, int] = {2: 1, 4: 1, 3: 6, 5: 6}


def _open_atm(window: Window, headers: Array, frames: Frames) -> Array:
    """Link types of ATM frames: LAN emulation is Ethernet or token ring behind two bytes."""
    info = window.gather(_ATM, headers)
    linktype = np.full(len(headers), 100, np.uint16)
    lane = (info["traffic"] == AAL5 | LANE) & (frames.caplen > LANE_SIZE)
    for kind, number in EMULATED.items():
        linktype[lane & (info["kind"] == kind)] = number
    size = np.where(linktype != 100, LANE_SIZE, 0)
    frames.position = frames.position + size
    frames.caplen = frames.caplen - size
    frames.wirelen = frames.wirelen - size
    return linktype


SNIFFER = Format("sniffer", _recognise, _read)
