"""Distinct values get numbers in order of first appearance, exactly, without sorting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

MULTIPLIERS = (
    # Odd numbers of 64 random bits: one hash function for each round.
    0x9E3779B97F4A7C15,
    0xC2B2AE3D27D4EB4F,
    0x85EBCA6BC8F5D3A9,
    0xD6E8FEB86659FD93,
    0xA0761D6478BD642F,
    0xE7037ED1A0B428DB,
)

MAX_SLOT_BITS = 22
"""Bits of the number of slots: at most 16 MiB, whatever the length of the column."""


def factorize(values: Array) -> tuple[Array, int]:
    """Number distinct integers in order of first appearance.

    Returns
    -------
    codes : ndarray of int64
        The number of each value.
    count : int
        How many distinct values there are.
    """
    codes, uniques = _factorize(values)
    return codes.astype(np.int64, copy=False), len(uniques)


def factorize_parts(parts: Iterable[Array], total: int) -> tuple[Array, int]:
    """The same for a long column that is made part by part: less memory, and slots that fit the cache.

    Parameters
    ----------
    parts : iterable of ndarray
    total : int
        Values in all parts.

    Returns
    -------
    codes : ndarray of int32
    count : int
    """
    codes = np.empty(total, np.int32)
    bounds, seen, uniques = [0], [0], []
    for values in parts:
        mine, distinct = _factorize(values)
        codes[bounds[-1] : bounds[-1] + len(mine)] = mine
        bounds.append(bounds[-1] + len(mine))
        seen.append(seen[-1] + len(distinct))
        uniques.append(distinct)
    if len(uniques) == 1:
        return codes, seen[-1]
    if not uniques:
        return codes, 0
    number, every = _factorize(np.concatenate(uniques))
    for low, high, first, last in zip(bounds, bounds[1:], seen, seen[1:], strict=False):
        codes[low:high] = number[first:last][codes[low:high]]
    return codes, len(every)


def _factorize(values: Array) -> tuple[Array, Array]:
    """Codes (int32), and the distinct values in order of first appearance."""
    first = first_equal(values)
    is_first = np.zeros(len(values), bool)
    is_first[first] = True
    number = np.cumsum(is_first, dtype=np.int32)
    number -= 1
    return number[first], values[is_first]


def first_equal(values: Array) -> Array:
    """For each value the row where the same value comes first: int32.

    A hash table of slots without chains, filled by column: each slot keeps its first row, and the values that
    equal that row's are done. The others meet again in the next round under another hash function; what six
    rounds could not part (somebody chose these values) is sorted.
    """
    keys = np.ascontiguousarray(values).astype(np.uint64, copy=False)
    rows = np.arange(len(keys), dtype=np.int32)
    found = rows.copy()
    for multiplier in MULTIPLIERS:
        if not len(rows):
            return found
        slots = min(max((2 * len(rows)).bit_length(), 8), MAX_SLOT_BITS)
        slot = ((keys * np.uint64(multiplier)) >> np.uint64(64 - slots)).astype(np.int32)
        # Only slots that were written are read. Of several rows for one slot the last one written stays.
        table = np.empty(1 << slots, np.int32)
        place = np.arange(len(rows), dtype=np.int32)
        table[slot[::-1]] = place[::-1]
        holder = table[slot]
        found[rows] = rows[holder]
        left = np.flatnonzero(keys[holder] != keys)
        rows, keys = rows[left], keys[left]
    if len(rows):
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        found[rows] = rows[first[inverse]]
    return found
