"""A medium: the bytes of one capture, readable at any offset.

A plain file is read with ``pread`` into reused buffers (walking a map would pay a page fault for
nearly every page) and mapped as well, for payload on demand; bytes in memory are their own map.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
import weakref
from typing import Any

from tcpflow_scapy.errors import CaptureOSError


class Medium:
    """Bytes at offsets."""

    name: str
    """what people call it: a path, mostly"""
    size: int
    """bytes, fixed when it was opened: a file that still grows is read up to there"""
    buffer: Any
    """all of it, sliceable: what the `Store` holds"""
    lasting = False
    """whether reading takes time that another thread can spend"""

    def read_into(self, view: memoryview, offset: int) -> int:
        """Fill `view` from `offset`; returns the bytes read, fewer only at the end."""
        raise NotImplementedError

    def read(self, offset: int, length: int) -> bytes:
        """Some bytes; fewer where the medium ends."""
        return bytes(self.buffer[offset : offset + length])

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


class FileMedium(Medium):
    """A regular file, not empty.

    Parameters
    ----------
    descriptor : int
        Open for reading; owned from here on.
    name : str
        For messages.

    Raises
    ------
    CaptureOSError
        The system refuses to map it.
    """

    lasting = True

    def __init__(self, descriptor: int, name: str) -> None:
        self.name = name
        self._descriptor = descriptor
        self._close = weakref.finalize(self, os.close, descriptor)
        try:
            self.size = os.fstat(descriptor).st_size
            self.buffer = _map(descriptor)
        except (OSError, ValueError) as error:
            self.close()
            raise os_error(error, name) from error

    def read_into(self, view: memoryview, offset: int) -> int:
        """Read from the file, without moving its position where the system allows that."""
        if not self._close.alive:
            raise ValueError(f"{self.name}: read after close")
        view = view[: max(0, self.size - offset)]
        done = 0
        try:
            while done < len(view):
                got = _read_at(self._descriptor, view[done:], offset + done)
                if not got:
                    break
                done += got
        except OSError as error:
            raise os_error(error, self.name, offset + done) from error
        return done

    def close(self) -> None:
        """Close the descriptor; the map stays."""
        self._close()


if sys.platform == "win32":  # pragma: no cover

    def _read_at(descriptor: int, view: memoryview, offset: int) -> int:
        os.lseek(descriptor, offset, os.SEEK_SET)
        data = os.read(descriptor, len(view))
        view[: len(data)] = data
        return len(data)

else:

    def _read_at(descriptor: int, view: memoryview, offset: int) -> int:
        return os.preadv(descriptor, [view], offset)


def _map(descriptor: int) -> mmap.mmap:
    """Map a file read-only. A map holds a descriptor of its own, through which its file's size is looked
    at; so thousands of captures meet the soft limit of descriptors; the hard one is far away."""
    for attempt in (1, 2):
        try:
            return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        except OSError as error:
            if attempt == 2 or error.errno != errno.EMFILE or not raise_descriptor_limit():
                raise
    raise AssertionError("unreachable")


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
