"""Sequence numbers: 32-bit modular arithmetic (RFC 9293, 3.4), on one value or on columns.

Plain ``<`` on a sequence number is always a fault; everything that compares or subtracts them is here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.reassembly.columns import first_rows

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


def after_widest_holes(group: Array, begin: Array, size: Array, count: int, max_gap: int) -> Array:
    """Where streams begin that leave part of the circle empty, whatever the order of their segments.

    Parameters
    ----------
    group : ndarray of int64
        Stream of each segment, in [0, count).
    begin : ndarray of int64
        Its sequence number, in [0, 2**32).
    size : ndarray of int64
        Its payload.
    count : int
    max_gap : int
        Bytes that may be missing inside a stream.

    Returns
    -------
    ndarray of int64
        For each stream the first number after the widest empty stretch; -1 without segments, and where none
        is wider than `max_gap`: the stream goes all the way round.
    """
    out = np.full(count, -1, np.int64)
    order = np.lexsort((begin, group))
    group, begin, size = group[order], begin[order], size[order]
    heads = np.flatnonzero(first_rows(group))
    if not len(heads):
        return out
    tails = np.append(heads[1:], len(group)) - 1
    # Far enough from each other for one running maximum.
    axis = group * (2 * MODULUS)
    reach = np.maximum.accumulate(axis + begin + size) - axis
    following = np.append(begin[1:], 0)
    following[tails] = begin[heads]
    holes = following - reach
    holes[tails] += MODULUS
    widest = np.maximum.reduceat(holes, heads)
    first = np.flatnonzero(holes == np.repeat(widest, tails + 1 - heads))
    first = first[first_rows(group[first])]
    wide = widest > max_gap
    out[group[heads[wide]]] = following[first[wide]]
    return out
