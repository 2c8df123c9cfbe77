"""Segments to extents: all streams at once, on one axis.

Every stream has its own part of one int64 axis, so that a single sort and a single running maximum serve
all of them. Pieces that touch nothing else are extents as they are. Exact duplicates are decided by column.
Clusters with partial overlaps are cut at every border, and each cell goes to whom the policy prefers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.reassembly.columns import first_rows, ranges
from tcpflow_scapy.reassembly.overlap import Cells, new_wins, precedence

Array = np.ndarray[Any, np.dtype[Any]]

_SHORT = 64
"""Duplicates up to so many bytes are compared by column, longer ones slice by slice."""
_COMPARE_CHUNK = 512
_WINDOW = 32 << 20
"""Payload of overlapping pieces that is compared at a time."""


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
    """Collects maximal runs of bytes that differ from those delivered: (start, length, row)."""

    def __init__(self) -> None:
        self.parts: list[Array] = []

    def compare(self, pieces: Pieces, index: Array, held: list[bytes], other: list[bytes]) -> None:
        """Compare pieces with what is delivered in their places."""
        unequal = [i for i, (one, two) in enumerate(zip(held, other, strict=True)) if one != two]
        if not unequal:
            return
        rows = index[unequal]
        one = np.frombuffer(b"".join([held[i] for i in unequal]), np.uint8)
        two = np.frombuffer(b"".join([other[i] for i in unequal]), np.uint8)
        self.note(one != two, pieces.start[rows], pieces.length[rows], pieces.row[rows])

    def note(self, differs: Array, start: Array, length: Array, row: Array) -> None:
        """Note the runs of many pieces whose bytes are laid end to end in `differs`."""
        first = np.cumsum(length) - length
        opens, closes = differs.copy(), differs.copy()
        opens[1:] &= ~differs[:-1]
        opens[first] = differs[first]
        closes[:-1] &= ~differs[1:]
        last = first + length - 1
        closes[last] = differs[last]
        begin, end = np.flatnonzero(opens), np.flatnonzero(closes)
        piece = np.searchsorted(first, begin, side="right") - 1
        self.parts.append(
            np.stack((start[piece] + begin - first[piece], end - begin + 1, row[piece]), axis=1)
        )

    def rows(self) -> Array:
        """int64[n, 3], by place, then row."""
        rows = np.concatenate([np.empty((0, 3), np.int64), *self.parts])
        return rows[np.lexsort((rows[:, 2], rows[:, 0]))]


def assemble(pieces: Pieces, policy: str, store: Store | None) -> Assembly:
    """Place pieces on the axis.

    Parameters
    ----------
    pieces : Pieces
    policy : str
        One of `overlap.POLICIES`.
    store : Store or None
        Read only where pieces overlap, to compare their bytes; None where there is nothing to compare.
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
    if ordered.weak.any():
        # A one-byte duplicate may be a keep-alive, whose byte means nothing.
        has_weak = np.logical_or.reduceat(ordered.weak[member], np.cumsum(size[multi]) - size[multi])
        uniform &= ~has_weak
    keep = np.ones(count, bool)
    back = order if order is not None else np.arange(count)
    plain = multi[uniform]
    _duplicates(
        ordered, first[plain], size[plain], bool(wins[0]), keep, store, conflicts, back, duplicate, fresh
    )
    if uniform.all():
        return _finish(ordered.take(np.flatnonzero(keep)), duplicate, fresh, conflicts)
    mixed = multi[~uniform]
    inside = ranges(first[mixed], size[mixed])
    keep[inside] = False
    members = ordered.take(inside)
    extents = _mixed(members, wins, duplicate, fresh, back[inside])
    if store is not None:
        _compare_mixed(members, extents, store, conflicts)
    kept = ordered.take(np.flatnonzero(keep))
    both = Pieces(
        np.concatenate((kept.start, extents.start)),
        np.concatenate((kept.length, extents.length)),
        np.concatenate((kept.address, extents.address)),
        np.concatenate((kept.row, extents.row)),
        np.concatenate((kept.weak, extents.weak)),
    )
    return _finish(both.take(np.argsort(both.start, kind="stable")), duplicate, fresh, conflicts)


def _finish(extents: Pieces, duplicate: Array, fresh: Array, conflicts: _Conflicts) -> Assembly:
    rows = conflicts.rows()
    owner = np.searchsorted(extents.start, rows[:, 0], side="right") - 1
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
        extents.row[owner],
    )


