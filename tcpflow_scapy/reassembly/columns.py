"""Small column operations that every step of reassembly needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def spans(total: int, size: int) -> Iterator[slice]:
    """Slices of `size` rows that cover `total` of them."""
    for low in range(0, total, size):
        yield slice(low, min(low + size, total))


def distinct(values: Array) -> Array:
    """The distinct values, ascending: a sort, which numpy does many times faster than its hash table."""
    ordered = np.sort(values)
    return ordered[first_rows(ordered)]


def by_group(groups: Array, count: int, part: int = 1 << 16) -> tuple[Array, Array]:
    """Rows by group, those of one group as they came.

    numpy sorts 16-bit integers by radix, in few passes. Where groups are more, some rows at a time are
    sorted, as many as fit the cache, and each group's are put behind those that it has: that takes as long
    for each row of ten million as of one million, and next to no memory.

    Parameters
    ----------
    groups : ndarray of int32
        Values in [0, count).
    count : int
    part : int
        Rows sorted at a time.

    Returns
    -------
    order : ndarray of int32
    starts : ndarray of int64
        Where each group begins in it, ``count + 1`` places.
    """
    starts = starts_of(groups, count)
    if count <= 1 << 16:
        return np.argsort(groups.astype(np.uint16), kind="stable").astype(np.int32), starts
    order = np.empty(len(groups), np.int32)
    free = starts[:-1].copy()
    for rows in spans(len(groups), part):
        # Group and row as one number: numpy sorts values several times faster than places.
        keys = groups[rows].astype(np.int64)
        keys <<= 32
        keys |= np.arange(rows.start, rows.stop)
        keys.sort()
        group = keys >> 32
        heads = np.flatnonzero(first_rows(group))
        sizes = np.diff(np.append(heads, len(group)))
        present = group[heads]
        place = np.repeat(free[present] - heads, sizes)
        place += np.arange(len(group))
        order[place] = keys.astype(np.int32)
        free[present] += sizes
    return order, starts


def starts_of(sorted_groups: Array, count: int) -> Array:
    """Where each group begins in a sorted column: int64[count + 1]."""
    counts = np.bincount(sorted_groups, minlength=count)
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def ranges(starts: Array, lengths: Array) -> Array:
    """Concatenation of ``arange(start, start + length)`` for each pair, as int64."""
    total = int(lengths.sum())
    ends = np.cumsum(lengths)
    shift = np.repeat(starts - (ends - lengths), lengths)
    return shift + np.arange(total, dtype=np.int64)


def rows_of_groups(sorted_groups: Array, wanted: Array) -> Array:
    """Rows of some groups, ascending, found without a look at the others.

    Parameters
    ----------
    sorted_groups : ndarray
        Ascending.
    wanted : ndarray of bool
        For each group.
    """
    groups = np.flatnonzero(wanted).astype(sorted_groups.dtype)
    low = np.searchsorted(sorted_groups, groups)
    return ranges(low, np.searchsorted(sorted_groups, groups, side="right") - low)


def group_reduce(ufunc: np.ufunc, values: Array, groups: Array, count: int, empty: Any) -> Array:
    """Reduce `values` by sorted `groups`; groups without a row get `empty`.

    Parameters
    ----------
    ufunc : numpy.ufunc
        Such as ``numpy.minimum``.
    values, groups : ndarray
        Of one length; `groups` ascending, in [0, count).
    """
    out = np.full(count, empty, dtype=values.dtype)
    if len(values):
        first = np.flatnonzero(first_rows(groups))
        out[groups[first]] = ufunc.reduceat(values, first)
    return out


def first_rows(sorted_groups: Array) -> Array:
    """True where a row's group differs from that of the row before."""
    new = np.empty(len(sorted_groups), bool)
    if len(new):
        new[0] = True
        np.not_equal(sorted_groups[1:], sorted_groups[:-1], out=new[1:])
    return new
