"""The bytes behind every table: buffers in one address space.

An *address* is an int64: the number of a buffer in the bits from ``ADDRESS_SHIFT`` up, the offset
inside it below. Captured files are buffers (memory-mapped), reassembled IP datagrams are another.
Columns hold addresses, never bytes, so that memory does not grow with payload.
"""

from __future__ import annotations

from collections.abc import Sequence
from mmap import mmap
from typing import Any

import numpy as np

from tcpflow_scapy.errors import CaptureOSError

Array = np.ndarray[Any, np.dtype[Any]]

ADDRESS_SHIFT = 44
"""Bits for the offset inside a buffer: files of up to 16 TiB."""

OFFSET_MASK = (1 << ADDRESS_SHIFT) - 1


class Store:
    """Buffers, by address."""

    def __init__(self) -> None:
        self._buffers: list[Any] = []
        self._names: list[str] = []

    def add(self, buffer: Any, name: str) -> int:
        """Add a buffer: anything sliceable that yields bytes-like, such as mmap, bytes, memoryview.

        One that has no memory to show needs a method ``array()`` that gives its bytes as uint8 array, and may
        have ``slices(offsets, lengths)`` that gives many ranges at once.

        Returns
        -------
        int
            The address of its first byte.
        """
        self._buffers.append(buffer)
        self._names.append(name)
        return (len(self._buffers) - 1) << ADDRESS_SHIFT

    def replace(self, address: int, buffer: Any) -> None:
        """Put another buffer in the place of the one at `address` (a buffer that grew)."""
        self._buffers[address >> ADDRESS_SHIFT] = buffer

    def __len__(self) -> int:
        return len(self._buffers)

    def name(self, address: int) -> str:
        """Name of the buffer (a path, mostly) in which `address` lies."""
        return self._names[address >> ADDRESS_SHIFT]

    def buffer(self, number: int) -> Any:
        """The buffer of that number."""
        return self._whole(number)

    def read(self, address: int, length: int) -> bytes:
        """`length` bytes from `address`; fewer only where the buffer ends."""
        start = address & OFFSET_MASK
        return bytes(self._whole(address >> ADDRESS_SHIFT)[start : start + length])

    def slices(self, addresses: Sequence[int], lengths: Sequence[int]) -> list[bytes]:
        """One `bytes` for each (address, length): the inner loop of all payload access."""
        if not len(addresses):
            return []
        first = min(addresses) >> ADDRESS_SHIFT
        if len(self._buffers) == 1 or max(addresses) >> ADDRESS_SHIFT == first:
            buffer = self._whole(first)
            base = first << ADDRESS_SHIFT
            if hasattr(buffer, "slices"):
                found: list[bytes] = buffer.slices(np.array(addresses) - base, np.array(lengths))
                return found
            return [buffer[a - base : a - base + n] for a, n in zip(addresses, lengths, strict=True)]
        rows: dict[int, list[int]] = {}
        for i, address in enumerate(addresses):
            rows.setdefault(address >> ADDRESS_SHIFT, []).append(i)
        parts = [b""] * len(addresses)
        for some in rows.values():
            ours = self.slices([addresses[i] for i in some], [lengths[i] for i in some])
            for i, part in zip(some, ours, strict=True):
                parts[i] = part
        return parts

    def _whole(self, number: int) -> Any:
        """A buffer that can be read: the system kills who reads a map beyond a file that became shorter.

        Raises
        ------
        CaptureOSError
            If the file was cut or written anew since it was read.
        """
        buffer = self._buffers[number]
        if isinstance(buffer, mmap) and buffer.size() < len(buffer):
            raise CaptureOSError("the file became shorter since it was read", path=self._names[number])
        return buffer

    def direct(self, addresses: Array, lengths: Array) -> Array:
        """Where the same bytes lie in buffers that are memory of their own.

        Parameters
        ----------
        addresses, lengths : ndarray of int64
            Ranges of bytes.

        Returns
        -------
        ndarray of int64
            Addresses; -1 for ranges that several pieces of other buffers make up.
        """
        pieced = [n for n, buffer in enumerate(self._buffers) if hasattr(buffer, "locate")]
        if not pieced:
            return addresses
        found = np.array(addresses, np.int64)
        # A buffer's pieces lie in buffers that were there before it.
        for number in reversed(pieced):
            rows = np.flatnonzero(found >> ADDRESS_SHIFT == number)
            if len(rows):
                found[rows] = self._buffers[number].locate(found[rows] & OFFSET_MASK, lengths[rows])
        return found

    def array(self, number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The buffer of that number as a read-only uint8 array (no copy)."""
        buffer = self._whole(number)
        # A buffer without memory of its own (pieces of others) knows how to get some.
        return buffer.array() if hasattr(buffer, "array") else np.frombuffer(buffer, np.uint8)
