"""Data so far ahead of a stream that its receiver would not have taken them (RFC 9293, 3.10.7.4): forged."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import FIN, RST
from tcpflow_scapy.reassembly.columns import first_rows
from tcpflow_scapy.reassembly.halves import Halves
from tcpflow_scapy.reassembly.sequence import MODULUS
from tcpflow_scapy.reassembly.suspects import Suspects
from tcpflow_scapy.reassembly.suspicion import WINDOW

Array = np.ndarray[Any, np.dtype[Any]]


def far_ahead(suspects: Suspects, halves: Halves, rows: Array, peer: Array) -> tuple[Array, Array]:
    """Segments behind a hole wider than a window that nothing ever reached.

    The other side acknowledged none of them, though the stream went on below them, or ended there: a FIN
    that was acknowledged. Where a capture merely lost something, acknowledgments follow.

    Parameters
    ----------
    suspects : Suspects
    halves : Halves
    rows : ndarray of int64
        The packets that are points of the halves.
    peer : ndarray of int64
        The half that each packet acknowledges.

    Returns
    -------
    rows : ndarray of int64
        Of the segments.
    number : ndarray of int64
        Those of one number lie together.
    """
    none = np.empty(0, np.int64), np.empty(0, np.int64)
    data = np.flatnonzero(suspects.length[rows] > 0)
    if not len(data):
        return none
    data = data[np.lexsort((halves.row_position[data], halves.row_half[data]))]
    row, half = rows[data], halves.row_half[data]
    start = halves.row_position[data] - halves.start[half]
    new = first_rows(half)
    # One axis: halves so far apart that one running maximum serves all.
    axis = start + half * (4 * MODULUS)
    reach = np.maximum.accumulate(axis + suspects.length[row])
    hole = np.zeros(len(data), bool)
    hole[1:] = ~new[1:] & (axis[1:] - reach[:-1] > WINDOW)
    if not hole.any():
        return none
    island = np.cumsum(new | hole) - 1
    heads = np.flatnonzero(new | hole)
    behind = hole[heads]
    first = np.minimum.reduceat(row, heads)
    last = np.maximum.reduceat(row, heads)
    # The last packet with data below each island, in its half.
    of, begins = half[heads], start[heads]
    below = np.full(len(heads), -1, np.int64)
    for number in np.flatnonzero(behind).tolist():
        before = below[number - 1] if behind[number - 1] else -1
        below[number] = max(before, int(last[number - 1]))
    reached, told = _acknowledged(suspects, halves, peer)
    went_on = (below > first) & (told[of] > first) & suspects.clocked[halves.direction[of] >> 1]
    end = _ends(suspects, halves, rows, peer)
    ended = (end[of] < begins) & (reached[of] > end[of])
    forged = behind & (reached[of] <= begins) & (went_on | ended)
    chosen = forged[island]
    return row[chosen], island[chosen]


def _acknowledged(suspects: Suspects, halves: Halves, peer: Array) -> tuple[Array, Array]:
    """Of each half the highest place that was acknowledged, and the last packet that acknowledged one."""
    rows = np.flatnonzero((peer >= 0) & (peer < halves.count))
    half = peer[rows]
    at = _place(halves, half, suspects.acknowledgment[rows])
    highest = np.full(halves.count, -1, np.int64)
    last = np.full(halves.count, -1, np.int64)
    np.maximum.at(highest, half, at)
    np.maximum.at(last, half, rows)
    return highest, last


def _ends(suspects: Suspects, halves: Halves, rows: Array, peer: Array) -> Array:
    """Where the last FIN of each half ends it; beyond everything where there is none."""
    fins = np.flatnonzero((suspects.flags & (FIN | RST)) == FIN)
    half = halves.locate(suspects.side[fins], suspects.sequence[fins], before=True)
    fins, half = fins[half >= 0], half[half >= 0]
    at = _place(halves, half, suspects.sequence[fins]) + suspects.length[fins]
    end = np.full(halves.count, -1, np.int64)
    np.maximum.at(end, half, at)
    return np.where(end < 0, np.iinfo(np.int64).max, end)


def _place(halves: Halves, half: Array, number: Array) -> Array:
    """Sequence numbers as distances from the first point of a half."""
    behind = MODULUS >> 4
    place: Array = (number.astype(np.int64) - halves.start[half] + behind) % MODULUS - behind
    return place
