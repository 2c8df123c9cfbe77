"""HP-UX nettl, big-endian.

A file header of 128 bytes, then records: a header that says its own length (64 bytes or more), the
subsystem that traced, what kind of trace it is, lengths and time; then the frame, of some subsystems
behind a header or padding of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tcpflow_scapy.capture.formats.chain import ChainReader, Frames
from tcpflow_scapy.capture.formats.contract import Format
from tcpflow_scapy.capture.formats.packed import Fields, PackedLayout, either
from tcpflow_scapy.capture.formats.records import Steps, swapped
from tcpflow_scapy.capture.frames import Array, FrameBatch
from tcpflow_scapy.capture.info import Interface
from tcpflow_scapy.capture.linktypes import UNKNOWN
from tcpflow_scapy.capture.reading import Reading
from tcpflow_scapy.capture.windows import Window

SIGNATURES: dict[bytes, str] = {
    bytes.fromhex("000000010000000000 07d000"): "nettl (HP-UX 9)",
    bytes.fromhex("5452006400000000000000 80"): "nettl",
}
FILE_HEADER = 128

PDU, PDU_IN = 0x3000_0000, 0x2000_0000
"""kinds of trace records that hold a frame"""

LOOPBACK, DRIVER, SCTP = 2, 11, 268
HPPB_FDDI = 95
TOKEN_RING, FDDI = (31, 187), (HPPB_FDDI, 174, 176, 177)
IP = (LOOPBACK, 6, 8, 9, 244, SCTP)
ICMP = (23, 245, 267)
X25 = (34, 35)
PADDING = {LOOPBACK: 26, SCTP: 8, 174: 3, 176: 3, 177: 3}
"""Bytes in front of the frame, by subsystem"""

LAST_SUBSYSTEM = 511
HEADERS = range(64, 256)

_LINKTYPES = np.full(LAST_SUBSYSTEM + 1, 1, np.uint16)  # most subsystems are drivers of Ethernet cards
for _numbers, _linktype in ((TOKEN_RING, 6), (FDDI, 10), (IP, 101), (ICMP, UNKNOWN), (X25, UNKNOWN)):
    _LINKTYPES[list(_numbers)] = _linktype
_PADDING = np.zeros(LAST_SUBSYSTEM + 1, np.int64)
_PADDING[list(PADDING)] = list(PADDING.values())


class NettlLayout(PackedLayout):
    """The part of a record header that all have."""

    name = "nettl"
    order = ">"
    fields = (
        ("size", "H"),
        ("subsystem", "H"),
        ("", "8x"),
        ("kind", "I"),
        ("", "16x"),
        ("caplen", "I"),
        ("wirelen", "I"),
        ("second", "I"),
        ("fraction", "I"),
        ("", "16x"),
    )
    step = 0
    bytes_allowed = ((0, (0,)), (1, HEADERS), (2, (0, 1)), (32, (0,)), (36, (0,)))
    lengths_at = 32
    """offset of the word with the captured length"""

    def measure(self, word: int) -> int:
        """The length of the header stands in the lower half, big-endian."""
        return (word & 0xFF) << 8 | word >> 8 & 0xFF

    def walk(self, words: tuple[memoryview, ...]) -> list[int]:
        """Follow a chain in which two words state the length."""
        sizes, lengths = self._steps, Steps(lambda word: swapped(word) + self.header)
        found, at, beyond = [0], 0, self.lengths_at
        try:
            while True:
                there = at + beyond
                at += sizes[words[at & 3][at >> 2]] + lengths[words[there & 3][there >> 2]] - self.header
                found.append(at)
        except IndexError:
            return found

    def rest(self, fields: Fields) -> Any:
        """The rest of the header, and the frame."""
        return fields["size"] - self.header + fields["caplen"]

    def whole(self, fields: Fields) -> Any:
        """By the length on the wire, and the usual lengths of headers."""
        size = fields["size"]
        return either((size == 64) | (size == 68), size, 68) - self.header + fields["wirelen"]

    def seconds(self, fields: Fields) -> Any:
        """A Unix time."""
        return fields["second"]

    def nanoseconds(self, fields: Fields) -> Any:
        """In microseconds."""
        return fields["second"] * 1_000_000_000 + fields["fraction"] * 1_000

    def sound(self, fields: Fields) -> Any:
        """A header of a usual size, of a subsystem that can be."""
        size = fields["size"]
        return (size >= HEADERS.start) & (size < HEADERS.stop) & (fields["subsystem"] <= LAST_SUBSYSTEM)

    def likely(self, fields: Fields) -> Any:
        """A length and a time that can be."""
        wirelen = fields["wirelen"]
        return (wirelen > 0) & (wirelen <= self.limit) & (fields["fraction"] < 1_000_000)


LAYOUT = NettlLayout()


def _recognise(head: bytes) -> str | None:
    return SIGNATURES.get(head[:12])


def _read(reading: Reading) -> Iterator[FrameBatch]:
    """All frames of a file."""
    if reading.medium.size < FILE_HEADER:
        reading.problems.add(
            "cut_short", "the file ends inside the file header", offset=0, length=reading.medium.size
        )
        return

    def adjust(window: Window, headers: Array, frames: Frames) -> Frames:
        return _frames(reading, window, LAYOUT.columns(headers), frames)

    reader = ChainReader(reading, LAYOUT, linktype=UNKNOWN, interface=0, adjust=adjust)
    yield from reader.batches(FILE_HEADER)


def _frames(reading: Reading, window: Window, fields: dict[str, Array], frames: Frames) -> Frames:
    """Frames behind what their subsystems put before them. Records that trace no packet stay, of an unknown
    link type: Wireshark numbers them too."""
    subsystem = fields["subsystem"]
    traced = fields["kind"] & PDU != 0
    before = fields["size"] - LAYOUT.header
    missing = fields["wirelen"] - fields["caplen"] + LAYOUT.shortage(fields, frames.caplen)
    position, room = frames.position + before, frames.caplen - before
    size = np.where(traced, _PADDING[subsystem], 0)
    # The driver's records state the frame's length once more: the rest is a header of 22 or 24 bytes.
    driver = np.flatnonzero((subsystem == DRIVER) & traced & (room >= 22))
    inner = window.gather(_DRIVER, position[driver])
    size[driver] = np.maximum(room[driver] - inner["caplen"].astype(np.int64), 0)
    missing[driver] = inner["wirelen"].astype(np.int64) - inner["caplen"].astype(np.int64)
    sent = np.flatnonzero((subsystem == HPPB_FDDI) & traced & (fields["kind"] != PDU_IN) & (room >= 9))
    size[sent] = window.memory[position[sent] + 8].astype(np.int64) + 9
    size = np.minimum(size, room)
    frames.position = position + size
    frames.caplen = room - size
    frames.wirelen = np.maximum(frames.caplen + missing, 0)
    linktype = np.where(traced, _LINKTYPES[subsystem], UNKNOWN).astype(np.uint16)
    frames.linktype = linktype
    numbers = np.empty(len(linktype), np.int32)
    for number in np.unique(linktype).tolist():
        numbers[linktype == number] = reading.interface(Interface(number, 0))
    frames.interface = numbers
    return frames


_DRIVER = np.dtype(
    {"names": ["caplen", "wirelen"], "formats": [">u2", ">u2"], "offsets": [4, 6], "itemsize": 22}
)

NETTL = Format("nettl", _recognise, _read)
