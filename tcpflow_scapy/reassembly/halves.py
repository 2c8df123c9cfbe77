"""Where one direction of a pair of endpoints falls into separate connections.

The numbers of one direction lie on a circle of 2**32. Data and SYNs are put on it as intervals; it is cut
wherever more than `max_gap` is empty, and again at every SYN with a new ISN. What lies between two cuts is
a *half*: what one side sent in one connection. Nothing here looks at the order of arrival, except for
directions in which more was sent than the circle holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.reassembly.columns import first_rows, group_reduce, starts_of
from tcpflow_scapy.reassembly.sequence import MODULUS, unwrap

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(slots=True)
class Halves:
    """The halves of some directions, and what is needed to find the half of any sequence number."""

    count: int
    direction: Array
    """int64[count]: index of the direction"""
    isn: Array
    """int64[count]: -1 where no SYN begins the half"""
    start: Array
    """int64[count]: position of the first point"""
    arc: Array
    """int64[count]: halves of one arc lie within `max_gap` of each other"""
    row_half: Array
    """int64 for each point, in the order given to `find_halves`"""
    row_position: Array
    """int64 for each point: place on the unwrapped axis of its direction"""
    crossed: Array
    """bool[count]: an earlier half of the same arc reaches up to this one's ISN"""
    # the search structure
    _axis: Array
    _half: Array
    _end: Array
    _low: Array
    _base: Array
    _placed: Array
    _max_gap: int

    def locate(self, direction: Array, sequence: Array, before: bool, position: Array | None = None) -> Array:
        """The half in which each sequence number falls, -1 where none is near.

        Parameters
        ----------
        direction : ndarray of int
        sequence : ndarray of uint32
        before : bool
            True for acknowledgment numbers: the byte meant is the one before.
        position : ndarray of int64, optional
            Where the numbers lie, of directions that were placed by `position` in `find_halves`.
        """
        out = np.full(len(sequence), -1, np.int64)
        known = self._base[direction] >= 0
        if not known.any() or not self.count:
            return out
        d = direction[known]
        low = self._low[d] - self._max_gap
        place = low + ((sequence[known].astype(np.int64) - low) % MODULUS)
        if position is not None:
            place = np.where(self._placed[d], position[known], place)
        query = place - self._low[d] + self._base[d]
        side = "left" if before else "right"
        index = np.searchsorted(self._axis, query, side=side) - 1  # type: ignore[call-overload]
        found = np.full(len(d), -1, np.int64)
        for candidate, ahead in ((index, False), (index + 1, True)):
            inside = (candidate >= 0) & (candidate < len(self._axis)) & (found < 0)
            safe = np.clip(candidate, 0, len(self._axis) - 1)
            half = self._half[safe]
            inside &= self.direction[half] == d
            if ahead:
                inside &= self._axis[safe] - query <= self._max_gap
            else:
                inside &= query - self._end[safe] <= self._max_gap
            found[inside] = half[inside]
        out[known] = found
        return out


def find_halves(
    direction: Array,
    directions: int,
    sequence: Array,
    length: Array,
    syn: Array,
    max_gap: int,
    long: Array | None = None,
    walked: Array | None = None,
) -> Halves:
    """Cut directions into halves.

    Parameters
    ----------
    direction : ndarray of int64
        For each point (a segment with data or SYN), in order of arrival.
    directions : int
        How many directions there are.
    sequence : ndarray of uint32
        Of the segment, as in its header.
    length : ndarray of int64
        Payload bytes on the wire.
    syn : ndarray of bool
    max_gap : int
    long : ndarray of bool, optional
        Directions that reach round the circle.
    walked : ndarray of int64, optional
        Positions of the segments of those, by the clock. Without, more than the circle holds is followed in
        the order of arrival.
    """
    count = len(direction)
    position = sequence.astype(np.int64)
    volume = np.bincount(direction, weights=length, minlength=directions)
    huge = volume >= MODULUS
    placed = np.zeros(directions, bool)
    if long is not None and walked is not None:
        position = np.where(long[direction], walked, position)
        placed = long
        huge &= ~long
    if huge.any():
        by_direction = np.argsort(direction, kind="stable")
        starts = starts_of(direction[by_direction], directions)
        for d in np.flatnonzero(huge).tolist():
            rows = by_direction[starts[d] : starts[d + 1]]
            position[rows] = int(position[rows[0]]) + unwrap(sequence[rows])
    # At equal positions: data that continues an older connection, then the SYN, then keep-alives after it.
    tie = np.where(syn, 1, np.where(length > 1, 0, 2))
    order, axis, reach, cut, low, base = _lay_out(direction, directions, position, length + syn, tie, max_gap)
    if count and _close_circles(position, length + syn, order, cut, direction, syn, huge | placed, max_gap):
        order, axis, reach, cut, low, base = _lay_out(
            direction, directions, position, length + syn, tie, max_gap
        )
    arc = np.cumsum(cut) - 1
    begins, named = _begins(cut, arc, syn[order], position[order])
    half = np.cumsum(begins) - 1
    heads = np.flatnonzero(begins)
    isn = np.full(len(heads), -1, np.int64)
    isn[half[named]] = sequence[order[named]]
    # "Crossed": bytes of the half before reach to the first data byte of this one.
    crossed = np.zeros(len(heads), bool)
    later = heads[1:]
    crossed[1:] = ~cut[later] & (reach[later - 1] >= axis[later] + 1) & (isn[1:] >= 0)
    row_half = np.empty(count, np.int64)
    row_half[order] = half
    return Halves(
        count=len(heads),
        direction=direction[order[heads]].astype(np.int64),
        isn=isn,
        start=position[order[heads]],
        arc=arc[heads],
        row_half=row_half,
        row_position=position,
        crossed=crossed,
        _axis=axis,
        _half=half,
        _end=reach,
        _low=low,
        _base=base,
        _placed=placed,
        _max_gap=max_gap,
    )


