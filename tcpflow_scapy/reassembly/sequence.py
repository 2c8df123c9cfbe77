"""Sequence numbers: 32-bit modular arithmetic (RFC 9293, 3.4), on one value or on columns.

Plain ``<`` on a sequence number is always a fault; everything that compares or subtracts them is here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

MODULUS = 1 << 32

HUGE = 1 << 31
"""Signed distances cannot order streams that reach further than this."""


def distance(later: int, earlier: int) -> int:
    """Signed distance from `earlier` to `later`, in [-2**31, 2**31)."""
    return ((later - earlier + (1 << 31)) & (MODULUS - 1)) - (1 << 31)


def distances(later: Array, earlier: Array) -> Array:
    """Signed distances of columns of sequence numbers, as int64.

    Parameters
    ----------
    later, earlier : ndarray of uint32
        Broadcast against each other.
    """
    difference = later.astype(np.uint32, copy=False) - earlier.astype(np.uint32, copy=False)
    return difference.view(np.int32).astype(np.int64)


def unwrap(sequence: Array) -> Array:
    """Positions on an unbounded axis of numbers given in the order in which they were seen.

    Each step is taken as the shorter way round, so that streams of any length are followed as long as
    neighbours are less than 2**31 apart.

    Parameters
    ----------
    sequence : ndarray of uint32

    Returns
    -------
    ndarray of int64
        Relative to the first, which is 0.
    """
    positions = np.zeros(len(sequence), np.int64)
    if len(sequence) > 1:
        np.cumsum(distances(sequence[1:], sequence[:-1]), out=positions[1:])
    return positions


def after_widest_hole(begin: Array, size: Array, max_gap: int) -> int | None:
    """Where a stream begins that leaves part of the circle empty, whatever the order of its segments.

    Parameters
    ----------
    begin : ndarray of int64
        Sequence numbers of segments, in [0, 2**32); at least one.
    size : ndarray of int64
        Their payload.
    max_gap : int
        Bytes that may be missing inside a stream.

    Returns
    -------
    int or None
        The first number after the widest empty stretch; None where none is wider than `max_gap`: the stream
        goes all the way round.
    """
    order = np.argsort(begin, kind="stable")
    begin, size = begin[order], size[order]
    reach = np.maximum.accumulate(begin + size)
    holes = np.append(begin[1:], begin[0] + MODULUS) - reach
    widest = int(np.argmax(holes))
    if holes[widest] <= max_gap:
        return None
    return int(begin[(widest + 1) % len(begin)])
