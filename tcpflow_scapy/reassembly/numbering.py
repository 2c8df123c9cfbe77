"""Distinct values get numbers in order of first appearance, exactly, without sorting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tcpflow_scapy.reassembly.columns import first_rows

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
    codes, (uniques,) = _factorize(values)
    return codes.astype(np.int64, copy=False), len(uniques)


def factorize_parts(parts: Iterable[tuple[Array, ...]], total: int) -> tuple[Array, int]:
    """The same for rows of columns that are made part by part: less memory, and slots that fit the cache.

    Parameters
    ----------
    parts : iterable of tuple of ndarray
        Some rows of each column; rows are the same where all columns are.
    total : int
        Rows in all parts.

    Returns
    -------
    codes : ndarray of int32
    count : int
    """
    codes = np.empty(total, np.int32)
    bounds, seen, uniques = [0], [0], []
    for columns in parts:
        mine, distinct = _factorize(*columns)
        codes[bounds[-1] : bounds[-1] + len(mine)] = mine
        bounds.append(bounds[-1] + len(mine))
        seen.append(seen[-1] + len(distinct[0]))
        uniques.append(distinct)
    if len(uniques) == 1:
        return codes, seen[-1]
    if not uniques:
        return codes, 0
    number, every = _factorize(*(np.concatenate(column) for column in zip(*uniques, strict=True)))
    for low, high, first, last in zip(bounds, bounds[1:], seen, seen[1:], strict=False):
        codes[low:high] = number[first:last][codes[low:high]]
    return codes, len(every[0])


def _factorize(*columns: Array) -> tuple[Array, tuple[Array, ...]]:
    """Codes (int32), and the distinct rows in order of first appearance."""
    first = first_equal(*columns)
    rows = np.arange(len(first), dtype=np.int32)
    is_first = first == rows
    if is_first.all():
        return rows, columns
    number = np.cumsum(is_first, dtype=np.int32)
    number -= 1
    return number[first], tuple(column[is_first] for column in columns)


def first_equal(*columns: Array) -> Array:
    """For each row the first one with the same values in all columns: int32.

    A hash table of slots without chains, filled by column: each slot keeps its first row, and the rows that
    equal that one are done. The others meet again in the next round under another hash function; what six
    rounds could not part (somebody chose these values) is sorted.
    """
    keys = [np.ascontiguousarray(column).astype(np.uint64, copy=False) for column in columns]
    rows = found = np.arange(len(keys[0]), dtype=np.int32)
    for multiplier in MULTIPLIERS:
        if not len(rows):
            return found
        holder = _holders(keys, np.uint64(multiplier))
        differs = np.zeros(len(rows), bool)
        for key in keys:
            differs |= key[holder] != key
        if rows is found:
            found = holder.astype(np.int32)
        else:
            found[rows] = rows[holder]
        left = np.flatnonzero(differs)
        rows, keys = rows[left], [key[left] for key in keys]
    if len(rows):
        order = np.lexsort(keys)
        heads = np.logical_or.reduce([first_rows(key[order]) for key in keys])
        found[rows[order]] = rows[order[heads]][np.cumsum(heads) - 1]
    return found


def _holders(keys: list[Array], multiplier: np.uint64) -> Array:
    """For each row the first row in the same slot, which may hold something else: intp."""
    count = len(keys[0])
    bits = min(max((2 * count).bit_length(), 8), MAX_SLOT_BITS)
    mixed = keys[0] * multiplier
    for key in keys[1:]:
        mixed ^= mixed >> np.uint64(32)
        mixed += key
        mixed *= multiplier
    mixed >>= np.uint64(64 - bits)
    slot = mixed.view(np.int64).astype(np.intp, copy=False)
    # Only slots that were written are read. Of several rows for one slot the last one written stays.
    table = np.empty(1 << bits, np.int32)
    table[slot[::-1].copy()] = np.arange(count - 1, -1, -1, dtype=np.int32)
    return table[slot].astype(np.intp)
