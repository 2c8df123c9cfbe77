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

_OLD_WINS: dict[str, Array] = {
    name: np.array([[letter == "o" for letter in row] for row in rows]) for name, rows in _TABLES.items()
}


def winners(start: Array, end: Array, policy: str) -> tuple[Array, Array]:
    """Which fragment each byte is taken from.

    Parameters
    ----------
    start, end : ndarray of int64
        Extents of fragments in the order in which they arrived, none empty.
    policy : str
        One of `POLICIES` but ``discard``.

    Returns
    -------
    edges : ndarray of int64
        Where any fragment starts or ends, ascending: n + 1 edges around n ranges.
    winner : ndarray of int64
        For each range, the number of the fragment whose bytes count; -1 where there is none.
    """
    old_wins = _OLD_WINS[policy]
    edges = np.unique(np.concatenate([start, end]))
    low, high = np.searchsorted(edges, start), np.searchsorted(edges, end)
    winner = np.full(len(edges) - 1, -1, np.int64)
    for new in range(len(start)):
        a, b = low[new], high[new]
        before = np.sign(start[new] - start[:new]) + 1
        behind = np.sign(end[new] - end[:new]) + 1
        overlaps = (low[:new] < b) & (high[:new] > a)
        keepers = np.flatnonzero(overlaps & old_wins[before, behind])
        depth = np.zeros(len(edges), np.int64)
        np.add.at(depth, low[keepers], 1)
        np.add.at(depth, high[keepers], -1)
        kept = (np.cumsum(depth)[a:b] > 0) & (winner[a:b] >= 0)
        winner[a:b] = np.where(kept, winner[a:b], new)
    return edges, winner
