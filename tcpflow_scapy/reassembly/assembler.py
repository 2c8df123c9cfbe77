"""Segments to extents: all streams at once, on one axis.

Every stream has its own part of one int64 axis, so that a single sort and a single running maximum serve
all of them. Pieces that touch nothing else are extents as they are. Exact duplicates are decided by column.
Only clusters with partial overlaps are looked at one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import ADDRESS_SHIFT, Store
from tcpflow_scapy.reassembly.columns import first_rows, ranges
from tcpflow_scapy.reassembly.overlap import Cells, new_wins

Array = np.ndarray[Any, np.dtype[Any]]

_SHORT = 64
"""Duplicates up to so many bytes are compared by column, longer ones slice by slice."""
_COMPARE_CHUNK = 512


@dataclass(slots=True)
class Pieces:
    """Captured payload of segments, trimmed to offset 0, in order of stream and arrival.

    All int64. `start` is on the axis; `row` is the row of the segment's packet (its order of arrival).
    """

    start: Array
    length: Array
    address: Array
    row: Array
    weak: Array
    """bool: keep-alive bytes, which never overwrite"""

    def take(self, index: Array) -> Pieces:
        """The pieces at `index`."""
        return Pieces(
            self.start[index], self.length[index], self.address[index], self.row[index], self.weak[index]
        )


@dataclass(slots=True)
class Assembly:
    """What `assemble` found. Starts are on the axis."""

    start: Array
    """int64: extents, ascending and disjoint"""
    length: Array
    address: Array
    row: Array
    duplicate: Array
    """uint8 for each piece as given: NEW, DUPLICATE or PARTIAL"""
    fresh: Array
    """int64 for each piece: bytes not seen before it arrived"""
    conflict_start: Array
    conflict_length: Array
    conflict_row: Array
    """the packet that contradicts"""
    conflict_winner: Array
    """the packet whose bytes are delivered"""


NEW, DUPLICATE, PARTIAL = range(3)


class _Conflicts:
    """Collects maximal runs of differing bytes."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int, int]] = []

    def compare(self, start: int, held: bytes, other: bytes, row: int, winner: int) -> None:
        if held == other:
            return
        n = min(len(held), len(other))
        differs = np.frombuffer(held, np.uint8, n) != np.frombuffer(other, np.uint8, n)
        edges = np.flatnonzero(np.diff(np.concatenate(([0], differs.view(np.int8), [0]))))
        self.rows.extend(
            (start + a, b - a, row, winner)
            for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        )


def assemble(pieces: Pieces, policy: str, store: Store) -> Assembly:
    """Place pieces on the axis.

    Parameters
    ----------
    pieces : Pieces
    policy : str
        One of `overlap.POLICIES`.
    store : Store
        Read only where pieces overlap, to compare their bytes.
    """
    wins = new_wins(policy)
    count = len(pieces.start)
    duplicate = np.zeros(count, np.uint8)
    fresh = pieces.length.copy()
    conflicts = _Conflicts()
    order: Array | None = None
    ordered = pieces
    if count > 1 and (pieces.start[1:] < pieces.start[:-1]).any():
        order = np.argsort(pieces.start, kind="stable")
        ordered = pieces.take(order)
    ends = ordered.start + ordered.length
    new_cluster = np.empty(count, bool)
    if count:
        new_cluster[0] = True
        np.greater_equal(ordered.start[1:], np.maximum.accumulate(ends)[:-1], out=new_cluster[1:])
    if new_cluster.all():
        return _finish(ordered, duplicate, fresh, conflicts)
    first = np.flatnonzero(new_cluster)
    size = np.diff(np.append(first, count))
    multi = np.flatnonzero(size > 1)
    member = ranges(first[multi], size[multi])
    head = np.repeat(first[multi], size[multi])
    same = (ordered.start[member] == ordered.start[head]) & (ordered.length[member] == ordered.length[head])
    uniform = np.logical_and.reduceat(same, np.cumsum(size[multi]) - size[multi])
    if wins[0]:
        # A one-byte duplicate may be a keep-alive, whose byte means nothing.
        has_weak = np.logical_or.reduceat(ordered.weak[member], np.cumsum(size[multi]) - size[multi])
        uniform &= ~has_weak
    keep = np.ones(count, bool)
    back = order if order is not None else np.arange(count)
    plain = multi[uniform]
    _duplicates(
        ordered, first[plain], size[plain], bool(wins[0]), keep, store, conflicts, back, duplicate, fresh
    )
    extra: list[tuple[int, int, int, int]] = []
    for cluster in multi[~uniform].tolist():
        begin = int(first[cluster])
        index = np.arange(begin, begin + int(size[cluster]))
        keep[index] = False
        by_arrival = index[np.argsort(ordered.row[index], kind="stable")]
        extra += _mixed(ordered.take(by_arrival), wins, store, conflicts, back[by_arrival], duplicate, fresh)
    kept = ordered.take(np.flatnonzero(keep))
    if extra:
        more = np.array(extra, np.int64).reshape(-1, 4)
        merged = Pieces(
            np.concatenate((kept.start, more[:, 0])),
            np.concatenate((kept.length, more[:, 1])),
            np.concatenate((kept.address, more[:, 2])),
            np.concatenate((kept.row, more[:, 3])),
            np.zeros(len(kept.start) + len(more), bool),
        )
        kept = merged.take(np.argsort(merged.start, kind="stable"))
    return _finish(kept, duplicate, fresh, conflicts)


