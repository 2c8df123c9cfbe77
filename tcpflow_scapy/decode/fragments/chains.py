"""Fragments in order: by column where they do not overlap, one datagram at a time where they do."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.pieces import COUNTED, COUNTED_FROM_END, kinds

from .copies import exact_copies
from .grouping import Lineup, sizes_of
from .plan import Plan
from .tangles import Tangles

Array = np.ndarray[Any, np.dtype[Any]]

MAX_DATAGRAM = 65_535


def usable(table: dict[str, Array]) -> Array:
    """Fragments that can be part of a datagram: not empty, not beyond what a datagram can hold.

    All but the last fragment hold a multiple of eight bytes; what is over is cut off. Numbered ones (802.11)
    may be of any length.
    """
    uneven = table["more"] & (table["wire_length"] & 7 != 0)
    uneven &= ~np.isin(kinds(table["source"]), (*COUNTED, *COUNTED_FROM_END))
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
        self._tangles = Tangles(store, policy)

    def plan(self, table: dict[str, Array], lineup: Lineup, *, whole_only: bool) -> Plan:
        """Plan the datagrams of some fragments.

        Parameters
        ----------
        table : dict of str to ndarray
        lineup : Lineup
            Usable fragments of it.
        whole_only : bool
            Leave out datagrams that are not complete.

        Returns
        -------
        Plan
            Of the datagrams whose beginning is there.
        """
        if not whole_only:
            return self._plan(table, lineup, whole_only=False)
        starts = np.flatnonzero(lineup.new)
        simple = np.logical_and.reduceat(_joined(lineup), starts)
        if simple.all():
            return _whole(lineup, starts)
        rest = ~simple & _may_be_whole(lineup, starts)
        parts = [self._plan(table, lineup.select(rest, starts), whole_only=True)]
        if simple.any():
            chosen = lineup.select(simple, starts)
            parts.append(_whole(chosen, np.flatnonzero(chosen.new)))
        return Plan.join(parts)

    def _plan(self, table: dict[str, Array], lineup: Lineup, *, whole_only: bool) -> Plan:
        """Plan datagrams of all kinds."""
        heads = exact_copies(self._store, table, lineup)
        spare, spare_of = np.empty(0, np.int64), np.empty(0, np.int64)
        if heads is not None:
            copies = heads != np.arange(len(lineup))
            spare, spare_of = lineup.index[copies], lineup.index[heads[copies]]
            lineup = lineup.keep(~copies)
        plan = self._of_distinct(table, lineup, whole_only)
        if whole_only:
            plan = plan.select(plan.complete)
        plan.copies = np.concatenate([plan.copies, spare])
        plan.copy_of = np.concatenate([plan.copy_of, spare_of])
        return plan

    def _of_distinct(self, table: dict[str, Array], lineup: Lineup, whole_only: bool) -> Plan:
        """Plan the datagrams of fragments that are no copies of each other."""
        tangled = _tangled(lineup)
        if not tangled.any():
            return _straight(lineup)
        starts = np.flatnonzero(lineup.new)
        tangled = np.logical_or.reduceat(tangled, starts)
        chosen = tangled & _may_be_whole(lineup, starts) if whole_only else tangled
        knots = self._tangles.plan(table, lineup.select(chosen, starts))
        return Plan.join([_straight(lineup.select(~tangled, starts)), knots])


def _joined(lineup: Lineup) -> Array:
    """Fragments that are whole, and fit to the one before and the one behind, or to being first or last."""
    new = lineup.new
    found: Array = lineup.length == lineup.wire_length
    found &= lineup.more != np.append(new[1:], True)
    found[1:] &= lineup.offset[1:] == np.where(new[1:], 0, lineup.end()[:-1])
    if len(found):
        found[0] &= lineup.offset[0] == 0
    return found


def _whole(lineup: Lineup, starts: Array) -> Plan:
    """Datagrams all of whose fragments are joined."""
    none = np.empty(0, np.int64)
    return Plan(
        starts,
        lineup.end()[np.append(starts[1:], len(lineup)) - 1],
        np.ones(len(starts), bool),
        np.zeros(len(starts), bool),
        lineup.index,
        np.zeros(len(lineup), np.int64),
        lineup.length,
        none,
        none,
    )


def _tangled(lineup: Lineup) -> Array:
    """Fragments that overlap the one before, or lie behind the end that it gave."""
    found = np.zeros(len(lineup), bool)
    found[1:] = (lineup.offset[1:] < lineup.end()[:-1]) | ~lineup.more[:-1]
    return found & ~lineup.new


def _may_be_whole(lineup: Lineup, starts: Array) -> Array:
    """Whether each datagram has a beginning, an end, and enough bytes between them."""
    total = np.maximum.reduceat(np.where(lineup.more, -1, lineup.end()), starts)
    enough = np.add.reduceat(lineup.length, starts) >= total
    found: Array = (lineup.offset[starts] == 0) & (total >= 0) & enough
    return found


def _straight(lineup: Lineup) -> Plan:
    """Datagrams whose fragments do not overlap."""
    if not len(lineup):
        return Plan.empty()
    new, end = lineup.new, lineup.end()
    whole = lineup.length == lineup.wire_length
    starts = np.flatnonzero(new)
    counts = sizes_of(starts, len(lineup))
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
