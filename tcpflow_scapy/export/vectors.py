"""Segments straight from the map into a file: the system copies them, nothing is gathered before.

`os.pwritev` wants one object for each segment, and making those takes longer than the copy. The C library's
function takes a table of addresses and lengths, which numpy makes at once; while it runs, other threads can.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

VECTOR = 1024
"""Segments that one call writes: the least that systems promise to take at once (IOV_MAX)."""


TABLE = 1 << 14
"""Segments of short streams that are prepared together."""


@cache
def system_writer() -> Callable[[int, int, int, int], int] | None:
    """``pwritev`` of the C library; None where there is none or its types may be others."""
    if sys.maxsize < 1 << 32 or sys.platform == "win32":
        return None
    try:
        function: Any = ctypes.CDLL(None).pwritev
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_ssize_t
    function.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
    write: Callable[[int, int, int, int], int] = function
    return write


def write_vectors(descriptor: int, memory: Any, offset: Array, length: Array, place: Array) -> bool:
    """Write parts of a memory to places in a file.

    Parameters
    ----------
    descriptor : int
    memory : object
        Whose bytes are one piece of memory.
    offset, length, place : ndarray of int64
        Where in the file, how many bytes, where in the memory; ascending and without overlap in the file. All
        of it must be in the memory.

    Returns
    -------
    bool
        False if not everything was written. What was written before that stays in the file.

    Raises
    ------
    TypeError
        `memory` has none to show.
    """
    write = system_writer()
    if write is None:
        return False
    held = np.frombuffer(memory, np.uint8)
    if int(place.min()) < 0 or int((place + length).max()) > len(held):
        return False
    table = _table(held, length, place)
    address = table.ctypes.data
    for start, stop, at, size in _calls(offset, length):
        if write(descriptor, address + 16 * start, stop - start, at) != size:
            return False
    return True


class ShortVectors:
    """The same for many short streams without gaps, one call each.

    Parameters
    ----------
    memory : object
        Whose bytes are one piece of memory.
    length, place : ndarray of int64
        Segments of all streams.

    Raises
    ------
    TypeError
        `memory` has none to show.
    """

    def __init__(self, memory: Any, length: Array, place: Array) -> None:
        self._write = system_writer()
        self._held = np.frombuffer(memory, np.uint8)
        self._length, self._place = length, place
        self._first = self._stop = 0
        self._address = 0
        self._table: Array = np.empty((0, 2), np.uint64)

    def write(self, descriptor: int, start: int, stop: int, offset: int, size: int) -> bool:
        """Write segments `start` to `stop`, `size` bytes in all, at an offset; False if that did not work."""
        write = self._write
        if write is None or stop - start > VECTOR:
            return False
        if not self._first <= start <= stop <= self._stop:
            # Streams come nearly in order: some behind, most ahead.
            self._make(max(start - TABLE // 4, 0), max(stop, start + TABLE))
            if stop > self._stop:
                return False
        return write(descriptor, self._address + 16 * (start - self._first), stop - start, offset) == size

    def _make(self, start: int, stop: int) -> None:
        """The table of some segments; streams come in order, so that this is seldom done."""
        length, place = self._length[start:stop], self._place[start:stop]
        inside = bool(len(place)) and int(place.min()) >= 0 and int((place + length).max()) <= len(self._held)
        self._table = _table(self._held, length, place) if inside else np.empty((0, 2), np.uint64)
        self._address = self._table.ctypes.data
        self._first, self._stop = start, start + len(self._table)


def _table(held: Array, length: Array, place: Array) -> Array:
    """``struct iovec`` of segments."""
    table = np.empty((len(place), 2), np.uint64)
    table[:, 0] = place
    table[:, 0] += np.uint64(held.ctypes.data)
    table[:, 1] = length
    return table


def _calls(offset: Array, length: Array) -> list[tuple[int, int, int, int]]:
    """(first segment, stop, place in the file, bytes): what one call writes has no gap inside."""
    ends = offset + length
    heads = np.flatnonzero(offset[1:] != ends[:-1]) + 1
    cuts: list[int] = []
    for low, high in pairwise([0, *heads.tolist(), len(offset)]):
        cuts += range(low, high, VECTOR)
    cuts.append(len(offset))
    starts, stops = np.array(cuts[:-1]), np.array(cuts[1:])
    at = offset[starts]
    size = ends[stops - 1] - at
    return list(zip(cuts[:-1], cuts[1:], at.tolist(), size.tolist(), strict=True))
