"""One file of a spool: blocks are appended whole, or not at all."""

from __future__ import annotations

import os
from contextlib import suppress

import numpy as np

from tcpflow_scapy.capture.frames import Array
from tcpflow_scapy.capture.live.room import Room

LAST_WORDS = 4096
"""Bytes that frames leave free on a disk that gets full: for saying, at the end, how many are missing."""


class SpoolFile:
    """An open file that ends with a whole block at every moment.

    Parameters
    ----------
    descriptor : int
        Of an empty regular file, open for writing; owned from here on.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._room = Room(descriptor)
        self.size = 0
        """bytes"""

    def append(self, data: bytes) -> None:
        """Append one block, or several that belong together.

        Raises
        ------
        OSError
            They are not there.
        """
        self._room.ensure(self.size, self.size + len(data))
        done, error = self._write(memoryview(data))
        if error is not None:
            self._truncate(self.size)
            raise error
        self.size += done

    def append_blocks(self, data: memoryview, ends: Array) -> tuple[int, OSError | None]:
        """Append as many blocks as there is room for.

        Parameters
        ----------
        data : memoryview
        ends : int64[n]
            Where each block ends in it.

        Returns
        -------
        kept : int
            Blocks that are in the file.
        error : OSError, optional
            Why not all of them are.
        """
        kept, error = self._fitting(ends)
        if not kept:
            return 0, error
        done, torn = self._write(data[: int(ends[kept - 1])])
        if torn is not None:
            error = torn
            kept = int(np.searchsorted(ends, done, "right"))
            done = int(ends[kept - 1]) if kept else 0
            self._truncate(self.size + done)
        self.size += done
        return kept, error

    def _fitting(self, ends: Array) -> tuple[int, OSError | None]:
        """How many of the blocks there is room for, and why not for all.

        A torn block would have to be taken back, from under the eyes of whoever has the file mapped.
        """
        low, high, trouble = 0, len(ends), None
        # Usually one question; on a full disk as many as it takes to find the last block that fits.
        tried = high
        while low < high:
            try:
                self._room.ensure(self.size, self.size + int(ends[tried - 1]) + LAST_WORDS)
                low = tried
            except OSError as error:
                high, trouble = tried - 1, error
            tried = (low + high + 1) // 2
        return low, trouble

    def _write(self, data: memoryview) -> tuple[int, OSError | None]:
        """Write behind the end; how much went in, and why not all."""
        done = 0
        try:
            while done < len(data):
                done += os.pwrite(self._descriptor, data[done:], self.size + done)
        except OSError as error:
            return done, error
        return done, None

    def _truncate(self, size: int) -> None:
        with suppress(OSError):
            os.ftruncate(self._descriptor, size)

    def close(self, *, sync: bool = False) -> None:
        """Close it, and give back what was reserved; `sync`: once it is on the disk."""
        self._truncate(self.size)
        if sync:
            with suppress(OSError):
                os.fsync(self._descriptor)
        os.close(self._descriptor)
