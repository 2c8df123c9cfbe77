"""Sequence numbers that came again because a stream went round the circle while nothing was captured.

Where exactly 2**32 bytes, or nearly, were not captured, what follows has the numbers of what was before. It
is not a retransmission: its bytes differ, its timestamps are newer (RFC 7323, 5), and from there on the
stream goes on at those numbers, and at no others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.options import tcp_options
from tcpflow_scapy.decode.packets import ACK, RST, PacketTable
from tcpflow_scapy.reassembly.assembler import Assembly
from tcpflow_scapy.reassembly.columns import distinct
from tcpflow_scapy.reassembly.offsets import Offsets
from tcpflow_scapy.reassembly.sequence import MODULUS, distance, distances
from tcpflow_scapy.reassembly.support import LEAST_WINDOW

Array = np.ndarray[Any, np.dtype[Any]]

PAUSE = 1_000_000_000
"""Nanoseconds in which nothing can send 2**32 bytes (34 Gbit/s), and be missed."""


def unlapped(
    packets: PacketTable, times: Array, order: Array, placed: Offsets, found: Assembly, store: Store
) -> Offsets | None:
    """The same offsets, 2**32 higher behind the pause of streams that went round; None if none did.

    Parameters
    ----------
    packets : PacketTable
    times : ndarray of int64
        Of all packets, ns.
    order : ndarray of intp
    placed : Offsets
    found : Assembly
        What contradicts what.
    store : Store
    """
    rows, winners = found.conflict_row, found.conflict_winner
    apart = np.abs(times[rows] - times[winners]) >= PAUSE
    if not apart.any():
        return None
    later = np.where(times[rows] > times[winners], rows, winners)[apart]
    index = np.flatnonzero(np.isin(order, later))
    # The byte of a keep-alive contradicts what was sent, too.
    index = index[placed.wire[index] > 1]
    result = placed
    for stream in distinct(placed.stream[index]).tolist():
        mine = index[placed.stream[index] == stream]
        begin = int(times[order[mine]].min())
        if _went_round(packets, times, order, placed, stream, begin, store):
            result = _moved(packets, times, order, result, stream, begin)
    return None if result is placed else result


def _went_round(
    packets: PacketTable,
    times: Array,
    order: Array,
    placed: Offsets,
    stream: int,
    begin: int,
    store: Store,
) -> bool:
    mine = _rows(placed, stream)
    data = mine[placed.wire[mine] > 1]
    data = data[np.argsort(times[order[data]], kind="stable")]
    when, start = times[order[data]], placed.start[data]
    end = start + placed.wire[data]
    cut = int(np.searchsorted(when, begin))
    # One segment with other bytes may be a retransmission, of what somebody had forged.
    if cut == 0 or np.count_nonzero(start[cut:] < end[:cut].max()) < 2:
        return False
    pause = int(when[cut] - when[cut - 1])
    # From there on each segment follows what came before it in time.
    reach = np.maximum.accumulate(end[cut:])
    if (np.abs(start[cut + 1 :] - reach[:-1]) > LEAST_WINDOW).any():
        return False
    other = _rows(placed, stream if placed.with_itself[stream] else stream ^ 1)
    told = other[(placed.flags[other] & (ACK | RST)) == ACK]
    offset = distances(packets.acknowledgment[order[told]], placed.base[stream])
    after = times[order[told]] >= begin
    if (offset[after] > reach[-1] + LEAST_WINDOW).any():
        return False
    # What was not acknowledged yet is sent again.
    if len(told) and offset[~after].max(initial=-1) <= start[cut]:
        return False
    return pause >= PAUSE and _newer(packets, order[data[cut - 1 : cut + 1]], store)


def _newer(packets: PacketTable, rows: Array, store: Store) -> bool:
    """Whether the second of two packets has a newer timestamp than the first."""
    earlier, later = tcp_options(packets, rows, store)["tsval"].tolist()
    return earlier >= 0 and later >= 0 and distance(later, earlier) > 0


def _rows(placed: Offsets, stream: int) -> Array:
    low, high = np.searchsorted(placed.stream, (stream, stream + 1)).tolist()
    return np.arange(low, high)


def _moved(
    packets: PacketTable, times: Array, order: Array, placed: Offsets, stream: int, begin: int
) -> Offsets:
    start = placed.start.copy()
    mine = _rows(placed, stream)
    start[mine] += np.where(times[order[mine]] >= begin, MODULUS, 0)
    other = _rows(placed, stream if placed.with_itself[stream] else stream ^ 1)
    told = other[(placed.flags[other] & (ACK | RST)) == ACK]
    offset = placed.acknowledged.get(stream)
    if offset is None:
        offset = distances(packets.acknowledgment[order[told]], placed.base[stream])
    offset = offset + np.where(times[order[told]] >= begin, MODULUS, 0)
    # What is unwrapped are views.
    unwrapped = {number: start[_rows(placed, number)] for number in [*placed.unwrapped, stream]}
    return replace(
        placed, start=start, unwrapped=unwrapped, acknowledged={**placed.acknowledged, stream: offset}
    )
