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
    mixed = np.zeros(len(columns[0]), np.uint64)
    with np.errstate(over="ignore"):
        for column, factor in zip(columns, _FACTORS, strict=False):
            mixed ^= column * np.uint64(factor)
            # Columns that differ in high bits only would otherwise never reach the low ones.
            mixed ^= mixed >> np.uint64(29)
    distinct, inverse = np.unique(mixed, return_inverse=True)
    first = np.empty(len(distinct), np.intp)
    # Of several values for one place the last assigned stays: the first occurrence.
    first[inverse[::-1]] = np.arange(len(mixed))[::-1]
    if all((column[first][inverse] == column).all() for column in columns):
        return first, inverse
    return _sorted_rows(columns)


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
