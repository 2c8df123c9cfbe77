"""Equal rows of several columns: found by a mix of their values, then verified."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# Odd 64-bit constants without structure.
_FACTORS = (
    0x9E3779B97F4A7C15,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0xD6E8FEB86659FD93,
    0xA0761D6478BD642F,
    0xE7037ED1A0B428DB,
)


def mix(*columns: Array) -> Array:
    """A number for each row, the same for equal rows and hardly ever for others.

    Parameters
    ----------
    *columns : ndarray of uint64
        At most six, of the same length.

    Returns
    -------
    ndarray of uint64
    """
    mixed = np.zeros(len(columns[0]), np.uint64)
    with np.errstate(over="ignore"):
        for column, factor in zip(columns, _FACTORS, strict=False):
            mixed ^= column * np.uint64(factor)
            # Columns that differ in high bits only would otherwise never reach the low ones.
            mixed ^= mixed >> np.uint64(29)
    return mixed


def distinct_rows(*columns: Array) -> tuple[Array, Array]:
    """Number the rows by what they hold.

    Parameters
    ----------
    *columns : ndarray of uint64
        At most six, of the same length.

    Returns
    -------
    first : ndarray of int
        For each distinct row, the index of its first occurrence.
    inverse : ndarray of int
        For each row, its place in `first`.

    Notes
    -----
    Rows are sorted by a 64-bit mix, which is verified against the columns; where it fails (somebody made
    values that collide) the columns themselves are sorted.
    """
    mixed = mix(*columns)
    distinct, inverse = np.unique(mixed, return_inverse=True)
    first = np.empty(len(distinct), np.intp)
    # Of several values for one place the last assigned stays: the first occurrence.
    first[inverse[::-1]] = np.arange(len(mixed))[::-1]
    if all((column[first][inverse] == column).all() for column in columns):
        return first, inverse
    return _sorted_rows(columns)


def gathered_rows(*columns: Array) -> tuple[Array, Array]:
    """Bring equal rows together; among themselves they keep their order.

    Parameters
    ----------
    *columns : ndarray of uint64
        At most six, of the same length.

    Returns
    -------
    order : ndarray of int64
        The rows, equal ones next to each other.
    new : ndarray of bool
        For each row of `order`, whether it is the first of its kind.

    Notes
    -----
    The row's number stands in the low bits of the mix, so that plain values are sorted, which takes a
    fraction of the time. What is left of the mix is verified; rows that it does not tell apart are
    sorted themselves.
    """
    count = len(columns[0])
    new = np.ones(count, bool)
    if not count:
        return np.empty(0, np.int64), new
    bits = np.uint64((count - 1).bit_length())
    packed = mix(*columns)
    # The multiplications have put the best of the mix into its high bits.
    packed >>= bits
    packed <<= bits
    packed |= np.arange(count, dtype=np.uint64)
    packed.sort()
    order = (packed & ((np.uint64(1) << bits) - np.uint64(1))).view(np.int64)
    packed >>= bits
    new[1:] = packed[1:] != packed[:-1]
    _tell_apart(columns, order, new)
    return order, new


def _tell_apart(columns: tuple[Array, ...], order: Array, new: Array) -> None:
    """Where different rows have the same mix: sort these rows themselves, in place."""
    later = np.flatnonzero(~new)
    one, other = order[later], order[later - 1]
    differs = np.zeros(len(later), bool)
    for column in columns:
        differs |= column[one] != column[other]
    if not differs.any():
        return
    number = np.cumsum(new)
    mixed = np.zeros(int(number[-1]) + 1, bool)
    mixed[number[later[differs]]] = True
    places = np.flatnonzero(mixed[number])
    rows, number = order[places], number[places]
    # Groups keep their places, and rows that are equal their order.
    sort = np.lexsort((*(column[rows] for column in columns), number))
    rows = rows[sort]
    order[places] = rows
    found = np.diff(number, prepend=-1) != 0
    for column in columns:
        found[1:] |= column[rows[1:]] != column[rows[:-1]]
    new[places] = found


def _sorted_rows(columns: tuple[Array, ...]) -> tuple[Array, Array]:
    order = np.lexsort(columns[::-1])
    new = np.ones(len(order), bool)
    new[1:] = False
    for column in columns:
        sorted_column = column[order]
        new[1:] |= sorted_column[1:] != sorted_column[:-1]
    inverse = np.empty(len(order), np.intp)
    inverse[order] = np.cumsum(new) - 1
    # lexsort is stable, so the first of its kind in the order is the first in the table.
    return order[new], inverse
