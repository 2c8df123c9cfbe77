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


def stable_order(groups: Array, count: int) -> Array:
    """Stable argsort of small non-negative integers.

    numpy sorts 16-bit integers by radix, several times faster than wider ones: wider keys are sorted
    in two such passes.

    Parameters
    ----------
    groups : ndarray of int
        Values in [0, count).
    count : int

    Returns
    -------
    ndarray of intp
    """
    if count <= 1 << 16:
        return np.argsort(groups.astype(np.uint16), kind="stable")
    low = np.argsort((groups & 0xFFFF).astype(np.uint16), kind="stable")
    high = (groups >> 16).astype(np.uint16 if count <= 1 << 32 else np.int64)
    return low[np.argsort(high[low], kind="stable")]


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
        first = np.flatnonzero(np.concatenate(([True], groups[1:] != groups[:-1])))
        out[groups[first]] = ufunc.reduceat(values, first)
    return out


def first_rows(sorted_groups: Array) -> Array:
    """True where a row's group differs from that of the row before."""
    new = np.empty(len(sorted_groups), bool)
    if len(new):
        new[0] = True
        np.not_equal(sorted_groups[1:], sorted_groups[:-1], out=new[1:])
    return new
