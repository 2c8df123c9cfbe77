"""Fragments that came twice: the same place, the same length, the same bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import ADDRESS_SHIFT, OFFSET_MASK, Store

from .buffer import PieceBuffer
from .grouping import Lineup

Array = np.ndarray[Any, np.dtype[Any]]

WORD = 8
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
    number = one >> ADDRESS_SHIFT
    left = ~equal
    short = left & (length <= SHORT) & (number == other >> ADDRESS_SHIFT)
    for buffer in np.unique(number[short]).tolist():
        if isinstance(store.buffer(buffer), PieceBuffer):
            continue
        octets = store.array(buffer)
        rows = np.flatnonzero(short & (number == buffer))
        begin, second, size = one[rows] & OFFSET_MASK, other[rows] & OFFSET_MASK, length[rows]
        inside = np.maximum(begin, second) + np.maximum(size, WORD) <= len(octets)
        if not inside.all():
            rows, begin, second, size = rows[inside], begin[inside], second[inside], size[inside]
        equal[rows] = _equal_short(octets, begin, second, size)
        left[rows] = False
    rest = np.flatnonzero(left)
    sizes = length[rest].tolist()
    ours, theirs = store.slices(one[rest].tolist(), sizes), store.slices(other[rest].tolist(), sizes)
    equal[rest] = [a == b for a, b in zip(ours, theirs, strict=True)]
    return equal


def _equal_short(octets: Array, one: Array, other: Array, length: Array) -> Array:
    """The same in one piece of memory: all first words, then all second ones ..."""
    words = np.ndarray((max(len(octets) - WORD + 1, 0),), f"V{WORD}", buffer=octets, strides=(1,))
    equal = np.ones(len(one), bool)
    rows = np.arange(len(one))
    at = 0
    while len(rows):
        # The last word ends with the range.
        skip = np.maximum(np.minimum(length[rows] - WORD, at), 0)
        differs = words[one[rows] + skip].view("<u8") ^ words[other[rows] + skip].view("<u8")
        # What is shorter than a word has its bytes in the low ones.
        differs <<= (np.maximum(WORD - length[rows], 0) * 8).astype(np.uint64)
        equal[rows] = differs == 0
        at += WORD
        rows = rows[(differs == 0) & (length[rows] > at)]
    return equal
