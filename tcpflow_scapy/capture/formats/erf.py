"""Endace ERF (https://www.endace.com/erf-extensible-record-format-types.pdf): records of DAG cards.

A file has no header. A record has 16 bytes: time as a little-endian fixed-point number, type, flags,
and, big-endian, its length, a loss counter (of some types a colour), and the length on the wire. Then
follow extension headers of 8 bytes, for some types a header of the type, the frame, and padding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from tcpflow_scapy.capture.compression import find_codec
from tcpflow_scapy.capture.formats.chain import ChainReader, Frames
from tcpflow_scapy.capture.formats.contract import Format
from tcpflow_scapy.capture.formats.packed import Fields, PackedLayout, either
from tcpflow_scapy.capture.formats.records import Record
from tcpflow_scapy.capture.frames import Array, FrameBatch
from tcpflow_scapy.capture.info import Interface
from tcpflow_scapy.capture.reading import Reading
from tcpflow_scapy.capture.windows import Window

ERF = 197
META, LAST_KIND, PAD = 27, 29, 48

HDLC, ETHERNET, AAL5 = (1, 10, 15, 19), (2, 11, 16, 20), (4,)
CHANNEL_HDLC, CHANNEL_AAL5 = (5, 17), (9,)
INFINIBAND, IPV4, IPV6 = (21,), (22,), (23,)

CONTENTS: tuple[tuple[tuple[int, ...], int, int], ...] = (
    (ETHERNET, 2, 1),  # an offset and a byte of padding
    (HDLC, 0, 50),
    (CHANNEL_HDLC, 4, 50),  # the channel
    (AAL5, 4, 100),  # the header of an ATM cell
    (CHANNEL_AAL5, 8, 100),
    (INFINIBAND, 0, 247),
    (IPV4, 0, 228),
    (IPV6, 0, 229),
)
"""Types of records that hold a frame of a link type of its own: types, bytes in front of it, LINKTYPE. All
others are given as they stand, with their header (LINKTYPE_ERF)."""

COLOURED = (10, 11, 13, 14, 15, 16, 17, 19, 20)
"""Types that have something else in the place of the loss counter"""

MORE = 0x80
"""in a type: an extension header follows"""
EXTENSION = 8
MAX_EXTENSIONS = 16

SPARE, SPARE_EXTENDED = 16, 144
"""Bytes of a record that may not be a frame: a type's own header and padding; with extension headers"""

YEAR = 366 * 86_400
FIRST_YEAR = 20 * YEAR
"""Seconds since the epoch before which there were no cards to capture; test data may be older"""

ENOUGH = 3
"""Records by which a file is recognised, where it has so many"""

TYPES = np.zeros(256, bool)
TYPES[1:PAD] = True
TYPES[PAD] = True
TYPES[26] = False
TYPES[MORE:] = TYPES[:MORE]


class ErfLayout(PackedLayout):
    """The record header."""

    name = "erf"
    order = ">"
    # The time is little-endian: read bytewise, it needs turning round.
    fields = (
        ("fraction", "I"),
        ("second", "I"),
        ("kind", "B"),
        ("flags", "B"),
        ("length", "H"),
        ("lost", "H"),
        ("wire", "H"),
    )
    step = 8
    bytes_allowed = ((8, [*range(1, 30), *range(MORE + 1, MORE + 30)]),)

    def measure(self, word: int) -> int:
        """The length stands in the upper half, big-endian."""
        return (word >> 16 & 0xFF) << 8 | word >> 24

    def rest(self, fields: Fields) -> Any:
        """The length counts the header."""
        return fields["length"] - self.header

    def whole(self, fields: Fields) -> Any:
        """The length on the wire and some bytes more, if these are few."""
        rest, wire = self.rest(fields), fields["wire"]
        spare = either(fields["kind"] >= MORE, SPARE_EXTENDED, SPARE)
        return either((rest >= wire) & (rest <= wire + spare), rest, (wire + 2 + 7) & ~7)

    def seconds(self, fields: Fields) -> Any:
        """The upper word of the time."""
        return _turned(fields["second"])

    def nanoseconds(self, fields: Fields) -> Any:
        """The lower word is a fraction of 2**32; the nearest nanosecond."""
        fraction = _turned(fields["fraction"]) * 1_000_000_000 + (1 << 31) >> 32
        return self.seconds(fields) * 1_000_000_000 + fraction

    def sound(self, fields: Fields) -> Any:
        """A type that exists, and a length."""
        return TYPES[fields["kind"]] & (fields["length"] >= self.header)

    def likely(self, fields: Fields) -> Any:
        """Of something that was on a wire."""
        return (fields["kind"] & 0x7F != PAD) & (fields["wire"] > 0)

    def filler(self, fields: Fields) -> Any:
        """Padding."""
        return fields["kind"] & 0x7F == PAD


def _turned(word: Any) -> Any:
    """A 32-bit word in the other byte order; a number or a column."""
    return (word & 0xFF) << 24 | (word & 0xFF00) << 8 | word >> 8 & 0xFF00 | word >> 24


LAYOUT = ErfLayout()


