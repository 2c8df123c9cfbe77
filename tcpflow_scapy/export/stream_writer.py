"""Streams to files, many at a time.

Small streams, which are most of them, are written here and now: a thread would cost more than the write.
Long ones are gathered, hashed and written by threads ahead of time, because that is work during which
others can run. Names are given by one hand in the order of the rows, so that they never depend on which
thread was faster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tcpflow_scapy.export.folder import OutputFolder
from tcpflow_scapy.export.names import Template
from tcpflow_scapy.export.payload import (
    NOT_HASHED,
    Extents,
    GapHasher,
    ZerosToHash,
    gather,
    set_time,
    short_vectors,
    unchanged,
    write_at,
    write_extents,
)
from tcpflow_scapy.export.pending import PendingFile
from tcpflow_scapy.export.streams import NamesOfRows, StreamRows

Array = np.ndarray[Any, np.dtype[Any]]

SMALL = 64 << 10
"""Streams of up to so many captured bytes are written at once, without a thread."""

THREADS = 2
AHEAD = 6
"""Long streams written but not yet named; bounds open descriptors and memory."""


class Written(NamedTuple):
    """One file that was written."""

    row: int
    """index into the `StreamRows`"""
    stream: int
    """row in the `StreamTable`"""
    name: str
    """relative to the folder"""
    size: int
    """bytes the file has, holes included"""
    captured: int
    """bytes that were written"""
    digests: tuple[str, ...]
    """hexadecimal, in the order of the hashes asked for; `NOT_HASHED` where gaps are too large"""


def write_streams(
    rows: StreamRows,
    folder: OutputFolder,
    template: Template,
    *,
    max_bytes: int | None = None,
    hashes: Sequence[str] = (),
) -> Iterator[Written]:
    """Write a file for each row and yield what was written, in the order of the rows.

    Parameters
    ----------
    rows : StreamRows
        Directions with data.
    folder : OutputFolder
    template : Template
    max_bytes : int, optional
        Leave out everything at stream offsets from here on.
    hashes : sequence of str
        Names that `hashlib` knows.

    Raises
    ------
    ExportError
        A file could not be written. Files that were whole before stay, nothing half-written does.
    """
    names = NamesOfRows(rows, template)
    payload = _Payload(rows, max_bytes, hashes)
    small = rows.column("captured") <= SMALL
    with ExitStack() as stack:
        ahead = _Ahead(payload, folder, names, np.flatnonzero(~small).tolist())
        stack.callback(ahead.close)
        ahead.fill()
        columns = zip(rows.stream.tolist(), names.firsts(), small.tolist(), strict=True)
        for row, (stream, first, at_once) in enumerate(columns):
            written = _write_nameless(payload, folder, row, first) if at_once else ahead.next()
            file, size, captured, digests = written
            told = partial(Written, row, stream, size=size, captured=captured, digests=digests)
            yield from folder.published(file, partial(names.name, row), told, first)


def _write_nameless(
    payload: _Payload, folder: OutputFolder, row: int, first: str
) -> tuple[PendingFile, int, int, tuple[str, ...]]:
    """A file that is whole but for its name: the file, its size, captured bytes, digests."""
    with folder.writing(first) as file:
        return file, *payload.write(row, file.descriptor)


class _Ahead:
    """Long streams, a few of them being written before it is their turn to get a name."""

    def __init__(self, payload: _Payload, folder: OutputFolder, names: NamesOfRows, rows: list[int]) -> None:
        self._payload = payload
        self._folder = folder
        self._names = names
        self._todo = deque(rows)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="export")
        self._futures: deque[Future[tuple[PendingFile, int, int, tuple[str, ...]]]] = deque()

    def fill(self) -> None:
        """Begin with as many as there is room for."""
        while self._todo and len(self._futures) < AHEAD:
            row = self._todo.popleft()
            first = self._names.name(row, 0)
            self._futures.append(self._pool.submit(_write_nameless, self._payload, self._folder, row, first))

    def next(self) -> tuple[PendingFile, int, int, tuple[str, ...]]:
        """The next long stream, written."""
        done = self._futures[0].result()
        self._futures.popleft()
        self.fill()
        return done

    def close(self) -> None:
        """Stop; forget what was written and has no name (only after an error or an interruption)."""
        for future in self._futures:
            future.cancel()
        self._pool.shutdown()
        for future in self._futures:
            if not future.cancelled():
                with suppress(Exception):
                    self._folder.discard(future.result()[0])
        self._futures.clear()


class _Payload:
    """Writes the bytes of rows into open files; several threads may use it.

    What every row needs is looked up by column beforehand, because captures hold tens of thousands of
    streams of a few segments, for which a dozen array operations each would cost more than the system's
    own work.
    """

    def __init__(self, rows: StreamRows, max_bytes: int | None, hashes: Sequence[str]) -> None:
        self._max_bytes = max_bytes
        self._hashes = tuple(hashes)
        self._store = rows.evidence.store
        found = rows.evidence.reassembly
        self._extents = found.extents
        begin = found.streams.extent_start[rows.stream]
        end, captured = rows.column("end"), rows.column("captured")
        first = found.extents.offset[begin] if len(begin) else begin
        # No gap, one piece, within the limit: the common case, and the cheap one.
        plain = (end - first == captured) & (captured <= SMALL)
        if max_bytes is not None:
            plain &= end <= max_bytes
        self._plain = plain.tolist()
        self._begin = begin.tolist()
        self._stop = found.streams.extent_start[rows.stream + 1].tolist()
        self._first = first.tolist()
        self._size = captured.tolist()
        self._starts = rows.column("first_time").tolist()
        self._hashed = self._rows_to_hash(rows) if hashes else [False] * len(rows)
        self._short = None if hashes else short_vectors(self._store, found.extents)

    def _rows_to_hash(self, rows: StreamRows) -> list[bool]:
        """In the order of the rows, whichever is written first."""
        hashed = [True] * len(rows)
        zeros = ZerosToHash()
        end, captured = rows.column("end"), rows.column("captured")
        sparse = np.flatnonzero(end > captured)
        for row, *sizes in zip(sparse.tolist(), end[sparse].tolist(), captured[sparse].tolist(), strict=True):
            if self._max_bytes is not None:
                extents = rows.extents(row).limited(self._max_bytes)
                sizes = [extents.end, extents.captured]
            hashed[row] = zeros.allow(*sizes)
        return hashed

    def write(self, row: int, descriptor: int) -> tuple[int, int, tuple[str, ...]]:
        """Write one row and set the file's time: size, captured bytes, digests."""
        columns, start, stop = self._extents, self._begin[row], self._stop[row]
        digests: Sequence[str] = ()
        if self._plain[row] and self._short is not None and self._write_short(row, descriptor):
            size, captured = self._first[row] + self._size[row], self._size[row]
        elif self._plain[row]:
            data = gather(self._store, columns.address[start:stop], columns.length[start:stop])
            first = self._first[row]
            write_at(descriptor, data, first)
            if self._hashed[row]:
                hasher = GapHasher(self._hashes)
                hasher.update(first, data)
                digests = hasher.hexdigests()
            size, captured = first + len(data), len(data)
        else:
            extents = Extents(
                columns.offset[start:stop], columns.length[start:stop], columns.address[start:stop]
            ).limited(self._max_bytes)
            hashes = self._hashes if self._hashed[row] else ()
            digests = write_extents(descriptor, self._store, extents, hashes)
            size, captured = extents.end, extents.captured
        set_time(descriptor, self._starts[row])
        return size, captured, tuple(digests or [NOT_HASHED] * len(self._hashes))

    def _write_short(self, row: int, descriptor: int) -> bool:
        """One stream without a gap, by the system alone; False if that did not work."""
        assert self._short is not None
        begin, stop = self._begin[row], self._stop[row]
        done = self._short.write(descriptor, begin, stop, self._first[row], self._size[row])
        unchanged(self._store)
        return done
