"""Streams to files, many at a time: threads write and hash, one hand gives the names.

Names are given one after another in the order of the rows, so that they never depend on which thread was
faster; a file that has no name yet is nobody's business but ours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tcpflow_scapy.export.folder import OutputFolder, PendingFile, export_error
from tcpflow_scapy.export.names import Template
from tcpflow_scapy.export.payload import PIECE, Extents, GapHasher, gather, set_time, write_at, write_extents
from tcpflow_scapy.export.streams import FieldsOfRows, StreamRows

Array = np.ndarray[Any, np.dtype[Any]]

BATCH_BYTES = 1 << 20
BATCH_FILES = 32
"""A batch of files is one task for a writing thread: so many bytes or so many files."""

THREADS = 2
BATCHES_AHEAD = 3
"""Batches written but not yet named; bounds open descriptors and memory."""

SMALL = 64 << 10
"""Exports of fewer bytes than this do without threads."""


class Written(NamedTuple):
    """One file that was written."""

    row: int
    """index into the `StreamRows`"""
    name: str
    """relative to the folder"""
    size: int
    """bytes the file has, holes included"""
    captured: int
    """bytes that were written"""
    digests: tuple[str, ...]
    """hexadecimal, in the order of the hashes asked for"""


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
    fields = FieldsOfRows(rows, template.letters)
    writer = _Writer(rows, folder, max_bytes, hashes)
    batches = _batches(rows.column("captured"))
    if len(batches) <= 1 and int(rows.column("captured").sum()) < SMALL:
        with closing(writer.write_batch(batch) for batch in batches) as finished:
            yield from _publish(finished, folder, template, fields)
        return
    # Closed before the pool is, also after an error: what has no name yet must not stay behind.
    with (
        ThreadPoolExecutor(THREADS, thread_name_prefix="export") as pool,
        closing(_ahead(pool, writer, batches)) as finished,
    ):
        yield from _publish(finished, folder, template, fields)


def _publish(
    finished: Iterable[list[_Unnamed]], folder: OutputFolder, template: Template, fields: FieldsOfRows
) -> Iterator[Written]:
    for batch in finished:
        waiting = deque(batch)
        try:
            while waiting:
                item = waiting.popleft()
                of_row = fields(item.row)
                name = folder.publish(item.file, partial(template.expand, of_row))
                yield Written(item.row, name, item.size, item.captured, item.digests)
        finally:
            for item in waiting:
                folder.discard(item.file)


def _ahead(
    pool: ThreadPoolExecutor, writer: _Writer, batches: list[range]
) -> Generator[list[_Unnamed], None, None]:
    """Batches in order, a few of them written while earlier ones get their names."""
    futures: deque[Future[list[_Unnamed]]] = deque()
    todo = iter(batches)
    try:
        for batch in todo:
            futures.append(pool.submit(writer.write_batch, batch))
            if len(futures) >= BATCHES_AHEAD:
                yield futures.popleft().result()
        while futures:
            yield futures.popleft().result()
    finally:
        # Only after an error or an interruption is anything left here.
        for future in futures:
            future.cancel()
        for future in futures:
            if not future.cancelled():
                with suppress(Exception):
                    for item in future.result():
                        writer.folder.discard(item.file)


def _batches(captured: Array) -> list[range]:
    """Consecutive rows, bounded in bytes and number."""
    batches = []
    start, held = 0, 0
    for row, length in enumerate(captured.tolist()):
        if row > start and (held + length > BATCH_BYTES or row - start >= BATCH_FILES):
            batches.append(range(start, row))
            start, held = row, 0
        held += length
    if len(captured) > start:
        batches.append(range(start, len(captured)))
    return batches


class _Unnamed(NamedTuple):
    """A file that is whole but for its name."""

    row: int
    file: PendingFile
    size: int
    captured: int
    digests: tuple[str, ...]


class _Writer:
    """Writes the payload of rows; runs in threads.

    What every row needs is looked up by column beforehand, because captures hold tens of thousands of
    streams of a few segments, for which a dozen array operations each would cost more than the system's
    own work.
    """

    def __init__(
        self, rows: StreamRows, folder: OutputFolder, max_bytes: int | None, hashes: Sequence[str]
    ) -> None:
        self.rows = rows
        self.folder = folder
        self._max_bytes = max_bytes
        self._hashes = tuple(hashes)
        self._store = rows.evidence.store
        found = rows.evidence.reassembly
        self._extents = found.extents
        begin = found.streams.extent_start[rows.stream]
        end, captured = rows.column("end"), rows.column("captured")
        first = found.extents.offset[begin] if len(begin) else begin
        # No gap, one piece, within the limit: the common case, and the cheap one.
        plain = (end - first == captured) & (captured <= PIECE)
        if max_bytes is not None:
            plain &= end <= max_bytes
        self._plain = plain.tolist()
        self._begin = begin.tolist()
        self._stop = found.streams.extent_start[rows.stream + 1].tolist()
        self._first = first.tolist()
        self._end = end.tolist()
        self._captured = captured.tolist()
        self._starts = rows.column("first_time").tolist()

    def write_batch(self, batch: range) -> list[_Unnamed]:
        done: list[_Unnamed] = []
        try:
            for row in batch:
                done.append(self._write(row))
        except BaseException:
            for item in done:
                self.folder.discard(item.file)
            raise
        return done

    def _write(self, row: int) -> _Unnamed:
        file = self.folder.create()
        try:
            written = self._run(row, file) if self._plain[row] else self._sparse(row, file)
            set_time(file.descriptor, self._starts[row])
        except BaseException as error:
            self.folder.discard(file)
            if isinstance(error, OSError):
                raise export_error(self.folder.path, error) from error
            raise
        if file.temporary is not None:
            file.close()
        return written

    def _run(self, row: int, file: PendingFile) -> _Unnamed:
        """A stream that is one run of bytes."""
        start, stop = self._begin[row], self._stop[row]
        data = gather(self._store, self._extents.address[start:stop], self._extents.length[start:stop])
        write_at(file.descriptor, data, self._first[row])
        digests: tuple[str, ...] = ()
        if self._hashes:
            hasher = GapHasher(self._hashes)
            hasher.update(self._first[row], data)
            digests = tuple(hasher.hexdigests(len(self._hashes)))
        return _Unnamed(row, file, self._end[row], self._captured[row], digests)

    def _sparse(self, row: int, file: PendingFile) -> _Unnamed:
        """A stream that is long, limited or has gaps."""
        start, stop = self._begin[row], self._stop[row]
        columns = self._extents
        extents = Extents(
            columns.offset[start:stop], columns.length[start:stop], columns.address[start:stop]
        ).limited(self._max_bytes)
        digests = write_extents(file.descriptor, self._store, extents, self._hashes)
        return _Unnamed(row, file, extents.end, extents.captured, tuple(digests))
