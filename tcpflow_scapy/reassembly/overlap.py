"""Overlap policies: which version of a byte is delivered when segments disagree.

A policy is a row of a table: for each way in which a NEW piece can lie relative to an OLD one (Allen's
relations), whether the old bytes survive. A byte already held survives if at least one older piece that
covers it says so. Older pieces keep their original extents for ever.

Sources: Shankar and Paxson, "Active Mapping" (2003); Novak and Sturges, "Target-Based TCP Stream
Reassembly"; the behaviour of Suricata and Snort 3, whose published vectors the tests use.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

RELATIONS = ("Eq", "S", "Si", "D", "F", "O", "Fi", "Di", "Oi")
"""NEW relative to OLD: same start and end | same start, ends before | same start, ends after | strictly
inside | starts after, same end | starts before, ends inside | starts before, same end | strictly contains |
starts inside, ends after"""

#                Eq S Si D F O Fi Di Oi        (n: new wins, o: old wins)
POLICIES: dict[str, str] = {
    "first": "ooooooooo",
    "last": "nnnnnnnnn",
    "bsd": "ooooonnno",
    "linux": "oonoonnno",
    "old-linux": "nonoonnno",
    "windows": "ooooonnno",
    "windows2k3": "ooooonnno",
    "vista": "ooooooooo",
    "macos": "ooooonnno",
    "solaris": "nonoo" + "onnn",
    "hpux10": "ooooonnno",
    "hpux11": "nonoo" + "onnn",
    "irix": "ooooonnno",
}
"""Every policy by name."""


def new_wins(policy: str) -> Array:
    """The policy's row as bool[9], in the order of `RELATIONS`."""
    try:
        row = POLICIES[policy]
    except KeyError:
        names = ", ".join(POLICIES)
        raise ValueError(f"unknown overlap policy {policy!r}; there are: {names}") from None
    return np.array([c == "n" for c in row])


def relations(start: int, end: int, old_start: Array, old_end: Array) -> Array:
    """Index into `RELATIONS` of a new piece relative to each old one that it overlaps."""
    by_start = np.sign(start - old_start) + 1
    by_end = np.sign(end - old_end) + 1
    found: Array = _GRID[by_start, by_end]
    return found


# rows: new starts before, same, after; columns: new ends before, same, after
_GRID = np.array(
    [
        [5, 6, 7],
        [1, 0, 2],
        [3, 4, 8],
    ]
)


class Cells:
    """The pieces of one cluster, cut at every boundary.

    Parameters
    ----------
    start, end : ndarray of int64
        The pieces, half open, in order of arrival.
    """

    def __init__(self, start: Array, end: Array) -> None:
        self.start = start
        self.end = end
        self.bounds = np.unique(np.concatenate((start, end)))
        self.low = np.searchsorted(self.bounds, start)
        self.high = np.searchsorted(self.bounds, end)

    def claim(self, order: list[int]) -> tuple[list[int], list[int]]:
        """Give each cell to the first piece of `order` that covers it.

        Returns
        -------
        owner : list of int
            For each cell.
        fresh : list of int
            Bytes that each piece got, in the order of arrival.
        """
        cells = len(self.bounds) - 1
        bounds = self.bounds.tolist()
        low, high = self.low.tolist(), self.high.tolist()
        owner = [-1] * cells
        fresh = [0] * len(low)
        free = list(range(cells + 1))  # the next cell without owner, with path compression
        for piece in order:
            stop = high[piece]
            cell = low[piece]
            got = 0
            while True:
                root = cell
                while free[root] != root:
                    root = free[root]
                while free[cell] != root:
                    free[cell], cell = root, free[cell]
                if root >= stop:
                    break
                owner[root] = piece
                got += bounds[root + 1] - bounds[root]
                free[root] = root + 1
                cell = root
            fresh[piece] = got
        return owner, fresh

    def decide(self, wins: Array, weak: Array) -> list[int]:
        """Owner of each cell under a policy.

        Parameters
        ----------
        wins : ndarray of bool
            The policy's row (`new_wins`).
        weak : ndarray of bool
            Pieces that never overwrite (keep-alives).
        """
        count = len(self.start)
        strong = np.flatnonzero(~weak).tolist()
        feeble = np.flatnonzero(weak).tolist()
        if not wins.any():
            return self.claim(list(range(count)))[0]
        if wins.all():
            return self.claim(strong[::-1] + feeble)[0]
        owner = np.full(len(self.bounds) - 1, -1, np.int64)
        by_start = np.argsort(self.start, kind="stable")
        sorted_start = self.start[by_start]
        longest = int((self.end - self.start).max())
        for piece in strong + feeble:
            start, end = int(self.start[piece]), int(self.end[piece])
            left, right = np.searchsorted(sorted_start, (start - longest, end))
            near = by_start[left:right]
            near = near[(self.end[near] > start) & ((near < piece) | weak[piece])]
            near = near[near != piece]
            if not weak[piece]:
                near = near[~weak[near]]
            keep = np.zeros(self.high[piece] - self.low[piece] + 1, np.int64)
            if weak[piece]:
                old = near
            else:
                old = near[~wins[relations(start, end, self.start[near], self.end[near])]]
            np.add.at(keep, np.maximum(self.low[old], self.low[piece]) - self.low[piece], 1)
            np.add.at(keep, np.minimum(self.high[old], self.high[piece]) - self.low[piece], -1)
            take = np.cumsum(keep[:-1]) == 0
            held = owner[self.low[piece] : self.high[piece]]
            held[take | (held < 0)] = piece
        return owner.tolist()
