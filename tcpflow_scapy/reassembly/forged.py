"""Segments that neither end sent: SYNs amid its data, and data that no receiver would have taken."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import FIN, RST, SYN
from tcpflow_scapy.reassembly.columns import first_rows
from tcpflow_scapy.reassembly.halves import Halves
from tcpflow_scapy.reassembly.sequence import MODULUS
from tcpflow_scapy.reassembly.suspects import Suspects
from tcpflow_scapy.reassembly.suspicion import WINDOW

Array = np.ndarray[Any, np.dtype[Any]]


def amid_data(suspects: Suspects) -> Array:
    """SYNs that no packet of the other side knows of, whose number is one of the data around them.

    A stack answers a SYN, or begins to send behind it; here the stream goes on as if it had not been there
    (RFC 5961, 4). What is acknowledged proves the same.

    Returns
    -------
    ndarray of int64
        Rows.
    """
    asks, replies = suspects.syns(answer=False), suspects.syns(answer=True)
    known = _fitting(suspects, asks, replies)
    unknown = np.concatenate((asks[~known[: len(asks)]], replies[~known[len(asks) :]]))
    data = np.flatnonzero((suspects.length > 0) & ((suspects.flags & (SYN | RST)) == 0))
    if not len(unknown) or not len(data):
        return np.empty(0, np.int64)
    side = suspects.side
    start = side[data] * (4 * MODULUS) + suspects.sequence[data]
    order = np.argsort(start, kind="stable")
    start = start[order]
    reach = np.maximum.accumulate(start + suspects.length[data][order])
    begins = np.ones(len(data), bool)
    begins[1:] = start[1:] > reach[:-1]
    run = np.flatnonzero(begins)
    first, end = start[run], reach[np.append(run[1:], len(data)) - 1]
    number = side[unknown] * (4 * MODULUS) + suspects.sequence[unknown]
    index = np.searchsorted(first, number, side="right") - 1
    inside = (index >= 0) & (number <= end[np.maximum(index, 0)])
    found: Array = unknown[inside]
    return found


def _fitting(suspects: Suspects, asks: Array, replies: Array) -> Array:
    """bool for SYNs, then for SYN-ACKs: whether there is one of the other kind that fits."""
    side = suspects.side
    number = suspects.acknowledgment.astype(np.int64) - 1
    asked = (side[replies] ^ 1) * MODULUS + number[replies] % MODULUS
    first = side[asks] * MODULUS + suspects.sequence[asks]
    # Data in a SYN may be acknowledged with it (RFC 7413, 4.2.2).
    last = side[asks] * MODULUS + (suspects.sequence[asks] + suspects.length[asks]) % MODULUS
    answered = np.isin(first, asked) | np.isin(last, asked)
    return np.concatenate((answered, np.isin(asked, first) | np.isin(asked, last)))


def far_ahead(
    suspects: Suspects, halves: Halves, rows: Array, peer: Array, long: Array
) -> tuple[Array, Array]:
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
    long : ndarray of bool
        Sides whose numbers go round the circle: for those there is no telling.

    Returns
    -------
    rows : ndarray of int64
        Of the segments.
    number : ndarray of int64
        Those of one number lie together.
    """
    none = np.empty(0, np.int64), np.empty(0, np.int64)
    data = np.flatnonzero((suspects.length[rows] > 0) & ~long[suspects.side[rows]])
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
    end = _ends(suspects, halves)
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


def _ends(suspects: Suspects, halves: Halves) -> Array:
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
