"""Datagrams whose fragments overlap, or contradict each other about the end: one at a time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store

from .grouping import Lineup, sizes_of
from .plan import Conflict, Plan
from .policy import DISCARD, winners

Array = np.ndarray[Any, np.dtype[Any]]

BUDGET = 20_000_000
"""Pairs of overlapping fragments of a capture that are compared; datagrams beyond stay fragments."""

DATAGRAM_COST = 64
"""What each such datagram takes from the budget besides"""

MAX_FRAGMENTS = 512
"""Fragments of one such datagram that are looked at, earliest first"""

MAX_VERSIONS = 8
"""Versions of the same bytes that are told apart"""


class Tangles:
    """Puts such datagrams in order, under a policy and within a budget.

    Parameters
    ----------
    store : Store
        Where the fragments' bytes are.
    policy : str
        One of `policy.POLICIES`.
    """

    def __init__(self, store: Store, policy: str) -> None:
        self._store = store
        self._policy = policy
        self._budget = BUDGET

    def plan(self, table: dict[str, Array], lineup: Lineup) -> Plan:
        """Plan datagrams.

        Parameters
        ----------
        table : dict of str to ndarray
        lineup : Lineup
            Nothing but such datagrams.

        Returns
        -------
        Plan
            Without those whose beginning is missing, those the policy throws away, and those for which
            the budget does not suffice.
        """
        made = _Lists()
        if self._policy != DISCARD:
            lineup = _earliest(lineup)
            bounds = [*np.flatnonzero(lineup.new).tolist(), len(lineup)]
            index, address = lineup.index.tolist(), table["address"][lineup.index].tolist()
            columns = (lineup.offset, lineup.length, lineup.wire_length, lineup.more)
            offset, length, wire, more = (column.tolist() for column in columns)
            rows = list(zip(index, offset, length, wire, more, address, strict=True))
            for a, b in pairwise(bounds):
                self._untangle(made, rows[a:b])
        return made.plan()

    def _untangle(self, made: _Lists, rows: list[tuple[int, int, int, int, bool, int]]) -> None:
        """One datagram; `rows` hold number, offset, length, wire length, more, address."""
        cost = len(rows) ** 2 + DATAGRAM_COST
        if cost > self._budget:
            return
        self._budget -= cost
        rows = [row for row in rows if row[2]]
        if not rows or min(row[1] for row in rows) > 0:
            return
        start, end = [row[1] for row in rows], [row[1] + row[2] for row in rows]
        last = [row[1] + row[3] for row in rows if not row[4]]
        total = max(last) if last else max(row[1] + row[3] for row in rows)
        edges, winner = winners(start, end, self._policy)
        # The pieces go on from the beginning to the first hole, and not beyond the end.
        count = 0
        while count < len(winner) and winner[count] >= 0 and edges[count] < total:
            count += 1
        edges = [min(edge, total) for edge in edges[: count + 1]]
        winner = winner[:count]
        reach = edges[-1]
        cut = any(row[1] + row[2] == reach and row[2] < row[3] for row in rows)
        self._note_conflicts(made, rows, edges, winner)
        made.first.append(len(made.fragment))
        made.wire_length.append(total)
        made.complete.append(bool(last) and reach == total)
        made.missing.append(not cut and (reach < total or not last))
        made.fragment += [rows[i][0] for i in winner]
        made.skip += [edge - start[i] for edge, i in zip(edges, winner, strict=False)]
        made.length += [b - a for a, b in pairwise(edges)]
        taken = set(winner)
        spare = [row[0] for i, row in enumerate(rows) if i not in taken]
        made.copies += spare
        made.copy_of += [rows[winner[0]][0]] * len(spare)

    def _note_conflicts(
        self,
        made: _Lists,
        rows: list[tuple[int, int, int, int, bool, int]],
        edges: list[int],
        winner: list[int],
    ) -> None:
        """Where fragments that cover the same range hold different bytes."""
        data = self._store.slices([row[5] for row in rows], [row[2] for row in rows])
        for a, b, chosen in zip(edges[:-1], edges[1:], winner, strict=True):
            skip = a - rows[chosen][1]
            seen = {bytes(data[chosen][skip : skip + b - a]): (rows[chosen][0], skip, True)}
            for other, (number, offset, length, *_) in enumerate(rows):
                if offset <= a and offset + length >= b:
                    version = bytes(data[other][a - offset : b - offset])
                    seen.setdefault(version, (number, a - offset, False))
                    if len(seen) == MAX_VERSIONS:
                        break
            if len(seen) > 1:
                made.conflicts.append(Conflict(len(made.first), a, b - a, tuple(seen.values())))


def _earliest(lineup: Lineup) -> Lineup:
    """The first `MAX_FRAGMENTS` of each datagram, in the order in which they arrived.

    Arrival is what the policies go by; it is the order of the fragments' numbers.
    """
    number = np.cumsum(lineup.new)
    order = np.lexsort((lineup.index, number))
    starts = np.flatnonzero(lineup.new)
    turn = np.arange(len(order)) - np.repeat(starts, sizes_of(starts, len(order)))
    early = turn < MAX_FRAGMENTS
    return lineup.take(order[early], lineup.new[early])


class _Lists:
    """A plan that grows."""

    def __init__(self) -> None:
        self.first: list[int] = []
        self.wire_length: list[int] = []
        self.complete: list[bool] = []
        self.missing: list[bool] = []
        self.fragment: list[int] = []
        self.skip: list[int] = []
        self.length: list[int] = []
        self.copies: list[int] = []
        self.copy_of: list[int] = []
        self.conflicts: list[Conflict] = []

    def plan(self) -> Plan:
        return Plan(
            np.array(self.first, np.int64),
            np.array(self.wire_length, np.int64),
            np.array(self.complete, bool),
            np.array(self.missing, bool),
            np.array(self.fragment, np.int64),
            np.array(self.skip, np.int64),
            np.array(self.length, np.int64),
            np.array(self.copies, np.int64),
            np.array(self.copy_of, np.int64),
            self.conflicts,
        )
