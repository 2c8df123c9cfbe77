"""The bytes of a file that another program may cut, rewrite or lengthen while they are wanted.

A map of such a file is a trap: the system ends the process (SIGBUS) that reads a page which is not there any
more. So bytes are copied by ``pread``, in windows, and after every copy the system is asked whether the file
still is what it was.
"""

from __future__ import annotations

import mmap
import os
import sys
import time
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from tcpflow_scapy.capture.medium import Medium, copy_ranges, os_error, with_descriptors
from tcpflow_scapy.errors import CaptureChanged, CaptureOSError

Array = np.ndarray[Any, np.dtype[Any]]

WINDOW = 1 << 18
"""Bytes that one call reads at most where ranges follow one another"""

FIRST = 1 << 12
"""Bytes that one call reads at least; doubled as long as ranges follow one another"""

NEAR = 1 << 14
"""Bytes between two ranges that cost less to read than a call"""

PIECE = 1 << 20
"""Bytes that are hashed at a time, of what is read for nothing else"""

APART = 1 << 13
"""Bytes between two short ranges that cost less to read and copy than a call"""

PATIENCE = 20
"""Milliseconds that are waited for a time to come with a size, or to be another one"""

_CLOCK_REALTIME_COARSE = 5
"""Linux's clock that stamps files"""

SAMPLE = 1 << 12
SAMPLES = 8
"""What is compared of a file that grew: so many pieces of so many bytes, spread evenly; or all of it"""