def _lay_out(
    direction: Array, directions: int, position: Array, size: Array, tie: Array, max_gap: int
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Points by direction and position, and where more than `max_gap` is empty before them.

    Returns
    -------
    order : ndarray of int64
    axis, reach : ndarray of int64
        In that order: place on the axis of all directions, highest place reached so far.
    cut : ndarray of bool
        In that order: an arc begins here.
    low, base : ndarray of int64
        Of each direction, as `_axis` gives them.
    """
    order = np.lexsort((tie, position, direction))
    axis, low, base = _axis(direction, position, position + size, directions, max_gap)
    axis = axis[order]
    reach = np.maximum.accumulate(axis + size[order])
    cut = first_rows(direction[order])
    cut[1:] |= axis[1:] - reach[:-1] > max_gap
    return order, axis, reach, cut, low, base


def _begins(cut: Array, arc: Array, syn: Array, position: Array) -> tuple[Array, Array]:
    """Where halves begin: with an arc, and with every SYN with another ISN. The rows of those SYNs."""
    rows = np.flatnonzero(syn)
    fresh = np.ones(len(rows), bool)
    fresh[1:] = (position[rows[1:]] != position[rows[:-1]]) | (arc[rows[1:]] != arc[rows[:-1]])
    begins = cut.copy()
    begins[rows[fresh]] = True
    return begins, rows[fresh]


def _axis(
    direction: Array, position: Array, end: Array, directions: int, max_gap: int
) -> tuple[Array, Array, Array]:
    """One axis for all directions: position on it, lowest position and base of each direction."""
    order = np.argsort(direction, kind="stable")
    groups = direction[order]
    big = np.iinfo(np.int64).max
    low = group_reduce(np.minimum, position[order], groups, directions, big)
    high = group_reduce(np.maximum, end[order], groups, directions, -big)
    present = high > -big
    low = np.where(present, low, 0)
    span = np.where(present, high - low, 0) + 2 * max_gap + 2
    base = np.cumsum(span) - span + max_gap + 1
    axis = position - low[direction] + base[direction]
    return axis, low, np.where(present, base, -1)


def _close_circles(
    position: Array,
    size: Array,
    order: Array,
    cut: Array,
    direction: Array,
    syn: Array,
    huge: Array,
    max_gap: int,
) -> bool:
    """Move arcs that end just before 2**32 below zero where they go on from zero. True if any moved.

    Where everything is one arc that bites its tail, one stream of more than 4 GiB went round; it is followed
    in the order of arrival. Several SYNs say that it was several streams.
    """
    begins = np.flatnonzero(first_rows(direction[order]))
    stops = np.append(begins[1:], len(order))
    cuts = np.flatnonzero(cut)
    last_cut = cuts[np.searchsorted(cuts, stops, side="left") - 1]
    moved = False
    for begin, stop, last in zip(begins.tolist(), stops.tolist(), last_cut.tolist(), strict=True):
        if huge[direction[order[begin]]]:
            continue
        tail = order[last:stop]
        if int(position[order[begin]]) + MODULUS - int((position[tail] + size[tail]).max()) > max_gap:
            continue
        if last > begin:
            position[tail] -= MODULUS
            moved = True
        elif _alike(position[tail[syn[tail]]]):
            rows = np.sort(tail)
            position[rows] = position[rows[0]] + unwrap(position[rows].astype(np.uint32))
            moved = True
    return moved


def _alike(values: Array) -> bool:
    """Whether there is at most one distinct value."""
    return not len(values) or bool(values.min() == values.max())
