"""One file for each direction of a connection, as tcpflow writes them.

A direction without data gets no file; a gap is a hole that reads as zeros; the file ends with the last
captured byte and carries the time of the direction's first packet. Existing files are left alone: a name
that is taken gets ``c1``, ``c2``, ...
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.export.folder import OutputFolder, PendingFile, export_error
from tcpflow_scapy.export.names import DEFAULT_TEMPLATE, Template, TemplateChoice
from tcpflow_scapy.export.payload import write_extents
from tcpflow_scapy.export.streams import FieldsOfRows, StreamRows

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.table import FlowTable

Array = np.ndarray[Any, np.dtype[Any]]

BATCH_BYTES = 1 << 20
BATCH_FILES = 32
"""A batch of files is one task for a writing thread: so many bytes or so many files."""

THREADS = 2
BATCHES_AHEAD = 3
"""Batches written but not yet named; bounds open descriptors and memory."""

SMALL = 64 << 10
"""Exports of fewer bytes than this do without threads."""


@dataclass(frozen=True, slots=True)
class Written:
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

    Threads write and hash; names are given here, one after another, so that they never depend on which
    thread was faster.

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
        finished = map(writer.write_batch, batches)
        yield from _publish(finished, folder, template, fields)
        return
    with ThreadPoolExecutor(THREADS, thread_name_prefix="export") as pool:
        yield from _publish(_ahead(pool, writer, batches), folder, template, fields)


def _publish(
    finished: Iterator[list[_Unnamed]], folder: OutputFolder, template: Template, fields: FieldsOfRows
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


def _ahead(pool: ThreadPoolExecutor, writer: _Writer, batches: list[range]) -> Iterator[list[_Unnamed]]:
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


@dataclass(slots=True)
class _Unnamed:
    """A file that is whole but for its name."""

    row: int
    file: PendingFile
    size: int
    captured: int
    digests: tuple[str, ...]


class _Writer:
    """Writes the payload of rows; runs in threads."""

    def __init__(
        self, rows: StreamRows, folder: OutputFolder, max_bytes: int | None, hashes: Sequence[str]
    ) -> None:
        self.rows = rows
        self.folder = folder
        self.max_bytes = max_bytes
        self.hashes = tuple(hashes)
        self.starts = rows.column("first_time").tolist()

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
        extents = self.rows.extents(row).limited(self.max_bytes)
        file = self.folder.create()
        try:
            digests = write_extents(file.descriptor, self.rows.evidence.store, extents, self.hashes)
            set_time(file.descriptor, self.starts[row])
        except BaseException as error:
            self.folder.discard(file)
            if isinstance(error, OSError):
                raise export_error(self.folder.path, error) from error
            raise
        if file.temporary is not None:
            file.close()
        return _Unnamed(row, file, extents.end, extents.captured, tuple(digests))


def set_time(descriptor: int, time: int) -> None:
    """Both times of the file to the first packet's; a time no file system can hold is left out."""
    if time != NO_TIME:
        with suppress(OSError, OverflowError):
            os.utime(descriptor, ns=(time, time))


def make_template(template: str | Template | None, prefix_flags: str) -> Template:
    """The template that options ask for.

    Raises
    ------
    ValueError
        A template or a letter that is none.
    """
    if isinstance(template, Template):
        if prefix_flags:
            raise ValueError("prefix_flags goes with a template given as text")
        return template
    choice = TemplateChoice(DEFAULT_TEMPLATE if template is None else template)
    choice.edit(prefix_flags)
    return choice.template()


def check_options(max_bytes: int | None, hashes: Sequence[str]) -> None:
    """Refuse what could only fail later.

    Raises
    ------
    ValueError
        A negative limit, or a hash that `hashlib` does not know or that has no fixed length.
    """
    if max_bytes is not None and max_bytes < 0:
        raise ValueError(f"max_bytes must not be negative: {max_bytes}")
    if isinstance(hashes, str):
        raise ValueError(f"hashes is a list of names: [{hashes!r}]")
    for name in hashes:
        if name not in hashlib.algorithms_available or name.startswith("shake"):
            known = ", ".join(sorted(hashlib.algorithms_guaranteed))
            raise ValueError(f"unknown hash {name!r}; known: {known}")


