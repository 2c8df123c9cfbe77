"""Datagrams whose fragments overlap, or contradict each other about the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.exact import distinct_rows

from .grouping import Lineup, sizes_of
from .knot import apply, apply_to_one, untie
from .plan import Plan
from .policy import DISCARD

Array = np.ndarray[Any, np.dtype[Any]]

BUDGET = 2_000_000
"""Pairs of overlapping fragments of a capture that are compared at least; what is beyond stays fragments."""

SHARE = 20
"""Pairs that each fragment of the capture adds to that"""

COST = 1_000
"""What each such datagram takes from the budget besides"""

ALIKE = 8
"""Fragments of a datagram that may have others like it"""

MANY = 8
"""Datagrams alike that are planned by column, for the cost of as many"""

MAX_FRAGMENTS = 512
"""Fragments of one such datagram that are looked at, earliest first"""


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
        self._spent = 0

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
        if self._policy == DISCARD or not len(lineup):
            return Plan.empty()
        budget = BUDGET + SHARE * len(table["frame"])
        lineup = _earliest(lineup)
        address = table["address"][lineup.index]
        plans = []
        for size, starts in _alike(lineup):
            left = budget - self._spent
            if left < COST:
                break
            if len(starts) >= MANY:
                starts = starts[: max((left - MANY * COST) // size**2, 0)]
            else:
                starts = starts[: left // (size**2 + COST)]
            if len(starts):
                self._spent += size**2 * len(starts) + COST * min(len(starts), MANY)
                plans += self._plans(lineup, address, starts, size)
        return Plan.join(plans)

    def _plans(self, lineup: Lineup, address: Array, starts: Array, size: int) -> list[Plan]:
        """Of datagrams that are alike."""
        first = slice(int(starts[0]), int(starts[0]) + size)
        columns = (lineup.offset, lineup.length, lineup.wire_length, lineup.more)
        rows = list(zip(*(column[first].tolist() for column in columns), strict=True))
        knot = untie(rows, self._policy)
        if knot is None:
            return []
        if len(starts) >= MANY:
            places = starts[:, None] + np.arange(size)
            return [apply(knot, self._store, lineup.index[places], address[places])]
        several = [slice(start, start + size) for start in starts.tolist()]
        return [
            apply_to_one(knot, self._store, lineup.index[some].tolist(), address[some].tolist())
            for some in several
        ]


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


def _alike(lineup: Lineup) -> Iterator[tuple[int, Array]]:
    """Datagrams with the same places, lengths and marks in the same order: how many fragments, and starts."""
    starts = np.flatnonzero(lineup.new)
    size = sizes_of(starts, len(lineup))
    code = lineup.offset << 35 | lineup.length << 18 | lineup.wire_length << 1 | lineup.more
    shape = np.where(size > ALIKE, np.arange(len(size)), 0)
    for turn in range(ALIKE):
        rows = np.flatnonzero((size > turn) & (size <= ALIKE))
        if len(rows):
            pairs = (shape[rows].astype(np.uint64), code[starts[rows] + turn].astype(np.uint64))
            shape[rows] = distinct_rows(*pairs)[1]
    first, number = distinct_rows(size.astype(np.uint64), shape.astype(np.uint64))
    order = np.argsort(number, kind="stable")
    ends = np.cumsum(np.bincount(number))
    # Shapes in the order of their first datagrams: what the budget does not reach is at the end.
    for kind in np.argsort(first).tolist():
        some = order[ends[kind - 1] if kind else 0 : ends[kind]]
        yield int(size[some[0]]), starts[some]
