"""Sequence numbers followed round the circle of 2**32, by the clock.

Streams of gigabytes use each number several times. What was sent, and what the other side acknowledged of
it, lie on one axis; in the order of time each number is the shorter way from the one before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.reassembly.columns import first_rows, group_reduce
from tcpflow_scapy.reassembly.sequence import HUGE, MODULUS, distances

Array = np.ndarray[Any, np.dtype[Any]]

_FAR = 1 << 28
"""A single number further than this from both neighbours, which are near each other, leads nowhere."""

_LEAP = 1 << 29
"""In the order of time, and of a stream that goes round, no step back is as long."""


def follow(axis: Array, time: Array, number: Array, leads: Array, count: int) -> tuple[Array, Array, Array]:
    """Positions on unbounded axes.

    Parameters
    ----------
    axis : ndarray of int64
        Which axis each number is on.
    time : ndarray of int64
        What orders the numbers of an axis; equal ones stay as they are.
    number : ndarray of uint32
    leads : ndarray of bool
        Numbers that tell the way: those of data, and acknowledgments. Others lie near these.
    count : int
        Of axes.

    Returns
    -------
    position : ndarray of int64
        Congruent to the numbers modulo 2**32.
    low, high : ndarray of int64
        Of each axis: lowest and highest position of those that lead. `high` is below `low` without any, and
        where times do not tell the way: numbers go far back.
    """
    order = np.lexsort((time, axis))
    group, sequence = axis[order], number[order]
    led = np.flatnonzero(leads[order])
    led = led[~_strays(group[led], sequence[led])]
    heads = first_rows(group[led])
    step = np.zeros(len(led), np.int64)
    step[1:] = distances(sequence[led][1:], sequence[led][:-1])
    step[heads] = 0
    place = np.cumsum(step)
    begins = np.flatnonzero(heads)
    size = np.diff(np.append(begins, len(led)))
    place += np.repeat(sequence[led][begins].astype(np.int64) - place[begins], size)
    big = np.iinfo(np.int64).max
    low = group_reduce(np.minimum, place, group[led], count, big)
    high = group_reduce(np.maximum, place, group[led], count, -big)
    high[group[led][step < -_LEAP]] = -big
    walked = sequence.astype(np.int64)
    if len(led):
        rest = np.ones(len(order), bool)
        rest[led] = False
        rows = np.flatnonzero(rest)
        guide = np.maximum(np.searchsorted(led, rows, side="right") - 1, 0)
        guide += (group[led[guide]] != group[rows]) & (guide < len(led) - 1)
        near = place[guide] + distances(sequence[rows], sequence[led[guide]])
        walked[rows] = np.where(group[led[guide]] == group[rows], near, walked[rows])
        walked[led] = place
        _inwards(walked, rows, low[group[rows]], high[group[rows]])
    position = np.empty(len(order), np.int64)
    position[order] = walked
    return position, low, high


def _inwards(position: Array, rows: Array, low: Array, high: Array) -> None:
    """Numbers outside of what leads lie on the nearer side of it."""
    at = position[rows]
    for step, off in ((-MODULUS, at - high), (MODULUS, low - at)):
        other = at + step
        beyond = np.maximum(np.maximum(low - other, other - high), 0)
        nearer = (high >= low) & (off > _LEAP) & (beyond < off)
        position[rows[nearer]] = other[nearer]


def _strays(group: Array, sequence: Array) -> Array:
    """bool: numbers far from both neighbours, which are near each other."""
    stray = np.zeros(len(group), bool)
    if len(group) < 3:
        return stray
    inner = (group[2:] == group[:-2]) & (np.abs(distances(sequence[2:], sequence[:-2])) < _FAR)
    inner &= np.abs(distances(sequence[1:-1], sequence[:-2])) >= _FAR
    stray[1:-1] = inner & (np.abs(distances(sequence[2:], sequence[1:-1])) >= _FAR)
    stray[1:] &= ~stray[:-1]
    return stray


def along(axis: Array, time: Array, number: Array, leads: Array, count: int) -> tuple[Array, Array]:
    """Streams, and what was acknowledged of them.

    Parameters
    ----------
    axis, time, number, leads, count
        As for `follow`.

    Returns
    -------
    position : ndarray of int64
    usable : ndarray of bool
        For each axis: times tell the way, and numbers do not without them.
    """
    place, low, high = follow(axis, time, number, leads, count)
    big = np.iinfo(np.int64).max
    known = np.flatnonzero(time != NO_TIME)
    first, last = np.full(count, big), np.full(count, -big)
    np.minimum.at(first, axis[known], time[known])
    np.maximum.at(last, axis[known], time[known])
    usable = (first < last) & (high > low)
    # The distance may be more than 64 bits hold where there is no way.
    usable[usable] = (high - low)[usable] > HUGE
    return place, usable
