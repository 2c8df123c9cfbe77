"""The second buffer: reassembled datagrams that are read, not copied.

A capture of nothing but fragments would need as much memory again if its datagrams were put together.
So the buffer only knows where their pieces lie, and reads them when somebody asks. Every datagram has
a slot of its own in the buffer's addresses, larger than any datagram.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tcpflow_scapy.capture.medium import copy_ranges
from tcpflow_scapy.capture.store import Store

Array = np.ndarray[Any, np.dtype[Any]]

SLOT_BITS = 17
"""A datagram holds less than 65,536 bytes; the slot is larger so that no header can reach the next one."""

SLOT_MASK = (1 << SLOT_BITS) - 1

NAME = "reassembled IP datagrams"


class PieceBuffer:
    """Datagrams as lists of pieces in other buffers.

    Parameters
    ----------
    store : Store
        Where the pieces are.
    start : ndarray of int64
        Offset of each piece in this buffer, ascending; pieces do not overlap.
    length : ndarray of int64
    address : ndarray of int64
        Where each piece lies in the store.
    """

    def __init__(self, store: Store, start: Array, length: Array, address: Array) -> None:
        self._store = store
        self._start = start
        self._length = length
        self._address = address
        self._slots: Array | None = None

    def __len__(self) -> int:
        return int(self._start[-1] + self._length[-1]) if len(self._start) else 0

    def __getitem__(self, where: slice) -> bytes:
        """The bytes from `where.start` on, up to `where.stop` or to where the datagram's pieces end."""
        at, stop = int(where.start or 0), len(self) if where.stop is None else int(where.stop)
        parts = []
        piece = int(np.searchsorted(self._start, at, side="right")) - 1
        while 0 <= piece < len(self._start) and at < stop:
            skip = at - int(self._start[piece])
            size = min(int(self._length[piece]) - skip, stop - at)
            if skip < 0 or size < 0:
                break
            parts.append(self._store.read(int(self._address[piece]) + skip, size))
            at += size
            piece += 1
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def slices(self, offsets: Sequence[int], lengths: Sequence[int]) -> list[bytes]:
        """As many slices, each within one datagram; their pieces are read together."""
        offset, length = np.array(offsets, np.int64), np.array(lengths, np.int64)
        begin = self._pieces(offset)
        if len(offset) and int(begin.min()) < 0:
            return [self[a : a + n] for a, n in zip(offset.tolist(), length.tolist(), strict=True)]
        # Slots keep datagrams apart: a slice ends with its slot, if not before.
        last = self._pieces(np.minimum(offset + np.maximum(length, 1), (offset | SLOT_MASK) + 1) - 1)
        count = last - begin + 1
        ends = np.cumsum(count)
        piece = np.repeat(begin - (ends - count), count) + np.arange(int(ends[-1]) if len(ends) else 0)
        skip = np.maximum(np.repeat(offset, count) - self._start[piece], 0)
        stop = np.minimum(np.repeat(offset + length, count) - self._start[piece], self._length[piece])
        size = np.maximum(stop - skip, 0)
        parts = self._store.slices((self._address[piece] + skip).tolist(), size.tolist())
        if len(parts) == len(count):
            return parts
        # Joined as one and cut again, which is quicker than joining each.
        joined = b"".join(parts)
        bounds = [0, *np.cumsum([len(part) for part in parts])[ends - 1].tolist()]
        return [joined[a:b] for a, b in pairwise(bounds)]

    def copy_ranges(self, offset: Array, length: Array, memory: Array, to: Array) -> None:
        """Copy ranges to places in memory, each up to where its datagram ends."""
        parts = self.slices(offset.tolist(), length.tolist())
        size = np.array([len(part) for part in parts], np.int64)
        copy_ranges(np.frombuffer(b"".join(parts), np.uint8), np.cumsum(size) - size, size, memory, to)

    def pieces(self) -> tuple[Array, Array, Array]:
        """Start, length and address of all pieces, as they were given."""
        return self._start, self._length, self._address

    def _pieces(self, offset: Array) -> Array:
        """The last piece that begins at or before each offset; -1 if there is none."""
        if self._slots is None:
            slot = self._start >> SLOT_BITS
            self._slots = np.flatnonzero(np.diff(slot, prepend=-1))
        if len(self._slots) != len(self) + SLOT_MASK >> SLOT_BITS:
            # Slots without pieces: none of those that reassembled datagrams make.
            found: Array = np.searchsorted(self._start, offset, side="right") - 1
            return found
        piece: Array = self._slots[np.minimum(offset >> SLOT_BITS, len(self._slots) - 1)]
        piece = piece - (self._start[piece] > offset)
        rows = np.arange(len(piece))
        # What is wanted mostly lies in the first piece of its datagram or the second.
        for _ in range(2):
            following = np.minimum(piece[rows] + 1, len(self._start) - 1)
            rows = rows[(following > piece[rows]) & (self._start[following] <= offset[rows])]
            piece[rows] += 1
        piece[rows] = np.searchsorted(self._start, offset[rows], side="right") - 1
        return piece