class FileBytes:
    """A regular file as a buffer of the `Store`.

    Parameters
    ----------
    descriptor : int
        Open for reading; owned from here on.
    name : str
        For messages.
    private : bool
        No other program can write to it: it has no name.
    growing : bool
        It is being written by this program, at its end: empty until `grow` looks.

    Raises
    ------
    CaptureOSError
        The system does not say how long it is.
    """

    def __init__(self, descriptor: int, name: str, *, private: bool = False, growing: bool = False) -> None:
        self.name = name
        self._descriptor = descriptor
        self._private = private
        self._map: mmap.mmap | None = None
        self._close = weakref.finalize(self, os.close, descriptor)
        try:
            self._seen = os.fstat(descriptor) if private or growing else _settled(descriptor)
            self._size = 0 if growing else self._seen.st_size
            self._samples = 0 if private else self._sample()
        except OSError as error:
            self._close()
            raise os_error(error, name) from error

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, where: slice) -> bytes:
        """The bytes of a slice; only where the file ends fewer."""
        start, stop, _ = where.indices(self._size)
        data = self._pread(start, max(stop - start, 0))
        self.check()
        return data

    def read_into(self, view: memoryview, offset: int) -> int:
        """Fill `view` from `offset`; returns the bytes read, fewer only where the file ends.

        Raises
        ------
        CaptureChanged, CaptureOSError
        """
        view = view[: max(0, self._size - offset)]
        done = 0
        try:
            while done < len(view):
                got = read_at(self._descriptor, view[done:], offset + done)
                if not got:
                    break
                done += got
        except OSError as error:
            raise os_error(error, self.name, offset + done) from error
        self.check()
        return done

    def slices(self, offsets: Sequence[int], lengths: Sequence[int]) -> list[bytes]:
        """One `bytes` for each (offset, length)."""
        parts: list[bytes] = []
        window, base, stop, size = b"", 0, 0, FIRST
        for at, length in zip(offsets, lengths, strict=True):
            if at < base or at + length > stop:
                size = min(2 * size, WINDOW) if stop and -NEAR <= at - stop <= NEAR else FIRST
                window = self._pread(at, max(size, length))
                base, stop = at, at + len(window)
            parts.append(window[at - base : at - base + length])
        self.check()
        return parts

    def copy_ranges(self, offset: Array, length: Array, memory: Array, to: Array) -> None:
        """Copy ranges to places in memory, by column; what lies behind the end of the file is left out."""
        length = np.clip(self._size - offset, 0, length)
        order = np.argsort(offset)
        order = order[length[order] > 0]
        if not len(order):
            return
        start, size = offset[order], length[order]
        stop = np.maximum.accumulate(start + size)
        new = np.ones(len(start), bool)
        new[1:] = (start[1:] - stop[:-1] > APART) | (start[1:] // WINDOW != start[:-1] // WINDOW)
        first = np.flatnonzero(new)
        last = np.append(first[1:], len(start))
        begin, end = start[first], stop[last - 1]
        volume = np.cumsum(end - begin)
        low = 0
        while low < len(first):
            # Some calls at a time: what they read is copied from one memory.
            read = int(volume[low - 1]) if low else 0
            high = max(int(np.searchsorted(volume, read + WINDOW, "right")), low + 1)
            calls = zip(begin[low:high].tolist(), end[low:high].tolist(), strict=True)
            octets = np.frombuffer(b"".join([self._pread(at, until - at) for at, until in calls]), np.uint8)
            if len(octets) < volume[high - 1] - read:
                break
            rows = slice(int(first[low]), int(last[high - 1]))
            shift = volume[low:high] - end[low:high] - read
            place = start[rows] + np.repeat(shift, last[low:high] - first[low:high])
            copy_ranges(octets, place, size[rows], memory, to[order[rows]])
            low = high
        self.check()

    def hash_into(self, digest: Any, start: int = 0, stop: int | None = None) -> None:
        """Put a range of bytes, or all, into `digest` (of `hashlib`)."""
        stop = self._size if stop is None else stop
        for at in range(start, stop, PIECE):
            digest.update(self._pread(at, min(PIECE, stop - at)))
        self.check()

    def map(self) -> mmap.mmap:
        """The file mapped, for the system to copy from: nothing in this process may read it. What was
        copied counts only once `check` has found nothing.

        Raises
        ------
        CaptureChanged, CaptureOSError
        """
        if self._map is None:
            # A map has a descriptor of its own, where Python does not know how to do without.
            options: dict[str, Any] = {"trackfd": False} if sys.version_info >= (3, 13) else {}
            self.check()
            try:
                self._map = with_descriptors(
                    lambda: mmap.mmap(self._descriptor, self._size, access=mmap.ACCESS_READ, **options)
                )
            except (OSError, ValueError) as error:
                self.check()
                raise os_error(error, self.name) from error
        return self._map

    def status(self) -> os.stat_result:
        """What the system said of the file when it was looked at last."""
        return self._seen

    def grow(self) -> bool:
        """Look how long the file is now; True if it has grown since."""
        self.check()
        if self._seen.st_size == self._size:
            return False
        self._size = self._seen.st_size
        self._samples = self._sample()
        return True

    def check(self) -> None:
        """Make sure that what was read until now is what the file held when it was opened.

        What is appended does not matter: a capture may still be written. Then, and if only the time at which
        its name or its rights changed is another, pieces of the file are compared.

        Raises
        ------
        CaptureChanged
            The file is shorter, or was written to elsewhere than at its end.
        """
        if self._private:
            return
        try:
            now, seen = os.fstat(self._descriptor), self._seen
            for _ in range(PATIENCE):
                if _written(seen) == _written(now) or now.st_size != seen.st_size:
                    break
                # Who appends sets the time first, and then the size.
                time.sleep(0.001)
                now = os.fstat(self._descriptor)
        except OSError as error:
            raise os_error(error, self.name) from error
        written = _written(now) != _written(seen)
        if not written and now.st_ctime_ns == seen.st_ctime_ns:
            return
        if now.st_size < self._size:
            raise CaptureChanged("the file became shorter since it was read", path=self.name)
        if (written and now.st_size == seen.st_size) or self._sample() != self._samples:
            raise CaptureChanged("the file was written to since it was read", path=self.name)
        self._seen = now

    def _pread(self, offset: int, length: int) -> bytes:
        length = min(length, self._size - offset)
        if length <= 0:
            return b""
        try:
            data = read_some(self._descriptor, length, offset)
            while len(data) < length:
                more = read_some(self._descriptor, length - len(data), offset + len(data))
                if not more:
                    break
                data += more
        except OSError as error:
            raise os_error(error, self.name, offset) from error
        return data

    def _sample(self) -> int:
        if self._size <= SAMPLE * SAMPLES:
            return hash(self._pread(0, self._size))
        last = self._size - SAMPLE
        places = [number * last // (SAMPLES - 1) for number in range(SAMPLES)]
        return hash(b"".join([self._pread(place, SAMPLE) for place in places]))


class FileMedium(Medium):
    """A regular file, not empty.

    Parameters
    ----------
    descriptor, name, private, growing
        As for `FileBytes`.

    Raises
    ------
    CaptureOSError
        The file is empty, or the system does not let us read it.
    """

    lasting = True

    def __init__(self, descriptor: int, name: str, *, private: bool = False, growing: bool = False) -> None:
        self.name = name
        self.buffer: FileBytes = FileBytes(descriptor, name, private=private, growing=growing)
        self.size = len(self.buffer)
        self._closed = False
        self._hash: Any = None
        self._hashed = 0
        if not self.size and not growing:
            raise CaptureOSError("is empty", path=name)

    def read_into(self, view: memoryview, offset: int) -> int:
        """Read from the file."""
        if self._closed:
            raise ValueError(f"{self.name}: read after close")
        done = self.buffer.read_into(view, offset)
        if self._hash is not None and offset + done > self._hashed:
            self._hash_up_to(offset)
            self._hash.update(view[self._hashed - offset : done])
            self._hashed = offset + done
        return done

    def hash_with(self, digest: Any) -> None:
        """Every byte goes into `digest` (of `hashlib`) as it is read for the first time."""
        self._hash = digest

    def close(self) -> None:
        """Nothing more is read; what was passed over goes into the digest. The buffer stays."""
        if self._hash is not None:
            self._hash_up_to(self.size)
            self._hash = None
        self._closed = True

    def grow(self) -> bool:
        """Look how long the file is now; True if it has grown since."""
        grown = self.buffer.grow()
        self.size = len(self.buffer)
        return grown

    def _hash_up_to(self, offset: int) -> None:
        if self._hashed < offset:
            self.buffer.hash_into(self._hash, self._hashed, offset)
            self._hashed = offset


def _written(status: os.stat_result) -> tuple[int, ...]:
    """What is another one when a file was written to."""
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev


def _settled(descriptor: int) -> os.stat_result:
    """The file's status, at a moment from which on writing to it gives it another time.

    The clock that stamps files moves in ticks of some milliseconds: what is written twice within a tick
    looks as if it had been written once.
    """
    status = os.fstat(descriptor)
    if sys.platform == "linux":
        for _ in range(PATIENCE):
            if time.clock_gettime_ns(_CLOCK_REALTIME_COARSE) != status.st_mtime_ns:
                break
            time.sleep(0.001)
            status = os.fstat(descriptor)
    return status


if sys.platform == "win32":  # pragma: no cover

    def read_at(descriptor: int, view: memoryview, offset: int) -> int:
        """Fill a view from an offset; the number of bytes read."""
        data = read_some(descriptor, len(view), offset)
        view[: len(data)] = data
        return len(data)

    def read_some(descriptor: int, length: int, offset: int) -> bytes:
        """At most `length` bytes from an offset."""
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, length)

else:

    def read_at(descriptor: int, view: memoryview, offset: int) -> int:
        """Fill a view from an offset, without moving the file's position; the number of bytes read."""
        return os.preadv(descriptor, [view], offset)

    def read_some(descriptor: int, length: int, offset: int) -> bytes:
        """At most `length` bytes from an offset."""
        return os.pread(descriptor, length, offset)