def _duplicates(
    ordered: Pieces,
    first: Array,
    size: Array,
    last_wins: bool,
    keep: Array,
    store: Store | None,
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
    if store is None:
        return
    lost, won = member[loser], winner_of[loser]
    short = _compare_short(ordered, lost, won, store, conflicts)
    long = np.flatnonzero(~short)
    # In the order of the file: copies are mostly near each other.
    long = long[np.argsort(ordered.address[won[long]])]
    for chunk in range(0, len(long), _COMPARE_CHUNK):
        rows = long[chunk : chunk + _COMPARE_CHUNK]
        both = np.stack((won[rows], lost[rows]), axis=1).reshape(-1)
        found = store.slices(ordered.address[both].tolist(), ordered.length[both].tolist())
        conflicts.compare(ordered, lost[rows], found[0::2], found[1::2])


def _compare_short(ordered: Pieces, lost: Array, won: Array, store: Store, conflicts: _Conflicts) -> Array:
    """Compare short pieces by column.

    Returns
    -------
    ndarray of bool
        Which were compared; long pieces were not.
    """
    short: Array = ordered.length[lost] <= _SHORT
    rows = np.flatnonzero(short)
    for chunk in range(0, len(rows), 1 << 16):
        part = rows[chunk : chunk + (1 << 16)]
        lengths = ordered.length[lost[part]]
        one = store.joined(ordered.address[lost[part]], lengths)
        differs = one != store.joined(ordered.address[won[part]], lengths)
        if differs.any():
            conflicts.note(differs, ordered.start[lost[part]], lengths, ordered.row[lost[part]])
    return short


def _mixed(pieces: Pieces, wins: Array, duplicate: Array, fresh: Array, back: Array) -> Pieces:
    """Clusters with partial overlaps to extents.

    Parameters
    ----------
    pieces : Pieces
        Of all such clusters, ascending.
    wins : ndarray of bool
        The policy's row.
    """
    cells = Cells(pieces.start, pieces.start + pieces.length)
    arrival = np.argsort(pieces.row, kind="stable")
    first_owner = cells.foremost(arrival)
    lengths = cells.lengths()
    covered = first_owner >= 0
    got = np.zeros(len(pieces.start), np.int64)
    np.add.at(got, first_owner[covered], lengths[covered])
    fresh[back] = got
    duplicate[back] = np.where(got == 0, DUPLICATE, np.where(got == pieces.length, NEW, PARTIAL))
    if not wins.any() and not pieces.weak.any():
        owner = first_owner
    else:
        # Keep-alives come last, and among themselves the first one.
        claims = precedence(wins, pieces.start, pieces.start + pieces.length, pieces.row)
        strong = claims[~pieces.weak[claims]]
        owner = cells.foremost(np.concatenate((strong, arrival[pieces.weak[arrival]])))
    return _runs(pieces, cells, owner)


def _runs(pieces: Pieces, cells: Cells, owner: Array) -> Pieces:
    """Neighbouring cells of one owner are one extent."""
    heads = np.flatnonzero(first_rows(owner))
    tails = np.append(heads[1:], len(owner))
    held = owner[heads] >= 0
    begin, stop = cells.bounds[heads[held]], cells.bounds[tails[held]]
    piece = owner[heads[held]]
    return Pieces(
        begin,
        stop - begin,
        pieces.address[piece] + begin - pieces.start[piece],
        pieces.row[piece],
        pieces.weak[piece],
    )


def _compare_mixed(pieces: Pieces, extents: Pieces, store: Store, conflicts: _Conflicts) -> None:
    """Compare every piece with what is delivered in its range, window by window."""
    volume = np.cumsum(pieces.length)
    window = 0
    while window < len(pieces.start):
        limit = int(volume[window - 1] if window else 0) + _WINDOW
        stop = max(int(np.searchsorted(volume, limit, side="right")), window + 1)
        part = pieces.take(np.arange(window, stop))
        window = stop
        low, high = int(part.start[0]), int((part.start + part.length).max())
        index = np.arange(
            int(np.searchsorted(extents.start, low, side="right")) - 1,
            int(np.searchsorted(extents.start, high, side="left")),
        )
        held = extents.take(index)
        # Clusters lie far apart on the axis: what is delivered is laid end to end.
        place = np.cumsum(held.length) - held.length
        delivered = b"".join(store.slices(held.address.tolist(), held.length.tolist()))
        owner = np.searchsorted(held.start, part.start, side="right") - 1
        at = place[owner] + part.start - held.start[owner]
        _compare_window(part, delivered, at, store, conflicts)


def _compare_window(part: Pieces, delivered: bytes, at: Array, store: Store, conflicts: _Conflicts) -> None:
    """Compare pieces with what is delivered; `at` is the place of each in `delivered`."""
    short = part.length <= _SHORT
    laid = np.frombuffer(delivered, np.uint8)
    rows = np.flatnonzero(short)
    lengths = part.length[rows]
    differs = store.joined(part.address[rows], lengths) != laid[ranges(at[rows], lengths)]
    if differs.any():
        conflicts.note(differs, part.start[rows], lengths, part.row[rows])
    long = np.flatnonzero(~short)
    for chunk in range(0, len(long), _COMPARE_CHUNK):
        rows = long[chunk : chunk + _COMPARE_CHUNK]
        lengths = part.length[rows].tolist()
        others = store.slices(part.address[rows].tolist(), lengths)
        held = [delivered[p : p + n] for p, n in zip(at[rows].tolist(), lengths, strict=True)]
        conflicts.compare(part, rows, held, others)
