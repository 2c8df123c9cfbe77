"""Keep-alives and window probes: segments whose byte, if they have one, may mean nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.packets import FIN, RST, SYN, PacketTable
from tcpflow_scapy.reassembly.acks import Acks
from tcpflow_scapy.reassembly.offsets import Offsets
from tcpflow_scapy.reassembly.support import furthest_before

Array = np.ndarray[Any, np.dtype[Any]]

_IDLE = 500_000_000
"""ns: no host asks sooner whether the other side is still there (RFC 9293, 3.8.4: hours; some after 1 s)."""

_LONG_IDLE = 10_000_000_000
"""ns: what was not acknowledged was sent again by then (RFC 6298, 2: after a second, doubled each time)."""


@dataclass(slots=True)
class Probes:
    """Packets are given by index in `Grouping.order`."""

    place: Array
    """int64 for each packet: offset 0 of its stream, on the axis"""
    at: Array
    """int64 for each packet: its own place on the axis"""
    before: Array
    """int64 for each packet: the highest data offset seen before it in its stream, on the axis"""
    keep_alive: Array
    """bool for each packet: at most one byte just before the next expected one (RFC 9293, 3.8.4)"""
    zero_window: Array
    """index: one new byte, sent into a closed window (RFC 9293, 3.8.6.1)"""
    weak: Array
    """bool for each packet: its byte never overwrites another"""
    meaningless: Array
    """index: packets whose byte the other side had already, or refused: it is not a conflict"""


def find_probes(
    packets: PacketTable, times: Array, order: Array, offsets: Offsets, base: Array, acks: Acks
) -> Probes:
    """Find them: by the clock, where the capture has one, else in the order of arrival.

    Parameters
    ----------
    times : ndarray of int64
        Of all packets, ns.
    base : ndarray of int64
        Place of offset 0 of each stream on the axis.
    """
    place = base[offsets.stream]
    at = offsets.start + place
    before = _seen_before(offsets.wire, at, place)
    single = np.flatnonzero(offsets.wire == 1)
    single = single[(offsets.flags[single] & (SYN | FIN | RST)) == 0]
    rank = _ranks(times, order) if len(single) else order
    sent, previous = before.copy(), np.arange(len(at)) - 1
    if rank is not order:
        arranged = np.lexsort((rank, offsets.stream))
        previous[arranged[1:]] = arranged[:-1]
        sent[arranged] = _seen_before(offsets.wire[arranged], at[arranged], place[arranged])
    alive = single[at[single] == sent[single] - 1]
    zero_window = _into_closed_window(packets, order, offsets, single[at[single] >= sent[single]], rank)
    keep_alive, weak = np.zeros(len(at), bool), np.zeros(len(at), bool)
    keep_alive[alive] = weak[alive] = weak[zero_window] = True
    settled = _settled(times[order], offsets, alive, np.maximum(previous[alive], 0), acks, rank)
    meaningless = np.concatenate((settled, zero_window))
    return Probes(place, at, before, keep_alive, zero_window, weak, meaningless)


def _ranks(times: Array, order: Array) -> Array:
    """int64 for each packet: when it came, by the clock, then by arrival; `order` where that is the same."""
    by_row = np.sort(order)
    when = times[by_row]
    if not (when[1:] < when[:-1]).any():
        return order
    rank = np.empty(len(order), np.int64)
    rank[np.argsort(when, kind="stable")] = np.arange(len(order))
    found: Array = rank[np.searchsorted(by_row, order)]
    return found


def _seen_before(wire: Array, at: Array, place: Array) -> Array:
    """For each packet, the highest data offset seen before it in its stream, on the axis.

    Returns
    -------
    ndarray of int64
        At least the stream's own place.
    """
    before = place.copy()
    if len(before) > 1:
        # No stream reaches as far as the place of the next one.
        reach = np.where(wire > 0, at + wire, place)
        np.maximum.accumulate(reach, out=reach)
        np.maximum(reach[:-1], place[1:], out=before[1:])
    return before


def _settled(times: Array, offsets: Offsets, asked: Array, previous: Array, acks: Acks, rank: Array) -> Array:
    """Keep-alives whose byte the other side had acknowledged by then.

    Before that, a byte sent twice with different contents may be either. Where nothing of the other side was
    captured, a pause before it tells; where something was, a long one.

    Parameters
    ----------
    times : ndarray of int64
        Of each packet, as all columns here.
    previous : ndarray of int64
        The packet before each of `asked`.
    """
    if not len(asked):
        return asked
    stream = offsets.stream[asked].astype(np.int64)
    wanted = np.zeros(len(offsets.base), bool)
    wanted[stream] = True
    heard = acks.about(wanted, offsets)
    heard = heard[acks.offset[heard] >= 0]
    told = furthest_before(
        stream, rank[asked], acks.stream[heard].astype(np.int64), rank[acks.row[heard]], acks.offset[heard]
    )
    pause = np.full(len(wanted), _IDLE)
    pause[acks.stream[heard]] = _LONG_IDLE
    when, earlier = times[asked], times[previous]
    timed = (when != NO_TIME) & (earlier != NO_TIME) & (offsets.stream[previous] == stream)
    idle = timed & (when - earlier >= pause[stream])
    found: Array = asked[(told > offsets.start[asked]) | idle]
    return found


def _into_closed_window(
    packets: PacketTable, order: Array, offsets: Offsets, probes: Array, rank: Array
) -> Array:
    """Those of some packets that were sent when the peer's last window was zero."""
    if not len(probes):
        return probes
    shut = (packets.window[order] == 0) & ((offsets.flags & (SYN | RST)) == 0)
    if not shut.any():
        return probes[:0]
    stride = int(rank.max()) + 2
    keys = offsets.stream.astype(np.int64) * stride + rank
    arranged = np.argsort(keys, kind="stable")
    peer = offsets.stream[probes].astype(np.int64) ^ 1
    last = np.searchsorted(keys[arranged], peer * stride + rank[probes]) - 1
    index = arranged[np.maximum(last, 0)]
    found: Array = probes[(last >= 0) & (offsets.stream[index] == peer) & shut[index]]
    return found