def _finish(extents: Pieces, duplicate: Array, fresh: Array, conflicts: _Conflicts) -> Assembly:
    rows = np.array(conflicts.rows, np.int64).reshape(-1, 4)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 0]))]
    return Assembly(
        extents.start,
        extents.length,
        extents.address,
        extents.row,
        duplicate,
        fresh,
        rows[:, 0],
        rows[:, 1],
        rows[:, 2],
        rows[:, 3],
    )


def _duplicates(
    ordered: Pieces,
    first: Array,
    size: Array,
    last_wins: bool,
    keep: Array,
    store: Store,
    conflicts: _Conflicts,
    back: Array,
    duplicate: Array,
    fresh: Array,
) -> None:
    """Clusters in which all pieces have the same range: one wins, the others are compared with it."""
    if not len(first):
        return
    member = ranges(first, size)
    # Equal starts keep their order of arrival, because the sort was stable.
    later = ~first_rows(np.repeat(np.arange(len(first)), size))
    duplicate[back[member[later]]] = DUPLICATE
    fresh[back[member[later]]] = 0
    winner = first + size - 1 if last_wins else first
    winner_of = np.repeat(winner, size)
    loser = member != winner_of
    keep[member[loser]] = False
    lost, won = member[loser], winner_of[loser]
    equal = np.zeros(len(lost), bool)
    short = ordered.length[lost] <= _SHORT
    _compare_short(ordered, lost, won, short, store, equal)
    long = np.flatnonzero(~short)
    for chunk in range(0, len(long), _COMPARE_CHUNK):
        rows = long[chunk : chunk + _COMPARE_CHUNK]
        lengths = ordered.length[lost[rows]].tolist()
        one = store.slices(ordered.address[lost[rows]].tolist(), lengths)
        two = store.slices(ordered.address[won[rows]].tolist(), lengths)
        equal[rows] = [x == y for x, y in zip(one, two, strict=True)]
    for i in np.flatnonzero(~equal).tolist():
        a, b = int(lost[i]), int(won[i])
        n = int(ordered.length[a])
        conflicts.compare(
            int(ordered.start[a]),
            store.read(int(ordered.address[b]), n),
            store.read(int(ordered.address[a]), n),
            int(ordered.row[a]),
            int(ordered.row[b]),
        )


def _compare_short(
    ordered: Pieces, lost: Array, won: Array, short: Array, store: Store, equal: Array
) -> None:
    """Compare short pieces by column; pieces in different buffers are left to the slow comparison."""
    one, two = ordered.address[lost], ordered.address[won]
    number = one >> ADDRESS_SHIFT
    short &= number == two >> ADDRESS_SHIFT
    for buffer in np.unique(number[short]).tolist():
        rows = np.flatnonzero(short & (number == buffer))
        memory = store.array(buffer)
        base = buffer << ADDRESS_SHIFT
        for chunk in range(0, len(rows), 1 << 16):
            part = rows[chunk : chunk + (1 << 16)]
            lengths = ordered.length[lost[part]]
            same = memory[ranges(one[part] - base, lengths)] == memory[ranges(two[part] - base, lengths)]
            equal[part] = np.logical_and.reduceat(same, np.cumsum(lengths) - lengths)


def _mixed(
    pieces: Pieces,
    wins: Array,
    store: Store,
    conflicts: _Conflicts,
    back: Array,
    duplicate: Array,
    fresh: Array,
) -> list[tuple[int, int, int, int]]:
    """One cluster with partial overlaps: pieces in order of arrival -> (start, length, address, row)."""
    cells = Cells(pieces.start, pieces.start + pieces.length)
    first_owner, got = cells.claim(list(range(len(pieces.start))))
    owner = first_owner if not wins.any() else cells.decide(wins, pieces.weak)
    fresh[back] = got
    lengths = pieces.length.tolist()
    duplicate[back] = [
        DUPLICATE if g == 0 else NEW if g == n else PARTIAL for g, n in zip(got, lengths, strict=True)
    ]
    starts, addresses, rows = pieces.start.tolist(), pieces.address.tolist(), pieces.row.tolist()
    bounds = cells.bounds.tolist()
    extents: list[tuple[int, int, int, int]] = []
    run_start = 0  # cells of one owner in a row are one extent
    for cell in range(1, len(owner) + 1):
        if cell == len(owner) or owner[cell] != owner[run_start]:
            piece = owner[run_start]
            begin = bounds[run_start]
            extents.append(
                (begin, bounds[cell] - begin, addresses[piece] + begin - starts[piece], rows[piece])
            )
            run_start = cell
    _compare_mixed(pieces, extents, store, conflicts)
    return extents


def _compare_mixed(
    pieces: Pieces, extents: list[tuple[int, int, int, int]], store: Store, conflicts: _Conflicts
) -> None:
    """Compare every piece with what is delivered in its range."""
    begins = np.array([e[0] for e in extents], np.int64)
    rows, addresses = pieces.row.tolist(), pieces.address.tolist()
    starts, lengths = pieces.start.tolist(), pieces.length.tolist()
    left = (np.searchsorted(begins, pieces.start, side="right") - 1).tolist()
    for i, (start, length, row) in enumerate(zip(starts, lengths, rows, strict=True)):
        end = start + length
        extent = left[i]
        held: list[bytes] = []
        winner = -1
        while extent < len(extents) and extents[extent][0] < end:
            begin, size, address, owner = extents[extent]
            low, high = max(begin, start), min(begin + size, end)
            held.append(store.read(address + low - begin, high - low))
            if owner != row and winner < 0:
                winner = owner
            extent += 1
        if winner >= 0:
            conflicts.compare(start, b"".join(held), store.read(addresses[i], length), row, winner)
