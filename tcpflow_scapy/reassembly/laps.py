"""Sequence numbers followed round the circle of 2**32, by the clock.

Streams of gigabytes use each number several times. What was sent, and what the other side acknowledged of
it, lie on one axis; in the order of time each number is the shorter way from the one before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.reassembly.columns import first_rows
from tcpflow_scapy.reassembly.sequence import distances

Array = np.ndarray[Any, np.dtype[Any]]

_FAR = 1 << 28
"""A single number further than this from both neighbours, which are near each other, leads nowhere."""


def follow(axis: Array, time: Array, number: Array) -> Array:
    """Positions on unbounded axes.

    Parameters
    ----------
    axis : ndarray of int64
        Which axis each number is on.
    time : ndarray of int64
        What orders the numbers of an axis; equal ones stay as they are.
    number : ndarray of uint32

    Returns
    -------
    ndarray of int64
        Congruent to the numbers modulo 2**32; the first of each axis is in [0, 2**32).
    """
    out = np.zeros(len(number), np.int64)
    if not len(number):
        return out
    order = np.lexsort((time, axis))
    group, sequence = axis[order], number[order]
    stray = _strays(group, sequence)
    kept = np.flatnonzero(~stray)
    heads = first_rows(group[kept])
    step = np.zeros(len(kept), np.int64)
    step[1:] = distances(sequence[kept][1:], sequence[kept][:-1])
    step[heads] = 0
    place = np.cumsum(step)
    begins = np.flatnonzero(heads)
    size = np.diff(np.append(begins, len(kept)))
    place += np.repeat(sequence[kept][begins].astype(np.int64) - place[begins], size)
    walked = np.zeros(len(order), np.int64)
    walked[kept] = place
    lost = np.flatnonzero(stray)
    # A stray lies where the one before it says: that one never is a stray itself.
    walked[lost] = walked[lost - 1] + distances(sequence[lost], sequence[lost - 1])
    out[order] = walked
    return out


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
