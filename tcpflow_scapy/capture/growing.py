"""Columns that grow while a capture is read."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_FIRST = 1 << 12
_GROWTH = 1.4


class GrowingColumn:
    """One column of unknown length, in one piece of memory.

    Keeping the parts and joining them at the end would need twice the memory at that moment, and the holes
    that many small freed parts leave are not given back to the system. A large array that grows is moved by
    the kernel, page by page, without a copy.

    Parameters
    ----------
    dtype : dtype
    room : int
        Values expected, where that is known.
    """

    def __init__(self, dtype: Any, room: int = _FIRST) -> None:
        self._data: Array = np.empty(room, dtype)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, values: Array) -> None:
        """Add values at the end; they are converted to the column's type."""
        end = self._length + len(values)
        if end > len(self._data):
            # No view of it was ever given away.
            self._data.resize(max(end, int(len(self._data) * _GROWTH)), refcheck=False)
        self._data[self._length : end] = values
        self._length = end

    def build(self) -> Array:
        """All values. The column is empty afterwards."""
        data, self._data = self._data, np.empty(_FIRST, self._data.dtype)
        data.resize(self._length, refcheck=False)
        self._length = 0
        return data
