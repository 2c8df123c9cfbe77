"""Stream bytes into a file: large pieces, sparse gaps, hashes on the way.

A stream is a list of extents in the capture. They are gathered into pieces of some MiB, because the system
writes one large piece several times as fast as a thousand segments, and because hashing and writing let
other threads run only while they work on something large.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tcpflow_scapy.capture.file_bytes import FileBytes
from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.export.vectors import ShortVectors, write_vectors

Array = np.ndarray[Any, np.dtype[Any]]

PIECE = 4 << 20
"""Bytes gathered at a time."""

PIECE_EXTENTS = 1 << 16
"""Extents gathered at a time, for streams of tiny segments."""

FEW = 48
"""Extents up to which a stream is cut into pieces without arrays."""

WORTH_A_VECTOR = 256
"""Mean bytes of an extent from which on a copy costs more than naming it to the system."""

ZEROS_PER_BYTE = 2
"""Gap bytes for each captured one up to which a file is hashed: a gap costs nothing on disk, but a hash has
to see its zeros, and who sends little must not order much work."""

MORE_ZEROS = 4 << 20
"""Further gap bytes that are hashed in one export, of its first files that need them."""

NOT_HASHED = "not hashed"
"""Stands for the digest of a file with larger gaps."""

_ZEROS = bytes(1 << 20)


@dataclass(slots=True)
class Extents:
    """The captured bytes of one stream, in stream order, without overlap."""

    offset: Array
    """int64, place in the stream"""
    length: Array
    """int64"""
    address: Array
    """int64, place in the store"""

    def limited(self, size: int | None) -> Extents:
        """Only what lies at stream offsets below `size` (None: everything)."""
        if size is None or not len(self.offset) or int(self.offset[-1] + self.length[-1]) <= size:
            return self
        kept = self.offset < size
        offset = self.offset[kept]
        return Extents(offset, np.minimum(self.length[kept], size - offset), self.address[kept])

    @property
    def end(self) -> int:
        """Stream offset after the last captured byte."""
        return int(self.offset[-1] + self.length[-1]) if len(self.offset) else 0

    @property
    def captured(self) -> int:
        """Number of captured bytes."""
        return int(self.length.sum())


def pieces(store: Store, extents: Extents) -> Iterator[tuple[int, bytes]]:
    """The stream's bytes as (offset, bytes), at most about `PIECE` bytes each, gaps between them left out."""
    borders = _few_borders(extents) if len(extents.offset) <= FEW else _piece_borders(extents)
    for start, stop in borders:
        yield (
            int(extents.offset[start]),
            gather(store, extents.address[start:stop], extents.length[start:stop]),
        )


def gather(store: Store, addresses: Array, lengths: Array) -> bytes:
    """The bytes at several places, joined."""
    starts = addresses.tolist()
    if len(starts) == 1:
        return store.read(starts[0], int(lengths[0]))
    return b"".join(store.slices(starts, lengths.tolist()))


def mapped(store: Store) -> memoryview | None:
    """The capture, where it lies in one piece of memory: addresses are places in it.

    Only the system may copy from it: it says so where a file has become shorter, while a process that reads
    there is ended. The caller then checks whether the capture is `unchanged`.
    """
    if len(store) != 1:
        return None
    buffer = store.buffer(0)
    try:
        return memoryview(buffer.map() if isinstance(buffer, FileBytes) else buffer)
    except TypeError:  # made of pieces of other buffers
        return None


def unchanged(store: Store) -> None:
    """Make sure that what the system copied out of the map is what the capture held.

    Raises
    ------
    CaptureChanged
    """
    buffer = store.buffer(0)
    if isinstance(buffer, FileBytes):
        buffer.check()


def _few_borders(extents: Extents) -> Iterator[tuple[int, int]]:
    """Ranges of extents without a gap inside, for short streams: a dozen array calls would cost more."""
    start, end = 0, -1
    index = -1
    for index, (offset, length) in enumerate(
        zip(extents.offset.tolist(), extents.length.tolist(), strict=True)
    ):
        if offset != end and index:
            yield start, index
            start = index
        end = offset + length
    if index >= 0:
        yield start, index + 1


