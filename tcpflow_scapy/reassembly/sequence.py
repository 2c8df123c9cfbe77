"""Sequence numbers: 32-bit modular arithmetic (RFC 9293, 3.4), on one value or on columns.

Plain ``<`` on a sequence number is always a fault; everything that compares or subtracts them is here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

MODULUS = 1 << 32


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