def export_flows(
    flows: FlowTable,
    outdir: str | os.PathLike[str],
    *,
    template: str | Template | None = None,
    prefix_flags: str = "",
    max_bytes: int | None = None,
    overwrite: bool = False,
    hashes: Sequence[str] = ("sha256", "md5"),
    on_file: Callable[[Written], object] | None = None,
) -> pd.DataFrame:
    """Write the streams of `flows` as tcpflow would: one file for each direction with data.

    Parameters
    ----------
    flows : FlowTable
    outdir : path
        The folder; made where it is absent.
    template : str, optional
        File names in tcpflow's language, ``%A.%a-%B.%b%V%v%C%c`` if not given; see `export.names`.
    prefix_flags : str
        Letters of tcpflow's ``-F``: ``t``, ``T``, ``k``, ``m``, ``g``, ``c``.
    max_bytes : int, optional
        Leave out everything at stream offsets from here on.
    overwrite : bool
        Replace files of an earlier run instead of numbering new ones ``c1``, ``c2``, ...
    hashes : sequence of str
        Hashes of each file, by `hashlib`'s names; ``()`` for none.
    on_file : callable, optional
        Called after each file, for progress.

    Returns
    -------
    pandas.DataFrame
        One row for each file, in order of the streams' first packets: ``flow``, ``direction`` (client or
        server), ``name`` (relative to `outdir`), ``path``, ``size`` (bytes, holes included),
        ``captured_bytes``, ``missing_bytes`` and ``gaps`` of the stream (a gap after the last captured byte
        included), the hashes of the file as it reads (empty where its gaps exceed 1 GiB), and ``start``
        (UTC, the direction's first packet).

    Raises
    ------
    ExportError
        A file cannot be written. Nothing half-written stays.
    ValueError
        A template, limit or hash that is none.
    """
    chosen = make_template(template, prefix_flags)
    check_options(max_bytes, hashes)
    rows = StreamRows.of(flows._evidence, flows._index).with_data()
    files: list[Written] = []
    with OutputFolder(outdir, overwrite=overwrite) as folder:
        for file in write_streams(rows, folder, chosen, max_bytes=max_bytes, hashes=hashes):
            files.append(file)
            if on_file is not None:
                on_file(file)
        return files_frame(rows, files, folder.path, hashes)


def files_frame(rows: StreamRows, files: list[Written], outdir: str, hashes: Sequence[str]) -> pd.DataFrame:
    """What was written as a DataFrame; see `export_flows`."""
    import pandas as pd

    from tcpflow_scapy.flows.summary import datetimes

    index = np.array([file.row for file in files], np.int64)
    picked = StreamRows(rows.evidence, rows.stream[index])
    sides = pd.Categorical.from_codes(
        picked.from_server.astype(np.int8), categories=pd.Index(["client", "server"])
    )
    names = [file.name for file in files]
    columns: dict[str, Any] = {
        "flow": picked.flow,
        "direction": sides,
        "name": pd.array(names, dtype="str"),
        "path": pd.array([os.path.join(outdir, name) for name in names], dtype="str"),
        "size": np.array([file.size for file in files], np.int64),
        "captured_bytes": np.array([file.captured for file in files], np.int64),
        "missing_bytes": picked.column("size") - picked.column("captured"),
        "gaps": picked.gaps(),
    }
    for position, name in enumerate(hashes):
        columns[name] = pd.array([file.digests[position] for file in files], dtype="str")
    columns["start"] = datetimes(picked.column("first_time"))
    return pd.DataFrame(columns)
