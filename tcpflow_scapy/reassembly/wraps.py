"""Sequence numbers that came again because a stream went round the circle while nothing was captured.

Where exactly 2**32 bytes, or nearly, were not captured, what follows has the numbers of what was before. It
is not a retransmission: its bytes differ, its timestamps are newer (RFC 7323, 5), and from there on the
stream goes on at those numbers, and at no others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.options import tcp_options
from tcpflow_scapy.decode.packets import ACK, RST, PacketTable
from tcpflow_scapy.reassembly.acks import receivers
from tcpflow_scapy.reassembly.assembler import Assembly
from tcpflow_scapy.reassembly.columns import first_rows, group_reduce, rows_of_groups
from tcpflow_scapy.reassembly.offsets import Offsets
from tcpflow_scapy.reassembly.sequence import MODULUS, distances
from tcpflow_scapy.reassembly.support import LEAST_WINDOW

Array = np.ndarray[Any, np.dtype[Any]]

PAUSE = 1_000_000_000
"""Nanoseconds in which nothing can send 2**32 bytes (34 Gbit/s), and be missed."""

_NEVER = np.iinfo(np.int64).max


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
    if not len(index):
        return None
    begin = np.full(len(placed.base), _NEVER)
    np.minimum.at(begin, placed.stream[index], times[order[index]])
    heard = _heard(packets, times, order, placed, begin)
    begin[~_went_round(packets, times, order, placed, begin, heard, store)] = _NEVER
    return _moved(times, order, placed, begin, heard) if (begin < _NEVER).any() else None


@dataclass(slots=True)
class _Heard:
    """Acknowledgments of streams in question, in order of their senders' packets."""

    stream: Array
    """int64: whose bytes are acknowledged"""
    offset: Array
    """int64"""
    after: Array
    """bool: behind the pause"""


def _heard(packets: PacketTable, times: Array, order: Array, placed: Offsets, begin: Array) -> _Heard:
    told = rows_of_groups(placed.stream, receivers(placed, begin < _NEVER))
    told = told[(placed.flags[told] & (ACK | RST)) == ACK]
    sender = placed.stream[told].astype(np.int64)
    stream = np.where(placed.with_itself[sender], sender, sender ^ 1)
    packet = order[told]
    offset = distances(packets.acknowledgment[packet], placed.base[stream])
    return _Heard(stream, offset, times[packet] >= begin[stream])


def _went_round(
    packets: PacketTable,
    times: Array,
    order: Array,
    placed: Offsets,
    begin: Array,
    heard: _Heard,
    store: Store,
) -> Array:
    """bool: streams that did, of those that have a time at which they may have begun to repeat numbers."""
    streams = len(begin)
    data = rows_of_groups(placed.stream, begin < _NEVER)
    data = data[placed.wire[data] > 1]
    data = data[np.lexsort((times[order[data]], placed.stream[data]))]
    stream, when = placed.stream[data].astype(np.int64), times[order[data]]
    start, end = placed.start[data], placed.start[data] + placed.wire[data]
    after = when >= begin[stream]
    # The last packet before the pause, and the first one behind it.
    last, first = np.full(streams, -1), np.full(streams, -1)
    last[stream[~after]] = np.flatnonzero(~after)
    back = np.flatnonzero(after)[::-1]
    first[stream[back]] = back
    good = (last >= 0) & (first >= 0)
    good[good] = when[first[good]] - when[last[good]] >= PAUSE
    # One segment with other bytes may be a retransmission, of what somebody had forged.
    highest = group_reduce(np.maximum, end[~after], stream[~after], streams, 0)
    good &= np.bincount(stream[after & (start < highest[stream])], minlength=streams) >= 2
    # From there on each segment follows what came before it in time.
    behind = np.flatnonzero(after & good[stream])
    axis = stream[behind] << 40
    reach = np.maximum.accumulate(axis + end[behind]) - axis
    step = np.abs(start[behind][1:] - reach[:-1]) > LEAST_WINDOW
    good[stream[behind[1:][step & ~first_rows(stream[behind])[1:]]]] = False
    reached = group_reduce(np.maximum, reach, stream[behind], streams, 0)
    good[heard.stream[heard.after & (heard.offset > reached[heard.stream] + LEAST_WINDOW)]] = False
    # What was not acknowledged yet is sent again.
    told = np.full(streams, -1)
    np.maximum.at(told, heard.stream[~heard.after], heard.offset[~heard.after])
    spoken = np.zeros(streams, bool)
    spoken[heard.stream] = True
    good &= ~spoken | (told > start[np.maximum(first, 0)])
    some = np.flatnonzero(good)
    good[some] = _newer(packets, order[data[first[some]]], order[data[last[some]]], store)
    return good


def _newer(packets: PacketTable, later: Array, earlier: Array, store: Store) -> Array:
    """bool: packets with a newer timestamp than others."""
    one, two = (tcp_options(packets, rows, store)["tsval"] for rows in (later, earlier))
    found: Array = (one >= 0) & (two >= 0) & (distances(one.astype(np.uint32), two.astype(np.uint32)) > 0)
    return found


def _moved(times: Array, order: Array, placed: Offsets, begin: Array, heard: _Heard) -> Offsets:
    """What comes after the beginning lies 2**32 higher."""
    begun = begin < _NEVER
    rows = rows_of_groups(placed.stream, begun)
    start = placed.start.copy()
    start[rows] += np.where(times[order[rows]] >= begin[placed.stream[rows]], MODULUS, 0)
    numbers = np.array([*placed.unwrapped, *np.flatnonzero(begun).tolist()], np.int64)
    bounds = np.searchsorted(placed.stream, np.stack((numbers, numbers + 1), axis=1)).tolist()
    # What is unwrapped are views.
    unwrapped = {n: start[a:b] for n, (a, b) in zip(numbers.tolist(), bounds, strict=True)}
    acknowledged = dict(placed.acknowledged)
    mine = np.argsort(heard.stream, kind="stable")
    offset, lap = heard.offset[mine], np.where(heard.after[mine], MODULUS, 0)
    numbers = np.flatnonzero(begun)
    bounds = np.searchsorted(heard.stream[mine], np.stack((numbers, numbers + 1), axis=1)).tolist()
    for n, (a, b) in zip(numbers.tolist(), bounds, strict=True):
        acknowledged[n] = acknowledged.get(n, offset[a:b]) + lap[a:b]
    return replace(placed, start=start, unwrapped=unwrapped, acknowledged=acknowledged)
