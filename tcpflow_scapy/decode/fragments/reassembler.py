"""Fragments of a whole capture, IP's and others: put together, and sent through the layers again.

A datagram can hold a tunnel, and the tunnel fragments of other datagrams; so this goes in rounds, whole
datagrams first, until nothing new comes out. What is incomplete then is used as far as it goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.columns import ColumnParts, by_unit, join
from tcpflow_scapy.decode.packets import MAX_NESTED_DATAGRAMS, FragmentConflicts, Origins
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.rebuilt import Memory, Rebuilder, Rebuilt
from tcpflow_scapy.decode.run import Context, Run

from .buffer import SLOT_BITS
from .chains import Chains, usable
from .datagram_run import DatagramRun, Datagrams
from .grouping import Lineup, line_up
from .places import placed
from .plan import FRAGMENT_DTYPES, Plan, Versions

Array = np.ndarray[Any, np.dtype[Any]]

_ORIGIN_DTYPES = {"start": np.int64, "length": np.int64, "address": np.int64, "frame": np.int32}
_CONFLICT_DTYPES = {
    "number": np.int32,
    "start": np.int64,
    "length": np.int64,
    "frame": np.int32,
    "address": np.int64,
    "delivered": np.bool_,
}


class Reassembler:
    """Collects fragments, then decodes the datagrams they make.

    Parameters
    ----------
    store : Store
        Where their bytes are; gets the buffers with the datagrams.
    context : Context
    policy : str
        One of `policy.POLICIES`.
    memory : Memory, optional
        Of the fragments before.
    """

    def __init__(self, store: Store, context: Context, policy: str, memory: Memory | None = None) -> None:
        self._store = store
        self._context = context
        self._chains = Chains(store, policy)
        self._rebuilder = Rebuilder(store, Memory() if memory is None else memory)
        self._table = ColumnParts(FRAGMENT_DTYPES)
        self._origins: list[Origins] = []
        self._conflicts = ColumnParts(_CONFLICT_DTYPES)
        self._conflict_count = 0
        self._nested = False
        self.reasons: list[tuple[Array, Array]] = []
        """(frames, reasons) to be applied in this order"""

    def __len__(self) -> int:
        return len(self._table)

    def collect(self, parts: list[dict[str, Array]], first: int, time: Array) -> None:
        """Keep the fragments that a run over frames found.

        Parameters
        ----------
        parts : list of dict
            ``Run.fragments``; units are frames.
        first : int
            Number of frames before the run's.
        time : ndarray of int64
            Of the run's frames.
        """
        unit, part = by_unit(join(parts), "address")
        self._table.append({**part, "frame": unit + first, "time": time[unit]})

    def restore(self, table: dict[str, Array]) -> None:
        """Keep fragments that `take` gave."""
        self._table.append(table)

    def take(self) -> dict[str, Array]:
        """All fragments that wait here, in columns of `plan.FRAGMENT_DTYPES`; none is left."""
        return self._table.build()

    def runs(self, *, whole_only: bool = False) -> Iterator[tuple[DatagramRun, Array, Origins]]:
        """Put datagrams together and decode them; the fragments are gone afterwards.

        Parameters
        ----------
        whole_only : bool
            Leave incomplete datagrams where they are: their fragments wait for the others.

        Yields
        ------
        run : DatagramRun
            With segments and datagrams as results; their units are meaningless.
        missing : ndarray of bool
            For each unit of the run, whether a fragment is missing from it.
        origins : Origins
            Where the run's bytes came from.
        """
        yield from self._rebuild()
        yield from self._datagrams(whole_only)
        for rebuilt in self._rebuilder.expanded():
            yield from self._decode_rebuilt(rebuilt)
        if whole_only:
            self._table.append(self._rebuilder.left())

    def _datagrams(self, whole_only: bool) -> Iterator[tuple[DatagramRun, Array, Origins]]:
        """Those that are put together by offset."""
        table = self._usable(self._table.build())
        lineup: Lineup | None = None
        incomplete, whole = not whole_only, True
        for _ in range(2 * MAX_NESTED_DATAGRAMS):
            if not len(table["frame"]):
                return
            if lineup is None:
                keys = self._context.states.keys(table["state"])
                lineup = line_up(table, np.arange(len(keys)), keys)
            plan = self._chains.plan(table, lineup, whole_only=whole)
            if len(plan):
                yield from self._decode(table, plan)
                yield from self._rebuild()
                table, lineup = self._left(table, plan, whole), None
            elif not incomplete:
                break
            elif not whole:
                return
            # Incomplete datagrams wait until no whole one can bring their missing fragments.
            whole = len(plan) > 0 or not incomplete if whole else True
        if not incomplete:
            self._table.append(table)

    def _rebuild(self) -> Iterator[tuple[DatagramRun, Array, Origins]]:
        """Make packets of the other kinds of fragments, and of those that come out of these."""
        for _ in range(MAX_NESTED_DATAGRAMS):
            if not len(self._table):
                break
            rest, found = self._rebuilder.sort_out(self._table.build())
            self._table.append(rest)
            for rebuilt in found:
                yield from self._decode_rebuilt(rebuilt)
            if not found:
                break
        unread, self._rebuilder.unread = self._rebuilder.unread, []
        self.reasons += [(frame, np.full(len(frame), Reason.UNDECODED, np.uint8)) for frame in unread]

    def _decode_rebuilt(self, rebuilt: Rebuilt) -> Iterator[tuple[DatagramRun, Array, Origins]]:
        table, plan, origins = rebuilt
        if origins is not None:
            self._origins.append(origins)
            self._nested = True
        yield from self._decode(table, plan)

    def _left(self, table: dict[str, Array], plan: Plan, whole_only: bool) -> dict[str, Array]:
        """Fragments that are left, and those that came out of datagrams."""
        # What is of no use to an incomplete datagram will never be: it is not looked at again.
        rest = np.full(len(table["frame"]), whole_only)
        rest[plan.used()] = False
        kept = {name: column[rest] for name, column in table.items()}
        if not len(self._table):
            return kept
        self._table.append(kept)
        merged = self._table.build()
        order = np.argsort(merged["frame"], kind="stable")
        return self._usable({name: column[order] for name, column in merged.items()})

    def _usable(self, table: dict[str, Array]) -> dict[str, Array]:
        """In their places, and without those that no datagram can use."""
        table = placed(table, self._context.states.keys(table["state"]))
        good = usable(table)
        return table if good.all() else {name: column[good] for name, column in table.items()}

    def _decode(self, table: dict[str, Array], plan: Plan) -> Iterator[tuple[DatagramRun, Array, Origins]]:
        """Give a plan's datagrams a buffer and send them through the layers, chunk by chunk."""
        datagrams = Datagrams(self._store, self._context, table, plan)
        origins = datagrams.origins
        self._origins.append(origins)
        self._note_conflicts(table, plan.conflicts, datagrams.base)
        used = plan.used()
        self.reasons.append((table["frame"][used], np.full(len(used), Reason.FRAGMENT_USED, np.uint8)))
        for run in datagrams.runs():
            lead = datagrams.lead[run.number]
            self._keep_fragments(run, table["time"][lead], origins)
            self.reasons.append((table["frame"][lead], run.reason))
            yield run, plan.missing[run.number], self.origins() if self._nested else origins

    def _keep_fragments(self, run: Run, time: Array, origins: Origins) -> None:
        """Fragments inside datagrams join the others."""
        if not run.fragments:
            return
        part = join(run.fragments)
        part["time"] = time[part.pop("unit")]
        part["frame"] = origins.find(part["address"])[0]
        self._table.append(part)
        self._nested = True

    def origins(self) -> Origins:
        """Where the bytes of all datagrams so far came from."""
        if len(self._origins) != 1:
            columns = {
                name: np.concatenate([np.empty(0, dtype), *(getattr(part, name) for part in self._origins)])
                for name, dtype in _ORIGIN_DTYPES.items()
            }
            if any(part.step is not None for part in self._origins):
                columns["step"] = np.concatenate(
                    [
                        np.ones(len(part.start), np.int64) if part.step is None else part.step
                        for part in self._origins
                    ]
                )
            self._origins = [Origins(**columns)]
        return self._origins[0]

    def _note_conflicts(self, table: dict[str, Array], versions: Versions, base: int) -> None:
        """Keep the versions of contradicting bytes."""
        if not len(versions):
            return
        self._conflicts.append(
            {
                "number": versions.number + self._conflict_count,
                "start": base + (versions.datagram << SLOT_BITS) + versions.offset,
                "length": versions.length,
                "frame": table["frame"][versions.fragment],
                "address": table["address"][versions.fragment] + versions.skip,
                "delivered": versions.delivered,
            }
        )
        self._conflict_count += int(versions.number[-1]) + 1

    def conflicts(self) -> FragmentConflicts | None:
        """All contradictions found, None if there are none."""
        return FragmentConflicts(**self._conflicts.build()) if len(self._conflicts) else None
