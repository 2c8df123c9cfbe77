"""Fragments in order: by column where they do not overlap, one datagram at a time where they do."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store

from .grouping import Lineup
from .plan import Conflict, Plan
from .policy import DISCARD, winners

Array = np.ndarray[Any, np.dtype[Any]]

MAX_DATAGRAM = 65_535

OVERLAP_BUDGET = 4_000_000
"""Pairs of overlapping fragments of a capture that are compared; datagrams beyond stay fragments."""

DATAGRAM_COST = 64
"""What one such datagram takes from the budget besides"""

MAX_VERSIONS = 8
"""Versions of the same bytes that are told apart."""


def usable(table: dict[str, Array]) -> Array:
    """Fragments that can be part of a datagram: not empty, not beyond what a datagram can hold.

    All but the last fragment hold a multiple of eight bytes; what is over is cut off.
    """
    uneven = table["more"] & (table["wire_length"] & 7 != 0)
    table["wire_length"] = np.where(uneven, table["wire_length"] & ~7, table["wire_length"])
    table["length"] = np.minimum(table["length"], table["wire_length"])
    found: Array = (table["wire_length"] > 0) & (table["offset"] + table["wire_length"] <= MAX_DATAGRAM)
    return found


class Chains:
    """Makes plans out of fragments.

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
        self._budget = OVERLAP_BUDGET

    def plan(self, table: dict[str, Array], lineup: Lineup) -> Plan:
        """Plan the datagrams of some fragments.

        Parameters
        ----------
        table : dict of str to ndarray
        lineup : Lineup
            Usable fragments of it.

        Returns
        -------
        Plan
            Of the datagrams whose beginning is there.
        """
        heads = self._exact_copies(table, lineup)
        copies = heads != np.arange(len(lineup))
        spare, spare_of = lineup.index[copies], lineup.index[heads[copies]]
        if len(spare):
            lineup = lineup.keep(~copies)
        starts = np.flatnonzero(lineup.new)
        plans = []
        tangled = np.logical_or.reduceat(_tangled(lineup), starts)
        if tangled.any():
            counts = np.diff(np.append(starts, len(lineup)))
            for start, count in zip(starts[tangled].tolist(), counts[tangled].tolist(), strict=True):
                found = self._untangle(table, lineup.index[start : start + count])
                if found is not None:
                    plans.append(found)
            lineup = lineup.keep(np.repeat(~tangled, counts))
        plan = Plan.join([_straight(lineup), *plans])
        plan.copies = np.concatenate([plan.copies, spare])
        plan.copy_of = np.concatenate([plan.copy_of, spare_of])
        return plan

    def _exact_copies(self, table: dict[str, Array], lineup: Lineup) -> Array:
        """For each fragment the place of the first in the lineup that is the same byte for byte."""
        found = np.arange(len(lineup))
        same = np.zeros(len(lineup), bool)
        same[1:] = ~lineup.new[1:]
        for column in (lineup.offset, lineup.length, lineup.wire_length, lineup.more):
            same[1:] &= column[1:] == column[:-1]
        places = np.flatnonzero(same)
        if not len(places):
            return found
        # Each is compared with the first of its run, so that a run of copies is one of them.
        heads = np.maximum.accumulate(np.where(same, 0, found))[places]
        one, other = lineup.index[places], lineup.index[heads]
        length = table["length"][one].tolist()
        ours = self._store.slices(table["address"][one].tolist(), length)
        theirs = self._store.slices(table["address"][other].tolist(), length)
        equal = np.array([a == b for a, b in zip(ours, theirs, strict=True)], bool)
        found[places[equal]] = heads[equal]
        return found

    def _untangle(self, table: dict[str, Array], index: Array) -> Plan | None:
        """One datagram whose fragments overlap or contradict each other about its end."""
        index = np.sort(index)
        cost = len(index) ** 2 + DATAGRAM_COST
        if self._policy == DISCARD or cost > self._budget:
            return None
        self._budget -= cost
        start, length = table["offset"][index], table["length"][index]
        some = length > 0
        index, start, length = index[some], start[some], length[some]
        if not len(index):
            return None
        edges, winner = winners(start, start + length, self._policy)
        last = ~table["more"][index]
        ends = start + table["wire_length"][index]
        known = bool(last.any())
        total = int(ends[last].max()) if known else int(ends.max())
        # The pieces go on from the beginning to the first hole, and not beyond the end.
        sound = (winner >= 0) & (edges[:-1] < total)
        count = len(sound) if sound.all() else int(np.argmin(sound))
        if not count or edges[0]:
            return None
        reach = min(int(edges[count]), total)
        size = np.diff(np.minimum(edges[: count + 1], total))
        fragment = winner[:count]
        # A cut fragment ends the pieces at what was captured of it.
        cut = bool((start + length == reach)[length < table["wire_length"][index]].any())
        return Plan(
            np.zeros(1, np.int64),
            np.array([total]),
            np.array([known and reach == total]),
            np.array([not cut and (reach < total or not known)]),
            index[fragment],
            edges[:count] - start[fragment],
            size,
            spare := np.setdiff1d(index, index[fragment]),
            np.full(len(spare), index[fragment[0]]),
            self._conflicts(table, index, edges[: count + 1], fragment),
        )

    def _conflicts(
        self, table: dict[str, Array], index: Array, edges: Array, winner: Array
    ) -> list[Conflict]:
        """Where fragments that cover the same range hold different bytes."""
        start = table["offset"][index]
        length = table["length"][index]
        data = self._store.slices(table["address"][index].tolist(), length.tolist())
        conflicts = []
        for a, b, chosen in zip(edges[:-1].tolist(), edges[1:].tolist(), winner.tolist(), strict=True):
            covering = np.flatnonzero((start <= a) & (start + length >= b))
            if len(covering) < 2:
                continue
            skip = a - int(start[chosen])
            seen = {data[chosen][skip : skip + b - a]: (int(index[chosen]), skip, True)}
            for other in covering.tolist():
                skip = a - int(start[other])
                seen.setdefault(data[other][skip : skip + b - a], (int(index[other]), skip, False))
                if len(seen) == MAX_VERSIONS:
                    break
            if len(seen) > 1:
                conflicts.append(Conflict(0, a, b - a, tuple(seen.values())))
        return conflicts


