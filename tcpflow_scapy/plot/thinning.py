"""Fewer marks, same picture: a million segments on a thousand pixels are mostly drawn over each other.

The plane is divided into cells; of all marks that begin and end in the same cells one is enough. Where
even that leaves too many, cells grow. The highest and the lowest of every column always stay, so that no
peak and no outlier is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

FINEST = 2048
"""Cells along each axis, at first: more than the pixels of a picture on a screen."""

_COARSEST = 64


def cells(corners: Sequence[Array], limit: int) -> Array | None:
    """Which marks to draw.

    Parameters
    ----------
    corners : sequence of ndarray
        x, y of each mark's first corner, then of the second, if it has one. Infinite places are kept apart.
    limit : int
        Thin only if there are more; stop growing the cells when no more are left.

    Returns
    -------
    ndarray of int64 or None
        Ascending indices; None for all. At most `limit` and the outermost of some columns.
    """
    count = len(corners[0])
    if count <= limit:
        return None
    places = [_scaled(c, _range(corners[i % 2 :: 2])) for i, c in enumerate(corners)]
    size = FINEST
    while True:
        keep = _first_of_each([_quantized(p, size) for p in places])
        if len(keep) <= limit or size <= _COARSEST:
            break
        size //= 2
    if len(keep) > limit:
        # What lies in all directions at once is noise: any even choice of it looks the same.
        keep = keep[:: -(-len(keep) // limit)]
    column = _quantized(places[0], min(size, max(limit // 16, 1)))
    outer = [_extremes(column, y) for y in corners[1::2]]
    return np.unique(np.concatenate([keep, *outer]))


def columns(x: Array, y: Array, limit: int) -> Array | None:
    """Which points of a line to draw: of each column the first, the last, the lowest and the highest.

    Returns
    -------
    ndarray of int64 or None
        Ascending indices, at most `limit`; None for all.
    """
    if len(x) <= limit:
        return None
    column = _quantized(_scaled(x, _range([x])), max(limit // 4, 1))
    first = np.flatnonzero(np.r_[True, column[1:] != column[:-1]])
    last = np.r_[first[1:], len(x)] - 1
    return np.unique(np.concatenate([first, last, _extremes(column, y)]))


def _range(values: Sequence[Array]) -> tuple[float, float]:
    finite = [v[np.isfinite(v)] for v in values]
    low = min((float(v.min()) for v in finite if len(v)), default=0.0)
    high = max((float(v.max()) for v in finite if len(v)), default=0.0)
    return low, high


def _scaled(values: Array, limits: tuple[float, float]) -> Array:
    """To [0, 1]; infinite places beyond."""
    low, high = limits
    values = np.asarray(values, np.float64)
    # Halves: the difference of two large numbers of opposite sign would be infinite.
    span = high / 2 - low / 2
    if not span > 0:
        return np.where(np.isfinite(values), 0.0, np.sign(values) * 2)
    return np.clip((values / 2 - low / 2) / span, -1.0, 2.0)


def _quantized(place: Array, size: int) -> Array:
    found: Array = np.minimum(place * size, size).astype(np.int64)
    return found


def _first_of_each(parts: list[Array]) -> Array:
    """Index of the first of each distinct row of columns, ascending."""
    key = parts[0] + FINEST
    for part in parts[1:]:
        key = key * (4 * FINEST) + part + FINEST
    first: Array = np.sort(np.unique(key, return_index=True)[1])
    return first


def _extremes(column: Array, y: Array) -> Array:
    """Index of the lowest and of the highest y of each column."""
    order = np.lexsort((y, column))
    ordered = column[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(order) else order
    last = np.r_[first[1:], len(order)] - 1 if len(order) else order
    return np.concatenate([order[first], order[last]])
