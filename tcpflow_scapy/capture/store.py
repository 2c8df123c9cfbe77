"""The bytes behind every table: buffers in one address space.

An *address* is an int64: the number of a buffer in the bits from ``ADDRESS_SHIFT`` up, the offset
inside it below. Captured files are buffers, reassembled IP datagrams are another.
Columns hold addresses, never bytes, so that memory does not grow with payload.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tcpflow_scapy.capture.medium import copy_out

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
        """Add a buffer: anything sliceable that yields bytes-like, such as bytes, memoryview, `FileBytes`.

        One that has no memory to show needs two methods: ``slices(offsets, lengths)`` gives many ranges at
        once, ``copy_ranges(offset, length, memory, to)`` copies them.

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
                offsets = [a - base for a in addresses] if base else addresses
                found: list[bytes] = buffer.slices(offsets, lengths)
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
        """A buffer that can be read."""
        return self._buffers[number]

    def copy(self, addresses: Array, lengths: Array, memory: Array, to: Array) -> None:
        """Copy short ranges to places in memory, by column.

        Parameters
        ----------
        addresses, lengths, to : ndarray of int64
            Ranges of bytes, and where each goes in `memory`; what lies behind a buffer's end is left out.
        memory : ndarray of uint8
        """
        numbers = addresses >> ADDRESS_SHIFT
        if len(numbers) and (numbers == numbers[0]).all():
            copy_out(self._whole(int(numbers[0])), addresses & OFFSET_MASK, lengths, memory, to)
            return
        for number in np.unique(numbers).tolist():
            rows = np.flatnonzero(numbers == number)
            offsets = addresses[rows] & OFFSET_MASK
            copy_out(self._whole(number), offsets, lengths[rows], memory, to[rows])

    def joined(self, addresses: Array, lengths: Array) -> Array:
        """The bytes of short ranges, laid end to end: uint8. Behind a buffer's end there are zeros."""
        memory = np.zeros(int(lengths.sum()), np.uint8)
        self.copy(addresses, lengths, memory, np.cumsum(lengths) - lengths)
        return memory