def _recognise(head: bytes) -> str | None:
    """By the first records: there is no signature."""
    at, before, seen = 0, 0, list[Record]()
    while at < len(head) and len(seen) < ENOUGH:
        record = LAYOUT.parse(head[at : at + LAYOUT.header])
        if record is None or not LAYOUT.believable(record):
            break
        kind = head[at + 8] & 0x7F
        if kind != PAD:
            if not LAYOUT.plausible(record):
                break
            # Records of several interfaces, or put together from cells, may be out of order.
            if before and not before - 2 <= record.seconds < before + YEAR:
                break
            before = before if kind == META else record.seconds
            seen.append(record)
        at += record.length
    else:
        if len(seen) == ENOUGH or at == len(head):
            return _if_uncompressed(head) if seen else None
    # One long record, or one behind which a file is cut or damaged, needs more evidence.
    return _if_uncompressed(head) if seen and _exact(head) and seen[0].seconds > FIRST_YEAR else None


def _exact(head: bytes) -> bool:
    """Nothing lost, and a length that is that of the frame, perhaps rounded up."""
    kind, flags, length, lost, wire = struct.unpack_from(">BBHHH", head, 8)
    need = LAYOUT.header + wire + (2 if kind & 0x7F in ETHERNET else 0)
    at, more = LAYOUT.header, kind
    while more & MORE and at < min(len(head), length):
        more = head[at]
        at, need = at + EXTENSION, need + EXTENSION
    return kind & 0x7F <= LAST_KIND and flags < 0x80 and not lost and length in (need, (need + 7) & ~7)


def _if_uncompressed(head: bytes) -> str | None:
    """Compressed data may begin so, too, by chance: a gzip header has its time where ERF has seconds."""
    return None if find_codec(head) else "erf"


class ErfFrames:
    """Makes frames of records, and counts what the card lost."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._lost: dict[int, int] = {}

    def adjust(self, window: Window, headers: Array, frames: Frames) -> Frames:
        """Frames with link types and interfaces of their own; padding is left out."""
        fields = LAYOUT.columns(headers)
        kind = fields["kind"] & 0x7F
        wire = fields["wire"]
        short = LAYOUT.shortage(fields, frames.caplen)
        rest = frames.caplen + short
        extensions = self._extensions(window, fields["kind"], frames.position, rest)
        linktype = np.full(len(kind), ERF, np.uint16)
        skip = np.full(len(kind), -LAYOUT.header)
        for kinds, before, number in CONTENTS:
            fits = np.isin(kind, kinds) & (extensions + before <= rest)
            skip[fits] = extensions[fits] + before
            linktype[fits] = number
        # The length on the wire counts an ATM header, and neither padding nor channel.
        own = np.where(np.isin(kind, AAL5 + CHANNEL_AAL5), 4, 0)
        whole = linktype == ERF
        room = rest - skip
        frames.position = frames.position + skip
        kept = np.where(whole, room, np.minimum(room, np.maximum(wire - own, 0)))
        frames.caplen = np.maximum(kept - short, 0)
        frames.wirelen = np.where(whole, np.maximum(room, wire - skip), np.maximum(wire - own, frames.caplen))
        port = fields["flags"] & 3 | fields["flags"] >> 4 & 4
        self._count(port, np.where(np.isin(kind, COLOURED), 0, fields["lost"]))
        frames.linktype = linktype
        frames.interface = self._interfaces(port, linktype)
        return frames.pick(kind != PAD)

    def _extensions(self, window: Window, kind: Array, position: Array, rest: Array) -> Array:
        """Bytes of extension headers."""
        size = np.zeros(len(kind), np.int64)
        more = kind & MORE != 0
        for _ in range(MAX_EXTENSIONS):
            more &= size + EXTENSION <= rest
            index = np.flatnonzero(more)
            if not len(index):
                break
            first = window.memory[position[index] + size[index]]
            size[index] += EXTENSION
            more[index] = first & MORE != 0
        return size

    def _interfaces(self, port: Array, linktype: Array) -> Array:
        numbers = np.empty(len(port), np.int32)
        pairs, inverse = np.unique(port << 16 | linktype, return_inverse=True)
        for i, pair in enumerate(pairs.tolist()):
            row = Interface(pair & 0xFFFF, 0, name=f"port {pair >> 16}")
            numbers[inverse == i] = self._reading.interface(row)
        return numbers

    def _count(self, port: Array, lost: Array) -> None:
        for number in np.unique(port[lost > 0]).tolist():
            self._lost[number] = self._lost.get(number, 0) + int(lost[port == number].sum())

    def report(self) -> None:
        """Say what is missing."""
        for number, count in sorted(self._lost.items()):
            frames = "1 frame" if count == 1 else f"{count:,} frames"
            self._reading.problems.add(
                "interface_drop", f"port {number}: {frames} dropped by the interface while it was captured"
            )


def _read(reading: Reading) -> Iterator[FrameBatch]:
    """All frames of a file."""
    frames = ErfFrames(reading)
    yield from ChainReader(reading, LAYOUT, linktype=ERF, interface=0, adjust=frames.adjust).batches(0)
    frames.report()


ERF_FILE = Format("erf", _recognise, _read)
