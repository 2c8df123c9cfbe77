"""Room on the disk, taken before it is needed: what is then written cannot be torn by a full disk."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from typing import Any

STEP = 4 << 20
"""Bytes reserved at a time beyond what is needed now."""

KEEP_SIZE = 1
"""FALLOC_FL_KEEP_SIZE: reserved bytes are no part of the file yet."""

_NOT_HERE = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV, errno.ESPIPE}


class Room:
    """Reserved bytes behind the end of a file.

    Parameters
    ----------
    descriptor : int
        A regular file, open for writing.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._until = 0
        self._reserve: Any = _fallocate()

    def ensure(self, start: int, end: int) -> None:
        """See to it that bytes `start` to `end` can be written.

        Raises
        ------
        OSError
            They cannot: the disk is full, or a quota or limit is reached. Nothing has changed.
        """
        limit = _size_limit()
        if limit is not None and end > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        if end <= self._until or self._reserve is None:
            return
        try:
            self._allocate(start, end + STEP)
            self._until = end + STEP
        except OSError:
            # Not so much; but perhaps enough.
            self._allocate(start, end)
            self._until = end

    def _allocate(self, start: int, end: int) -> None:
        if self._reserve is None:
            return
        if self._reserve(self._descriptor, KEEP_SIZE, start, end - start):
            number = ctypes.get_errno()
            if number in _NOT_HERE:
                # This file system cannot: writing has to show whether there is room.
                self._reserve = None
                return
            raise OSError(number, os.strerror(number))


def _fallocate() -> Any:
    """The system's call; None where there is none."""
    if sys.platform != "linux":  # pragma: no cover
        return None
    library = ctypes.CDLL(None, use_errno=True)
    function = getattr(library, "fallocate64", None) or getattr(library, "fallocate", None)
    if function is not None:
        function.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return function


def _size_limit() -> int | None:
    """Longest file that this process may write."""
    try:
        import resource
    except ImportError:  # pragma: no cover
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return None if soft == resource.RLIM_INFINITY else soft
