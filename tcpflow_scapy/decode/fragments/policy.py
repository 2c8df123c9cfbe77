"""Whose bytes count where IP fragments overlap (Novak, "Target-Based Fragmentation Reassembly").

A fragment that arrives is compared with every older one that it overlaps: does it start before, with or
after it, and end before, with or after it? Nine cases, and each system has its answers. A byte already
held survives if at least one older fragment that covers it wins; else the new one is taken. Older
fragments keep their original extent in these comparisons.
"""

from __future__ import annotations

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
