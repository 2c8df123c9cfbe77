"""Records as libpcap dumps them, made into pcapng's enhanced packet blocks; no Python for each byte.

A block is a header of 28 bytes, the frame, padding to a multiple of four and the length once more. What
stands between two frames (padding, length, next header) is laid out by column; the system then gathers
these pieces and the frames, which lie where libpcap put them, in one call for hundreds of frames.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import tempfile
from typing import Any, NamedTuple

import numpy as np

from tcpflow_scapy.capture.formats import pcapng_blocks as blocks
from tcpflow_scapy.capture.formats.records import walk_native
from tcpflow_scapy.capture.frames import Array

RECORD_HEADER = 16

PIECES = 1024
"""IOV_MAX: pieces that one call gathers."""

ROOM = 1 << 22
"""Bytes of the gathering place that are kept between batches."""

_RECORD = np.dtype([("seconds", "=u4"), ("fraction", "=u4"), ("caplen", "=u4"), ("wirelen", "=u4")])

_BETWEEN = np.dtype(
    {
        # the padding of the last frame, its block's length, the next header
        "names": ["before", "type", "length", "interface", "high", "low", "caplen", "wirelen"],
        "formats": ["<u4"] * 8,
        "offsets": [3, 7, 11, 15, 19, 23, 27, 31],
        "itemsize": 35,
    }
)

_HEADER = 28
_TRAILER = 4


class Blocks(NamedTuple):
    """Whole blocks, one behind the other."""

    data: memoryview
    """valid until the next batch is made"""
    ends: Array
    """int64, where each block ends in `data`"""
    last: int
    """ns since the epoch, of the last frame"""


NO_BLOCKS = Blocks(memoryview(b""), np.empty(0, np.int64), 0)


class BlockMaker:
    """Makes blocks of one interface at a time; owns the memory in which they are put together."""

    def __init__(self) -> None:
        self._place: _Place | None = None
        try:
            self._place = _Place()
        except (OSError, AttributeError):
            # No such calls here: blocks are joined one by one.
            pass

    def make(self, records: Array, interface: int, *, nanoseconds: bool, limit: int | None = None) -> Blocks:
        """Enhanced packet blocks of all records.

        Parameters
        ----------
        records : uint8[n]
            Classic pcap records in this machine's byte order, whole.
        interface : int
            Number of the interface in the section.
        nanoseconds : bool
            Unit of the fractions of a second; else microseconds.
        limit : int, optional
            No more frames than this.
        """
        positions = _walk(records)
        if limit is not None:
            positions = positions[:limit]
        count = len(positions)
        if not count:
            return NO_BLOCKS
        headers = np.ndarray((len(records) - 15,), _RECORD, records.data, strides=(1,))[positions]
        caplen = headers["caplen"].astype(np.int64)
        padding = -caplen & 3
        length = _HEADER + caplen + padding + _TRAILER
        between = np.zeros(count + 1, _BETWEEN)
        time = headers["seconds"].astype(np.uint64) * np.uint64(10**9)
        time += headers["fraction"].astype(np.uint64) * np.uint64(1 if nanoseconds else 1000)
        head = between[:count]
        head["type"], head["length"], head["interface"] = blocks.ENHANCED, length, interface
        head["high"], head["low"] = time >> np.uint64(32), time & np.uint64(0xFFFFFFFF)
        head["caplen"], head["wirelen"] = headers["caplen"], headers["wirelen"]
        between["before"][1:] = length
        ends = np.cumsum(length)
        data = None
        if self._place is not None:
            data = self._place.gather(records, positions + RECORD_HEADER, caplen, padding, between, ends)
        if data is None:
            data = _join(records, positions + RECORD_HEADER, caplen, padding, between)
        return Blocks(data, ends, int(time[-1]))

    def close(self) -> None:
        """Give back the memory."""
        if self._place is not None:
            self._place.close()
            self._place = None


def _walk(records: Array) -> Array:
    """int64: where each whole record begins."""
    size = len(records)
    if size < RECORD_HEADER:
        return np.empty(0, np.int64)
    view = records.data
    # The chain is followed by the length words, at any alignment: one view for each.
    words = tuple(view[shift : shift + (size - shift) // 4 * 4].cast("I") for shift in range(4))
    found = np.array(walk_native(words, 8, RECORD_HEADER), np.int64) - 8
    # The walk ends with a step behind the last record; where that is beyond the memory, the record is cut.
    whole = int(np.searchsorted(found, size, "right"))
    return found[: min(whole, len(found)) - 1]


def _join(records: Array, starts: Array, caplen: Array, padding: Array, between: Array) -> memoryview:
    """The same piece by piece, where the system cannot gather."""
    raw, memory = between.tobytes(), records.data
    parts: list[Any] = []
    before = 0
    size = _BETWEEN.itemsize
    for row, (start, length, pad) in enumerate(
        zip(starts.tolist(), caplen.tolist(), padding.tolist(), strict=True)
    ):
        at = row * size
        parts.append(raw[at + (7 if not row else 3 - before) : at + size])
        parts.append(memory[start : start + length])
        before = pad
    at = len(starts) * size
    parts.append(raw[at + 3 - before : at + 7])
    return memoryview(b"".join(parts))


class _Place:
    """Memory behind a descriptor: the system's gathering write puts the pieces there, a map shows them."""

    def __init__(self) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._writev = library.writev
        self._writev.restype = ctypes.c_ssize_t
        self._writev.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
        if sys.platform == "linux":
            self._descriptor = os.memfd_create("tcpflow-scapy", os.MFD_CLOEXEC)
        else:  # pragma: no cover
            with tempfile.TemporaryFile() as file:
                self._descriptor = os.dup(file.fileno())
        self._size = ROOM
        os.ftruncate(self._descriptor, ROOM)
        self._map = mmap.mmap(self._descriptor, ROOM)

    def gather(
        self, records: Array, starts: Array, caplen: Array, padding: Array, between: Array, ends: Array
    ) -> memoryview | None:
        """All pieces in order; None where the system refuses (a limit on the size of files, mostly)."""
        count, size = len(starts), _BETWEEN.itemsize
        pieces = np.empty((2 * count + 1, 2), np.uintp)
        before = np.empty(count + 1, np.int64)
        before[0], before[1:] = -4, padding
        begin = 3 - before
        pieces[0::2, 0] = between.ctypes.data + np.arange(count + 1) * size + begin
        pieces[0::2, 1] = size - begin
        pieces[-1, 1] = padding[-1] + _TRAILER
        pieces[1::2, 0] = records.ctypes.data + starts
        pieces[1::2, 1] = caplen
        total = int(ends[-1])
        self._fit(total)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        lengths = np.add.reduceat(pieces[:, 1], np.arange(0, len(pieces), PIECES)).tolist()
        address = pieces.ctypes.data
        for number, expected in enumerate(lengths):
            step = min(PIECES, len(pieces) - number * PIECES)
            if self._writev(self._descriptor, address + number * PIECES * 16, step) != expected:
                return None
        return memoryview(self._map)[:total]

    def _fit(self, total: int) -> None:
        """Room for a batch; a large one does not hold its memory for ever."""
        wanted = max(ROOM, -(-total // ROOM) * ROOM)
        if wanted == self._size:
            return
        try:
            self._map.close()
        except BufferError:
            # Somebody still holds the last batch: the map goes when they let go.
            pass
        os.ftruncate(self._descriptor, wanted)
        self._map = mmap.mmap(self._descriptor, wanted)
        self._size = wanted

    def close(self) -> None:
        try:
            self._map.close()
        except BufferError:
            pass
        os.close(self._descriptor)


__all__ = ["NO_BLOCKS", "BlockMaker", "Blocks"]
