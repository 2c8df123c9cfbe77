"""How datagrams whose fragments lie alike are put together: found out once, applied to all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store

from .copies import equal_ranges
from .plan import Plan, Versions
from .policy import winners

Array = np.ndarray[Any, np.dtype[Any]]

Row = tuple[int, int, int, bool]
"""A fragment: offset, length, length on the wire, whether more follow"""

MAX_VERSIONS = 8
"""Versions of the same bytes that are told apart"""


@dataclass(frozen=True, slots=True)
class Knot:
    """What becomes of such a datagram; its fragments are numbered in the order of their arrival."""

    rows: Sequence[Row]
    wire_length: int
    complete: bool
    missing: bool
    edges: list[int]
    """of the ranges that its fragments divide the datagram into, as far as it goes on without a hole"""
    winner: list[int]
    """for each range the fragment that it is taken from"""

    def skips(self) -> list[int]:
        """For each range where it begins in its fragment."""
        return [edge - self.rows[i][0] for edge, i in zip(self.edges, self.winner, strict=False)]

    def lengths(self) -> list[int]:
        """Bytes of each range."""
        return [b - a for a, b in pairwise(self.edges)]

    def spare(self) -> list[int]:
        """Fragments that nothing is taken from, though they hold something."""
        taken = set(self.winner)
        return [i for i, row in enumerate(self.rows) if row[1] and i not in taken]

    def covering(self, place: int, among: Sequence[int]) -> list[int]:
        """Which of some fragments hold all of a range, but for the one that it is taken from."""
        a, b = self.edges[place], self.edges[place + 1]
        held = ((i, self.rows[i]) for i in among if i != self.winner[place])
        return [i for i, (offset, length, *_) in held if offset <= a and offset + length >= b]


def untie(rows: Sequence[Row], policy: str) -> Knot | None:
    """Put fragments in order, given as they arrived; None if the beginning is missing."""
    held = [i for i, row in enumerate(rows) if row[1]]
    if not held or min(rows[i][0] for i in held) > 0:
        return None
    some = [rows[i] for i in held]
    last = [offset + wire for offset, _, wire, more in some if not more]
    total = max(last) if last else max(offset + wire for offset, _, wire, _ in some)
    edges, found = winners([row[0] for row in some], [row[0] + row[1] for row in some], policy)
    # The pieces go on from the beginning to the first hole, and not beyond the end.
    count = 0
    while count < len(found) and found[count] >= 0 and edges[count] < total:
        count += 1
    edges = [min(edge, total) for edge in edges[: count + 1]]
    reach = edges[-1]
    cut = any(offset + length == reach and length < wire for offset, length, wire, _ in some)
    return Knot(
        rows,
        total,
        complete=bool(last) and reach == total,
        missing=not cut and (reach < total or not last),
        edges=edges,
        winner=[held[i] for i in found[:count]],
    )


def apply(knot: Knot, store: Store, fragment: Array, address: Array) -> Plan:
    """Plan datagrams.

    Parameters
    ----------
    knot : Knot
    store : Store
        Where the fragments' bytes are.
    fragment : ndarray of int64
        The fragments of each datagram, one row for each datagram.
    address : ndarray of int64
        Their store addresses.
    """
    count, width = len(fragment), len(knot.winner)
    spare = fragment[:, knot.spare()]
    return Plan(
        np.arange(count) * width,
        np.full(count, knot.wire_length),
        np.full(count, knot.complete),
        np.full(count, knot.missing),
        fragment[:, knot.winner].reshape(-1),
        np.tile(np.array(knot.skips(), np.int64), count),
        np.tile(np.array(knot.lengths(), np.int64), count),
        spare.reshape(-1),
        np.repeat(fragment[:, knot.winner[0]], spare.shape[1]),
        Versions.join([_versions_of(knot, place, store, fragment, address) for place in range(width)]),
    )


def _versions_of(knot: Knot, place: int, store: Store, fragment: Array, address: Array) -> Versions:
    """Where fragments that cover the same range hold different bytes."""
    begin, size = knot.edges[place], knot.edges[place + 1] - knot.edges[place]
    others = knot.covering(place, range(len(knot.rows)))
    if not others:
        return Versions.empty()
    length = np.full(len(fragment), size)
    found = [(knot.winner[place], np.ones(len(fragment), bool))]
    for other in others:
        fresh = np.ones(len(fragment), bool)
        for known, where in found:
            rows = np.flatnonzero(fresh & where)
            one = address[rows, known] + (begin - knot.rows[known][0])
            two = address[rows, other] + (begin - knot.rows[other][0])
            fresh[rows[equal_ranges(store, one, two, length[rows])]] = False
        if fresh.any():
            found.append((other, fresh))
        if len(found) == MAX_VERSIONS:
            break
    if len(found) == 1:
        return Versions.empty()
    disputed = np.logical_or.reduce([where for _, where in found[1:]])
    number = np.cumsum(disputed) - 1
    parts = []
    for member, where in found:
        rows = np.flatnonzero(where & disputed)
        skip = begin - knot.rows[member][0]
        of_winner = member == knot.winner[place]
        parts.append(Versions.alike(number[rows], rows, begin, size, fragment[rows, member], skip, of_winner))
    return Versions.gather(parts)


def apply_to_one(knot: Knot, store: Store, fragment: Sequence[int], address: Sequence[int]) -> Plan:
    """As `apply`, for a datagram that has no like."""
    spare = [fragment[i] for i in knot.spare()]
    return Plan(
        np.zeros(1, np.int64),
        np.array([knot.wire_length]),
        np.array([knot.complete]),
        np.array([knot.missing]),
        np.array([fragment[i] for i in knot.winner]),
        np.array(knot.skips()),
        np.array(knot.lengths()),
        np.array(spare, np.int64),
        np.full(len(spare), fragment[knot.winner[0]]),
        _versions_of_one(knot, store, fragment, address),
    )


def _versions_of_one(knot: Knot, store: Store, fragment: Sequence[int], address: Sequence[int]) -> Versions:
    data = store.slices(address, [row[1] for row in knot.rows])
    skips, lengths = knot.skips(), knot.lengths()
    delivered = b"".join(
        [data[i][skip : skip + n] for i, skip, n in zip(knot.winner, skips, lengths, strict=True)]
    )
    # Most hold what is delivered, from end to end: they are no further versions of anything.
    others = [
        i
        for i, (offset, length, *_) in enumerate(knot.rows)
        if length and data[i][: max(len(delivered) - offset, 0)] != delivered[offset : offset + length]
    ]
    found: list[tuple[int, int, int, int, int, int, bool]] = []
    number = 0
    for place, (chosen, skip, size) in enumerate(zip(knot.winner, skips, lengths, strict=True)):
        begin = knot.edges[place]
        seen = {data[chosen][skip : skip + size]: (fragment[chosen], skip, True)}
        for other in knot.covering(place, others):
            at = begin - knot.rows[other][0]
            seen.setdefault(data[other][at : at + size], (fragment[other], at, False))
            if len(seen) == MAX_VERSIONS:
                break
        if len(seen) > 1:
            found += [(number, 0, begin, size, *version) for version in seen.values()]
            number += 1
    return Versions.rows(found)
