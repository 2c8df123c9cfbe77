"""Fragments that came twice: the same place, the same length, the same bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store

from .grouping import Lineup

Array = np.ndarray[Any, np.dtype[Any]]

CHUNK = 1 << 14
"""Short fragments compared at a time"""

SHORT = 256
"""Fragments of up to so many bytes are compared by column; for longer ones that is not quicker."""


def exact_copies(store: Store, table: dict[str, Array], lineup: Lineup) -> Array | None:
    """For each fragment the place of the first in the lineup that is the same byte for byte.

    Parameters
    ----------
    store : Store
        Where the fragments' bytes are.
    table : dict of str to ndarray
    lineup : Lineup

    Returns
    -------
    ndarray of int64 or None
        None if there are no copies.
    """
    same = np.zeros(len(lineup), bool)
    same[1:] = ~lineup.new[1:]
    for column in (lineup.offset, lineup.length, lineup.wire_length, lineup.more):
        same[1:] &= column[1:] == column[:-1]
    places = np.flatnonzero(same)
    if not len(places):
        return None
    found = np.arange(len(lineup))
    # Each is compared with the first of its run, so that a run of copies is one of them.
    heads = np.maximum.accumulate(np.where(same, 0, found))[places]
    address = table["address"]
    equal = equal_ranges(
        store, address[lineup.index[places]], address[lineup.index[heads]], lineup.length[places]
    )
    found[places[equal]] = heads[equal]
    return found


def equal_ranges(store: Store, one: Array, other: Array, length: Array) -> Array:
    """Whether ranges of bytes are the same, two by two.

    Parameters
    ----------
    store : Store
    one, other, length : ndarray of int64
        Store addresses of the ranges, and bytes of both.

    Returns
    -------
    ndarray of bool
    """
    equal: Array = length == 0
    short = np.flatnonzero((length > 0) & (length <= SHORT))
    for first in range(0, len(short), CHUNK):
        rows = short[first : first + CHUNK]
        size = length[rows]
        differs = store.joined(one[rows], size) != store.joined(other[rows], size)
        equal[rows] = ~np.logical_or.reduceat(differs, np.cumsum(size) - size)
    rest = np.flatnonzero(length > SHORT)
    sizes = length[rest].tolist()
    ours, theirs = store.slices(one[rest].tolist(), sizes), store.slices(other[rest].tolist(), sizes)
    equal[rest] = [a == b for a, b in zip(ours, theirs, strict=True)]
    return equal
