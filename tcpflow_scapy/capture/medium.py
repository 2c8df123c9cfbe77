"""A medium: the bytes of one capture, readable at any offset.

A file is read with ``pread`` (`file_bytes`), while its frames are walked and for payload on demand: see there
why it is not mapped.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from tcpflow_scapy.errors import CaptureOSError

Array = np.ndarray[Any, np.dtype[Any]]

T = TypeVar("T")

_LENGTHS = 4
"""Lengths of ranges of which all are copied at once, the longest first"""


class Medium:
    """Bytes at offsets."""

    name: str
    """what people call it: a path, mostly"""
    size: int
    """bytes, fixed when it was opened: a file that still grows is read up to there"""
    buffer: Any
    """all of it, sliceable: what the `Store` holds"""
    original: Any = None
    """the file it was decompressed from (`FileBytes`)"""
    lasting = False
    """whether reading takes time that another thread can spend"""

    def read_into(self, view: memoryview, offset: int) -> int:
        """Fill `view` from `offset`; returns the bytes read, fewer only at the end."""
        raise NotImplementedError

    def read(self, offset: int, length: int) -> bytes:
        """Some bytes; fewer where the medium ends."""
        return bytes(self.buffer[offset : offset + length])

    def records(self, offsets: Array, dtype: np.dtype[Any]) -> Array:
        """One record at each offset, all of them inside."""
        memory = np.empty(len(offsets) * dtype.itemsize, np.uint8)
        length = np.full(len(offsets), dtype.itemsize)
        copy_out(self.buffer, offsets, length, memory, np.cumsum(length) - length)
        return memory.view(dtype)

    def hash_with(self, digest: Any) -> None:
        """Every byte goes into `digest` (of `hashlib`), at the latest when this is closed."""
        digest.update(self.buffer)

    def close(self) -> None:
        """Give back what reading needed; `buffer` stays valid for its holders."""


class MemoryMedium(Medium):
    """A capture that lies in memory already."""

    def __init__(self, data: bytes, name: str) -> None:
        self.name, self.size, self.buffer = name, len(data), data

    def read_into(self, view: memoryview, offset: int) -> int:
        """Copy."""
        part = self.buffer[offset : offset + len(view)]
        view[: len(part)] = part
        return len(part)


def copy_out(buffer: Any, offset: Array, length: Array, memory: Array, to: Array) -> None:
    """Copy short ranges from a buffer to places in memory, by column; what is behind its end is left out."""
    if hasattr(buffer, "copy_ranges"):
        buffer.copy_ranges(offset, length, memory, to)
    else:
        copy_ranges(np.frombuffer(buffer, np.uint8), offset, length, memory, to)


def copy_ranges(octets: Array, place: Array, length: Array, memory: Array, to: Array) -> None:
    """Copy short ranges from one memory to another, by column.

    Parameters
    ----------
    octets, memory : ndarray of uint8
    place, length, to : ndarray of int64
        Where each range lies in `octets`, how long it is, and where it goes in `memory`.
    """
    length = np.clip(len(octets) - place, 0, length)
    # Most are of few lengths: whole ranges are copied many times faster than bytes.
    for _ in range(_LENGTHS):
        width = int(length.max()) if len(length) else 0
        if not width:
            return
        same = length == width
        source = np.ndarray((len(octets) - width + 1,), f"V{width}", buffer=octets.data, strides=(1,))
        sink = np.ndarray((len(memory) - width + 1,), f"V{width}", buffer=memory.data, strides=(1,))
        sink[to[same]] = source[place[same]]
        length, place, to = length[~same], place[~same], to[~same]
    run = np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)
    memory[np.repeat(to, length) + run] = octets[np.repeat(place, length) + run]


def with_descriptors(make: Callable[[], T]) -> T:
    """Do what needs a descriptor; the soft limit of open files is raised where it stands in the way: a
    descriptor for each capture meets it with thousands of them, and the hard one is far away."""
    try:
        return make()
    except OSError as error:
        if error.errno != errno.EMFILE or not raise_descriptor_limit():
            raise
    return make()


def raise_descriptor_limit() -> bool:
    """Raise the soft limit of open files to the hard one; False where that changes nothing."""
    try:
        import resource
    except ImportError:  # pragma: no cover
        return False
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard or soft == resource.RLIM_INFINITY:
        return False
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # pragma: no cover
        return False
    return True


def os_error(error: BaseException, path: str | None, offset: int | None = None) -> CaptureOSError:
    """The same trouble as a `CaptureOSError`, with its ``errno``."""
    text = getattr(error, "strerror", None) or str(error)
    out = CaptureOSError(text, path=path, offset=offset)
    out.errno = getattr(error, "errno", None)
    out.strerror = text
    return out
