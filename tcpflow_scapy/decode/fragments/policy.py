"""Whose bytes count where IP fragments overlap (Novak, "Target-Based Fragmentation Reassembly").

A fragment that arrives is compared with every older one that it overlaps: does it start before, with or
after it, and end before, with or after it? Nine cases, and each system has its answers. A byte already
held survives if at least one older fragment that covers it wins; else the new one is taken. Older
fragments keep their original extent in these comparisons.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

FEW = 12
"""Fragments that are compared one by one; more are compared by column."""

DISCARD = "discard"
"""A datagram with overlapping fragments is thrown away whole (RFC 5722); exact copies do no harm."""

# Rows: the new fragment starts before, with, after the old one. Columns: it ends before, with, after it.
# "o": the old bytes stay, "n": the new ones are taken.
_TABLES = {
    "first": ("ooo", "ooo", "ooo"),
    "last": ("nnn", "nnn", "nnn"),
    "bsd": ("nnn", "ooo", "ooo"),
    "bsd-right": ("onn", "onn", "oon"),
    "linux": ("nnn", "nnn", "ooo"),
    "windows": ("oon", "ooo", "ooo"),
    "solaris": ("onn", "ooo", "ooo"),
}

POLICIES: tuple[str, ...] = (*_TABLES, DISCARD)
"""Names for `fragments=` of the `Decoder`."""

_OLD_WINS = {name: [[letter == "o" for letter in row] for row in rows] for name, rows in _TABLES.items()}


def winners(start: list[int], end: list[int], policy: str) -> tuple[list[int], list[int]]:
    """Which fragment each byte is taken from.

    Parameters
    ----------
    start, end : list of int
        Extents of fragments in the order in which they arrived, none empty.
    policy : str
        One of `POLICIES` but ``discard``.

    Returns
    -------
    edges : list of int
        Where any fragment starts or ends, ascending: n + 1 edges around n ranges.
    winner : list of int
        For each range, the number of the fragment whose bytes count; -1 where there is none.
    """
    if len(start) > FEW:
        return _winners_of_many(np.array(start), np.array(end), policy)
    old_wins = _OLD_WINS[policy]
    edges = sorted({*start, *end})
    place = {edge: i for i, edge in enumerate(edges)}
    winner = [-1] * (len(edges) - 1)
    for new, (a, b) in enumerate(zip(start, end, strict=True)):
        kept: set[int] = set()
        for c, d in zip(start[:new], end[:new], strict=True):
            # Where it starts and ends compared with the older one: 0 before, 1 with, 2 after.
            if c < b and d > a and old_wins[(a > c) - (a < c) + 1][(b > d) - (b < d) + 1]:
                kept.update(range(place[max(a, c)], place[min(b, d)]))
        for i in range(place[a], place[b]):
            if winner[i] < 0 or i not in kept:
                winner[i] = new
    return edges, winner


def _winners_of_many(start: Array, end: Array, policy: str) -> tuple[list[int], list[int]]:
    """The same, each new fragment compared with all older ones at once."""
    old_wins = np.array(_OLD_WINS[policy])
    edges = np.unique(np.concatenate([start, end]))
    low, high = np.searchsorted(edges, start), np.searchsorted(edges, end)
    winner = np.full(len(edges) - 1, -1)
    for new in range(len(start)):
        a, b = low[new], high[new]
        older = np.flatnonzero((low[:new] < b) & (high[:new] > a))
        c, d = low[older], high[older]
        wins = old_wins[np.sign(a - c) + 1, np.sign(b - d) + 1]
        # How many older ones that win begin, less those that end, up to each range.
        change = np.bincount(np.maximum(c[wins], a) - a, minlength=b - a + 1)
        change -= np.bincount(np.minimum(d[wins], b) - a, minlength=b - a + 1)
        kept = np.cumsum(change)[:-1] > 0
        part = winner[a:b]
        part[(part < 0) | ~kept] = new
    return edges.tolist(), winner.tolist()
