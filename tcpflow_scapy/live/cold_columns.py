"""Columns on disk: they grow at the end and are read as arrays, and their memory is the page cache.

A file without a name holds each column. It is made longer than what it holds, by steps that grow with it, so
that a map of it is seldom made anew; values are written, not stored through the map, so that a full disk is
an error and not a signal.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tcpflow_scapy.capture.medium import os_error, with_descriptors

Array = np.ndarray[Any, np.dtype[Any]]

T = TypeVar("T")

_FIRST = 1 << 16
"""Bytes that the file of a column is made for first."""

_GROWTH = 2

PART_ROWS = 1 << 18
"""Rows that are copied at a time."""


class DiskColumn:
    """One column.

    Parameters
    ----------
    dtype : dtype
    folder : str
        Where the file lies; it has no name there.

    Raises
    ------
    CaptureOSError
        No file can be made, here, or it finds no room, in `append`.
    """

    __slots__ = ("__weakref__", "_close", "_descriptor", "_folder", "_length", "_map", "dtype")

    def __init__(self, dtype: Any, folder: str) -> None:
        self.dtype = np.dtype(dtype)
        self._folder = folder
        self._length = 0
        self._map: Array = np.empty(0, self.dtype)
        self._descriptor = _nameless(folder)
        self._close = weakref.finalize(self, os.close, self._descriptor)

    def __len__(self) -> int:
        return self._length

    def append(self, values: Array) -> None:
        """Add values at the end; they are converted to the column's type."""
        if not len(values):
            return
        data = memoryview(np.ascontiguousarray(values, self.dtype).view(np.uint8).data)
        at = self._length * self.dtype.itemsize
        try:
            while len(data):
                done = os.pwrite(self._descriptor, data, at)
                data, at = data[done:], at + done
        except OSError as error:
            raise os_error(error, self._folder) from error
        self._length += len(values)

    def view(self) -> Array:
        """All values so far. What is appended later does not change the array; it outlives the column."""
        if not self._length:
            return np.empty(0, self.dtype)
        if self._length > len(self._map):
            self._remap()
        return self._map[: self._length]

    def _remap(self) -> None:
        size = max(_FIRST, int(self._length * _GROWTH) * self.dtype.itemsize)

        def make() -> mmap.mmap:
            os.ftruncate(self._descriptor, size)
            return mmap.mmap(self._descriptor, size, access=mmap.ACCESS_READ)

        mapped = _with_descriptors(make, self._folder)
        self._map = np.frombuffer(mapped, self.dtype, size // self.dtype.itemsize)

    def close(self) -> None:
        """Close the file; arrays that were given out stay."""
        self._close()
        self._map, self._length = np.empty(0, self.dtype), 0


def folder_beside(path: Path) -> Path | None:
    """Where columns lie best: beside a file that is larger still; None where that cannot be written to.

    The folder for temporary files may be memory.
    """
    folder = path.absolute().parent
    return folder if os.access(folder, os.W_OK) else None


def _nameless(folder: str) -> int:
    """Descriptor of a new file without a name."""

    def make() -> int:
        with tempfile.TemporaryFile(dir=folder, prefix="tcpflow-scapy-") as file:
            return os.dup(file.fileno())

    return _with_descriptors(make, folder)


def _with_descriptors(make: Callable[[], T], folder: str) -> T:
    try:
        return with_descriptors(make)
    except OSError as error:
        raise os_error(error, folder) from error


class DiskTable:
    """Columns of one length.

    Parameters
    ----------
    dtypes : mapping of str to dtype
    folder : str
    """

    def __init__(self, dtypes: Mapping[str, Any], folder: str) -> None:
        self._columns = {name: DiskColumn(dtype, folder) for name, dtype in dtypes.items()}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, part: Mapping[str, Array]) -> None:
        """Add rows; every column must be there, and all of one length."""
        lengths = {len(part[name]) for name in self._columns}
        if len(lengths) != 1:
            raise ValueError(f"columns of {sorted(lengths)} rows are no table")
        for name, column in self._columns.items():
            column.append(part[name])
        self._length += lengths.pop()

    def column(self, name: str) -> Array:
        """All values of one column."""
        return self._columns[name].view()

    def views(self) -> dict[str, Array]:
        """All columns."""
        return {name: column.view() for name, column in self._columns.items()}

    def rows(self, index: Array) -> dict[str, Array]:
        """Some rows, as copies."""
        return {name: column.view()[index] for name, column in self._columns.items()}

    def close(self) -> None:
        """Close the files; arrays that were given out stay."""
        for column in self._columns.values():
            column.close()
        self._length = 0