def _tangled(lineup: Lineup) -> Array:
    """Fragments that overlap the one before, or lie behind the end that it gave."""
    found = np.zeros(len(lineup), bool)
    found[1:] = (lineup.offset[1:] < lineup.end()[:-1]) | ~lineup.more[:-1]
    return found & ~lineup.new


def _straight(lineup: Lineup) -> Plan:
    """Datagrams whose fragments do not overlap."""
    if not len(lineup):
        return Plan.empty()
    new, end = lineup.new, lineup.end()
    whole = lineup.length == lineup.wire_length
    starts = np.flatnonzero(new)
    counts = np.diff(np.append(starts, len(lineup)))
    # A fragment is reached if the one before it was reached, is whole, and ends where this one begins.
    linked = np.where(new, lineup.offset == 0, False)
    linked[1:] |= ~new[1:] & (lineup.offset[1:] == end[:-1]) & whole[:-1]
    position = np.arange(len(lineup))
    broken = np.minimum.reduceat(np.where(linked, len(lineup), position), starts)
    broken = np.minimum(broken, starts + counts)
    begun = broken > starts
    reached = position < np.repeat(broken, counts)
    last, tail = starts + counts - 1, np.maximum(broken - 1, 0)
    complete = begun & ~lineup.more[last] & whole[tail] & (tail == last)
    pieces = np.where(begun, broken - starts, 0)[begun]
    return Plan(
        np.cumsum(pieces) - pieces,
        end[last][begun],
        complete[begun],
        (begun & whole[tail] & ~complete)[begun],
        lineup.index[reached],
        np.zeros(int(reached.sum()), np.int64),
        lineup.length[reached],
        np.empty(0, np.int64),
        np.empty(0, np.int64),
    )
