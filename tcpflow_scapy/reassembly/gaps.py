"""What is missing in a stream, and why."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.reassembly.columns import distinct
from tcpflow_scapy.reassembly.tables import GapCause

Array = np.ndarray[Any, np.dtype[Any]]


def find_gaps(
    low: Array,
    high: Array,
    extent_start: Array,
    extent_end: Array,
    acknowledged: Array,
    explained: list[tuple[Array, Array, GapCause]],
) -> tuple[Array, Array, Array]:
    """Holes between extents, cut and labelled by cause. Everything is on the axis of all streams.

    Parameters
    ----------
    low, high : ndarray of int64
        The range of each stream that should be there.
    extent_start, extent_end : ndarray of int64
        What is there: ascending, disjoint.
    acknowledged : ndarray of int64
        For each stream, how far its peer acknowledged.
    explained : list of (start, end, cause)
        Ranges known to have travelled without being captured, such as what snaplen cut off.

    Returns
    -------
    start, end : ndarray of int64
    cause : ndarray of uint8
    """
    start, end = _holes(low, high, extent_start, extent_end)
    if not len(start):
        return start, end, np.empty(0, np.uint8)
    merged = [(*_union(a, b), cause) for a, b, cause in explained if len(a)]
    cuts = [acknowledged]
    for a, b, _ in merged:
        cuts += [a, b]
    start, end = _cut(start, end, distinct(np.concatenate(cuts)))
    stream = np.searchsorted(low, start, side="right") - 1
    cause = np.where(end <= acknowledged[stream], GapCause.NOT_CAPTURED, GapCause.NOT_ACKNOWLEDGED).astype(
        np.uint8
    )
    for a, b, why in merged:
        index = np.searchsorted(a, start, side="right") - 1
        inside = (index >= 0) & (start < b[np.maximum(index, 0)])
        cause[inside] = why
    return _join(start, end, cause, stream)


def _holes(low: Array, high: Array, extent_start: Array, extent_end: Array) -> tuple[Array, Array]:
    """Complement of the extents within the ranges."""
    begins = np.concatenate((low, extent_end))
    stops = np.concatenate((extent_start, high))
    # Each begin is followed by the nearest stop; both lists interleave once sorted.
    begins.sort()
    stops.sort()
    wide = stops > begins
    return begins[wide], stops[wide]


def _union(start: Array, end: Array) -> tuple[Array, Array]:
    """Overlapping ranges merged: ascending and disjoint."""
    order = np.argsort(start, kind="stable")
    start, end = start[order], end[order]
    reach = np.maximum.accumulate(end)
    new = np.ones(len(start), bool)
    new[1:] = start[1:] > reach[:-1]
    heads = np.flatnonzero(new)
    return start[heads], np.maximum.reduceat(end, heads)


def _cut(start: Array, end: Array, cuts: Array) -> tuple[Array, Array]:
    """Cut ranges at every point of `cuts` that lies inside one."""
    index = np.searchsorted(start, cuts, side="right") - 1
    inside = (index >= 0) & (cuts > start[np.maximum(index, 0)]) & (cuts < end[np.maximum(index, 0)])
    points = cuts[inside]
    return np.sort(np.concatenate((start, points))), np.sort(np.concatenate((end, points)))


def _join(start: Array, end: Array, cause: Array, stream: Array) -> tuple[Array, Array, Array]:
    """Neighbouring gaps of one stream and cause are one gap."""
    new = np.ones(len(start), bool)
    new[1:] = (start[1:] != end[:-1]) | (cause[1:] != cause[:-1]) | (stream[1:] != stream[:-1])
    heads = np.flatnonzero(new)
    tails = np.append(heads[1:], len(start)) - 1
    return start[heads], end[tails], cause[heads]
