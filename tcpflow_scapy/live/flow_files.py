"""Flow files that grow with their flows, as tcpflow's do; in the end they are those that an export writes.

What is known of a file is on disk (`flow_file_states`): there may be more files than memory should hold. A
file is open only while it is written to.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial as bound
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.errors import ExportError, TcpflowError
from tcpflow_scapy.export.files import check_options, make_template
from tcpflow_scapy.export.folder import OutputFolder, export_error
from tcpflow_scapy.export.names import Template
from tcpflow_scapy.export.payload import (
    NOT_HASHED,
    Extents,
    GapHasher,
    ZerosToHash,
    pieces,
    set_time,
    write_at,
)
from tcpflow_scapy.export.stream_writer import Written
from tcpflow_scapy.export.streams import NamesOfRows, StreamRows
from tcpflow_scapy.flows.table import FlowTable
from tcpflow_scapy.live.engine import Engine
from tcpflow_scapy.live.engine_look import Look
from tcpflow_scapy.live.flow_file_states import FileState, FileStates, Identity, checksum
from tcpflow_scapy.reassembly.columns import distinct

Array = np.ndarray[Any, np.dtype[Any]]

_ENDPOINTS = frozenset("AaBb")
_NUMBERS = frozenset("NKMGS")

PART_ROWS = 1 << 15
"""Streams that are gone through together at the end."""


class FlowFiles:
    """Keeps a folder up to date with an engine's flows.

    Parameters
    ----------
    engine : Engine
        Must not have read anything yet.
    outdir : path
        The folder; made where it is absent.
    folder : path
        For what is to be remembered, in files without names.
    template, prefix_flags, max_bytes, overwrite
        As for `FlowTable.export`.

    Attributes
    ----------
    growing : bool
        False where names depend on all flows of the capture (numbers, or names without endpoints): then
        nothing is written before `finish`.

    Raises
    ------
    ExportError
        The folder cannot be made or written to; also out of the engine's methods.
    """

    def __init__(
        self,
        engine: Engine,
        outdir: str | os.PathLike[str],
        *,
        folder: str | os.PathLike[str],
        template: str | Template | None = None,
        prefix_flags: str = "",
        max_bytes: int | None = None,
        overwrite: bool = False,
    ) -> None:
        self._template = make_template(template, prefix_flags)
        check_options(max_bytes, ())
        self._max_bytes = max_bytes
        self._key_of = engine.pair_keys
        self._folder = OutputFolder(outdir, overwrite=overwrite)
        self._states = FileStates(os.fspath(folder))
        letters = set(self._template.letters)
        self.growing = letters >= _ENDPOINTS and _NUMBERS.isdisjoint(letters)
        if self.growing:
            engine.listen(self.update)

    @property
    def path(self) -> str:
        """The folder."""
        return self._folder.path

    # -- while flows grow ------------------------------------------------------------------------------

    def update(self, look: Look) -> None:
        """Bring the files of some pairs of endpoints up to date."""
        rows = StreamRows.of(look.evidence).with_data()
        flow = rows.flow
        identities = _identities(look.key[flow], rows.column("address"), look.first[flow])
        partial = frozenset(look.partial.tolist())
        times = rows.column("first_time").tolist()
        files = self._named(rows, identities, distinct(look.key), partial)
        try:
            for row, state in files:
                self._bring_up_to_date(rows.evidence.store, self._extents(rows, row), state, times[row])
        finally:
            # Also where the disk is full: what there is by now is still ours, and is mended later.
            for row, state in files:
                if state.there:
                    self._states.note(identities[row], state)
            self._states.write()

    def _named(
        self, rows: StreamRows, identities: list[Identity], keys: Array, partial: frozenset[int] = frozenset()
    ) -> list[tuple[int, FileState]]:
        """The rows with their files, under the names they must have."""
        known = self._states.of(keys)
        names = NamesOfRows(rows, self._template)
        groups: dict[str, list[int]] = {}
        for row in range(len(identities)):
            groups.setdefault(names.name(row, 0), []).append(row)
        # Files of streams that turned out to be none go. What a partial look does not show is still there.
        present = set(identities)
        others = {identity: state for identity, state in known.items() if identity not in present}
        for identity, state in others.items():
            if identity[0] not in partial:
                self._remove(state.name)
                self._states.note(identity, FileState())
        own = {
            state.name for identity, state in known.items() if identity[0] in partial or identity in present
        }
        wanted: dict[int, FileState] = {}
        for first_name, group in groups.items():
            count = 0
            if partial:
                count = max(
                    (s.count + 1 for s in others.values() if s.name == names.name(group[0], s.count)),
                    default=0,
                )
            for row in group:
                count, name = self._free(bound(names.name, row), first_name, count, own)
                wanted[row] = FileState(name, count)
                count += 1
        moves = []
        for row, state in wanted.items():
            before = known.get(identities[row])
            if before is not None:
                if before.name != state.name:
                    moves.append((before.name, state.name))
                state.take(before)
        self._move(moves)
        return sorted(wanted.items(), key=lambda item: item[0])

    def _free(self, name_for: Callable[[int], str], first: str, count: int, own: set[str]) -> tuple[int, str]:
        """The next name that is ours or nobody's, and its count."""
        name = name_for(count) if count else first
        while name not in own and not self._folder.overwrite and self._exists(name):
            count += 1
            name = name_for(count)
        return count, name

    def _exists(self, name: str) -> bool:
        folder, last = self._folder.place(name)
        try:
            os.stat(last, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._trouble(name, error) from error
        return True

    def _remove(self, name: str) -> None:
        folder, last = self._folder.place(name)
        with suppress(OSError):
            os.unlink(last, dir_fd=folder)

    def _move(self, moves: list[tuple[str, str]]) -> None:
        """Rename files; names may go round in a circle."""
        halfway = []
        for old, new in moves:
            between = f".{secrets.token_hex(8)}.part"
            self._rename(old, between)
            halfway.append((between, new))
        for between, new in halfway:
            self._rename(between, new)

    def _rename(self, old: str, new: str) -> None:
        try:
            folder, last = self._folder.place(old)
            source = os.dup(folder)
            try:
                target, name = self._folder.place(new)
                os.rename(last, name, src_dir_fd=source, dst_dir_fd=target)
            finally:
                os.close(source)
        except OSError as error:
            raise self._trouble(new, error) from error

    # -- bytes -----------------------------------------------------------------------------------------

    def _extents(self, rows: StreamRows, row: int) -> Extents:
        return rows.extents(row).limited(self._max_bytes)

    def _bring_up_to_date(self, store: Store, extents: Extents, state: FileState, time: int) -> None:
        """Write what the file lacks: its end, or everything if what it holds is not so any more."""
        count = len(extents.offset)
        begin = 0
        if state.there and state.extents <= count and state.check == checksum(extents, state.extents, time):
            begin = state.extents
            if begin == count:
                return
        try:
            descriptor, begin = self._open(state, begin)
            state.there, state.extents, state.check = True, begin, checksum(extents, begin, time)
            try:
                rest = Extents(extents.offset[begin:], extents.length[begin:], extents.address[begin:])
                for offset, data in pieces(store, rest):
                    write_at(descriptor, data, offset)
                set_time(descriptor, time)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._trouble(state.name, error) from error
        state.extents, state.check = count, checksum(extents, count, time)

    def _open(self, state: FileState, begin: int) -> tuple[int, int]:
        """Open a file that shall keep its first `begin` extents: the descriptor, and how many it has."""
        folder, last = self._folder.place(state.name)
        flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        if state.there:
            try:
                return os.open(last, flags | (0 if begin else os.O_TRUNC), dir_fd=folder), begin
            except FileNotFoundError:
                # Somebody took it away; it is needed still.
                pass
        elif self._folder.overwrite:
            with suppress(FileNotFoundError):
                os.unlink(last, dir_fd=folder)
        return os.open(last, flags | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder), 0

    def _trouble(self, name: str, error: OSError) -> TcpflowError:
        return error if isinstance(error, ExportError) else export_error(os.path.join(self.path, name), error)

    # -- at the end ------------------------------------------------------------------------------------

    def finish(self, flows: FlowTable, *, hashes: Sequence[str] = ()) -> Iterator[Written]:
        """Make the folder hold exactly the files that ``flows.export(outdir)`` would have written.

        Parameters
        ----------
        flows : FlowTable
            What the engine's `Engine.finish` gave.
        hashes : sequence of str
            Hashes of each file, by `hashlib`'s names.

        Yields
        ------
        Written
            The file, whose `row` is its place among all of them.
        """
        check_options(None, hashes)
        evidence = flows._evidence
        rows = StreamRows.of(evidence, flows._index).with_data()
        sender, receiver = rows.column("address"), evidence.reassembly.streams.address[rows.stream ^ 1]
        keys = self._key_of(sender, receiver)
        first = evidence.packets.frame[evidence.reassembly.connections.first[rows.flow]].astype(np.int64)
        zeros = ZerosToHash()
        for part in self._parts(keys):
            some = StreamRows(evidence, rows.stream[part])
            identities = _identities(keys[part], sender[part], first[part])
            times = some.column("first_time").tolist()
            for row, state in self._named(some, identities, distinct(keys[part])):
                extents = self._extents(some, row)
                self._bring_up_to_date(evidence.store, extents, state, times[row])
                self._states.note(identities[row], state)
                digests = _digests(some, extents, hashes, zeros)
                number = int(part[row])
                stream = int(rows.stream[number])
                yield Written(number, stream, state.name, extents.end, extents.captured, digests)
            self._states.write()

    def _parts(self, keys: Array) -> Iterator[Array]:
        """Rows some at a time, ascending; those of one pair together, because their names are."""
        if not self.growing or len(keys) <= PART_ROWS:
            if len(keys):
                yield np.arange(len(keys))
            return
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        low = 0
        while low < len(order):
            high = min(low + PART_ROWS, len(order))
            high = int(np.searchsorted(ordered, ordered[high - 1], side="right"))
            yield np.sort(order[low:high])
            low = high

    def close(self) -> None:
        """Close the folder."""
        self._folder.close()


def _identities(keys: Array, senders: Array, first: Array) -> list[Identity]:
    return list(zip(keys.tolist(), senders.tolist(), first.tolist(), strict=True))


def _digests(
    rows: StreamRows, extents: Extents, hashes: Sequence[str], zeros: ZerosToHash
) -> tuple[str, ...]:
    if not zeros.allow(extents.end, extents.captured):
        return (NOT_HASHED,) * len(hashes)
    if not hashes:
        return ()
    hasher = GapHasher(hashes)
    for offset, data in pieces(rows.evidence.store, extents):
        hasher.update(offset, data)
    return tuple(hasher.hexdigests())
