"""Which of many statements about a number are supported, by other statements or by what was seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.reassembly.columns import first_rows

Array = np.ndarray[Any, np.dtype[Any]]

LEAST_WINDOW = 65_535
"""Every window is taken to be at least this wide: it is the widest without a scale (RFC 7323, 2.1)."""


def supported(
    stream: Array,
    value: Array,
    identity: tuple[Array, ...],
    anchor: Array,
    window: Array,
    max_gap: int,
) -> Array:
    """Statements that hang together with what was seen, or with one another.

    Values are taken together as long as each lies within a window of the one before. The first of these
    clusters counts if it begins within a window of the anchor; every other one if it lies within `max_gap`
    of the one before and different packets speak for it.

    Parameters
    ----------
    stream, value : ndarray of int64
        Of each statement.
    identity : tuple of ndarray
        Columns that are the same for copies of one packet.
    anchor, window : ndarray of int64
        For each stream.
    max_gap : int

    Returns
    -------
    ndarray of bool
        Whatever the order of the statements.
    """
    cluster, near, possible = _clusters(stream, value, anchor, window, max_gap)
    good: Array = (near | (_agreed(cluster, identity) & possible))[cluster]
    return good


def _clusters(
    stream: Array, value: Array, anchor: Array, window: Array, max_gap: int
) -> tuple[Array, Array, Array]:
    """Cluster of each statement; of each cluster, whether it is near the anchor, and whether it may count."""
    order = np.lexsort((value, stream))
    group, at = stream[order], value[order]
    new = first_rows(group)
    before = anchor[group]
    before[1:] = np.where(new[1:], before[1:], np.maximum(before[1:], at[:-1]))
    distance = at - before
    heads = new | (distance > window[group])
    cluster = np.empty(len(order), np.int64)
    cluster[order] = np.cumsum(heads) - 1
    first = np.flatnonzero(heads)
    return cluster, distance[first] <= window[group[first]], distance[first] <= max_gap


def _agreed(cluster: Array, identity: tuple[Array, ...]) -> Array:
    """bool for each cluster: packets that differ say so."""
    order = np.lexsort((*identity, cluster))
    grouped = cluster[order]
    differs = np.zeros(len(order), bool)
    for column in identity:
        arranged = column[order]
        differs[1:] |= arranged[1:] != arranged[:-1]
    differs &= ~first_rows(grouped)
    return np.bincount(grouped, weights=differs) > 0


def lowest_supported(stream: Array, value: Array, identity: tuple[Array, ...]) -> Array:
    """The statements that belong to where a stream begins.

    Returns
    -------
    ndarray of bool
        Those of the lowest cluster of each stream that different packets speak for, or of its lowest one
        where there is none such.
    """
    streams = int(stream.max()) + 1
    anchor, window = np.full(streams, -(1 << 62)), np.full(streams, LEAST_WINDOW)
    cluster, _, _ = _clusters(stream, value, anchor, window, 0)
    agreed = _agreed(cluster, identity)
    owner = np.zeros(len(agreed), np.int64)
    owner[cluster] = stream
    # Clusters are numbered by stream, then value.
    order = np.lexsort((~agreed, owner))
    chosen = np.zeros(len(agreed), bool)
    chosen[order[first_rows(owner[order])]] = True
    found: Array = chosen[cluster]
    return found


def furthest_before(group: Array, when: Array, told_group: Array, told_when: Array, told: Array) -> Array:
    """For each question the highest of all values seen before it in its group; -1 where nothing was.

    Parameters
    ----------
    group, when : ndarray of int64
        Of the questions. What is told at the same time is not told before.
    told_group, told_when, told : ndarray of int64
        Values in [0, 2**34).
    """
    groups = np.concatenate((group, told_group))
    value = np.concatenate((np.full(len(group), -1), told))
    is_told = np.arange(len(groups)) >= len(group)
    order = np.lexsort((is_told, np.concatenate((when, told_when)), groups))
    # One running maximum for all groups, which lie far apart.
    axis = groups[order] << 34
    highest = np.empty(len(groups), np.int64)
    highest[order] = np.maximum.accumulate(axis + value[order] + 1) - axis - 1
    found: Array = highest[: len(group)]
    return found