def _piece_borders(extents: Extents) -> Iterator[tuple[int, int]]:
    """Ranges of extents without a gap inside, small enough to be one piece."""
    ends = extents.offset + extents.length
    run_starts = np.flatnonzero(extents.offset[1:] != ends[:-1]) + 1
    for run_start, run_stop in pairwise([0, *run_starts.tolist(), len(ends)]):
        start = run_start
        while start < run_stop:
            limit = int(extents.offset[start]) + PIECE
            stop = start + int(np.searchsorted(ends[start:run_stop], limit, "right"))
            stop = min(max(stop, start + 1), start + PIECE_EXTENTS, run_stop)
            yield start, stop
            start = stop


class ZerosToHash:
    """Which files of an export are hashed, of those with gaps: those that come while there is work left."""

    def __init__(self) -> None:
        self._left = MORE_ZEROS

    def allow(self, size: int, captured: int) -> bool:
        """Whether a file is hashed.

        Parameters
        ----------
        size : int
            Bytes that the file will have, gaps included.
        captured : int
            Those of them that are not gaps.
        """
        zeros = size - captured
        if zeros <= ZEROS_PER_BYTE * captured:
            return True
        if zeros > self._left:
            return False
        self._left -= zeros
        return True


class GapHasher:
    """Hashes of a sparse file, zeros included, without reading it back.

    Parameters
    ----------
    names : sequence of str
        Names that `hashlib` knows.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._hashes = [hashlib.new(name, usedforsecurity=False) for name in names]
        self._position = 0

    def update(self, offset: int, data: bytes) -> None:
        """Take bytes that lie at `offset`, at or after the end of what came before."""
        gap = offset - self._position
        self._position = offset + len(data)
        for digest in self._hashes:
            left = gap
            while left > 0:
                digest.update(_ZEROS if left >= len(_ZEROS) else _ZEROS[:left])
                left -= len(_ZEROS)
            digest.update(data)

    def hexdigests(self) -> list[str]:
        """One hexadecimal digest for each hash."""
        return [digest.hexdigest() for digest in self._hashes]


def write_extents(descriptor: int, store: Store, extents: Extents, hashes: Sequence[str] = ()) -> list[str]:
    """Write a stream into an empty file.

    Gaps are left out of the file (they read as zeros) and the file ends with the last captured byte.

    Returns
    -------
    list of str
        The hexadecimal digests asked for, of the file as it reads.

    Raises
    ------
    OSError
        The system refused: no space, file too large.
    """
    if not hashes and _write_from_map(descriptor, store, extents):
        return []
    hasher = GapHasher(hashes) if hashes else None
    for offset, data in pieces(store, extents):
        write_at(descriptor, data, offset)
        if hasher is not None:
            hasher.update(offset, data)
    return hasher.hexdigests() if hasher is not None else []


def _write_from_map(descriptor: int, store: Store, extents: Extents) -> bool:
    """Let the system copy long segments out of the map into the file, without a copy between.

    Returns
    -------
    bool
        False if that was not possible, or not to the end: write again by pieces, which says what is wrong.
    """
    count = len(extents.offset)
    if not count or extents.captured < count * WORTH_A_VECTOR:
        return False
    memory = mapped(store)
    if memory is None or not write_vectors(
        descriptor, memory, extents.offset, extents.length, extents.address
    ):
        return False
    unchanged(store)
    return True


def short_vectors(store: Store, extents: Any) -> ShortVectors | None:
    """What writes short streams without a copy, where the capture lies in one piece of memory."""
    memory = mapped(store)
    return None if memory is None else ShortVectors(memory, extents.length, extents.address)


def write_at(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of `data` at a place in an open file.

    Raises
    ------
    OSError
        The system refused.
    """
    written = os.pwrite(descriptor, data, offset)
    while written < len(data):
        # A signal, or the system's limit of 2 GiB for one call; a full disk raises at the next attempt.
        written += os.pwrite(descriptor, memoryview(data)[written:], offset + written)


def set_time(descriptor: int, time: int) -> None:
    """Both times of the file to the first packet's; a time no file system can hold is left out."""
    if time == NO_TIME:
        return
    try:
        os.utime(descriptor, ns=(time, time))
    except (OSError, OverflowError):
        pass
