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
"""ns: nobody asks sooner whether the other side is still there (RFC 9293, 3.8.4: hours; some after 1 s)."""


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
    """index: packets whose byte the other side had already, or refused: it contradicts nobody"""


def find_probes(
    packets: PacketTable, times: Array, order: Array, offsets: Offsets, base: Array, acks: Acks
) -> Probes:
    """Find them, in the order of arrival.

    Parameters
    ----------
    times : ndarray of int64
        Of all packets, ns.
    base : ndarray of int64
        Place of offset 0 of each stream on the axis.
    """
    place = base[offsets.stream]
    at = offsets.start + place
    before = _seen_before(offsets, at, place)
    single = np.flatnonzero(offsets.wire == 1)
    single = single[(offsets.flags[single] & (SYN | FIN | RST)) == 0]
    alive = single[at[single] == before[single] - 1]
    zero_window = _into_closed_window(packets, order, offsets, single[at[single] >= before[single]])
    keep_alive, weak = np.zeros(len(at), bool), np.zeros(len(at), bool)
    keep_alive[alive] = weak[alive] = weak[zero_window] = True
    meaningless = np.concatenate((_settled(times, order, offsets, alive, acks), zero_window))
    return Probes(place, at, before, keep_alive, zero_window, weak, meaningless)


def _seen_before(offsets: Offsets, at: Array, place: Array) -> Array:
    """For each packet, the highest data offset seen before it in its stream, on the axis.

    Returns
    -------
    ndarray of int64
        At least the stream's own place.
    """
    before = place.copy()
    if len(before) > 1:
        # No stream reaches as far as the place of the next one.
        reach = np.where(offsets.wire > 0, at + offsets.wire, place)
        np.maximum.accumulate(reach, out=reach)
        np.maximum(reach[:-1], place[1:], out=before[1:])
    return before


def _settled(times: Array, order: Array, offsets: Offsets, asked: Array, acks: Acks) -> Array:
    """Keep-alives whose byte the other side had acknowledged by then.

    Before that, a byte sent twice with different contents may be either. Where nothing of the other side was
    captured, a pause before it tells.
    """
    if not len(asked):
        return asked
    stream = offsets.stream[asked].astype(np.int64)
    wanted = np.zeros(len(offsets.base), bool)
    wanted[stream] = True
    heard = acks.about(wanted, offsets)
    heard = heard[acks.offset[heard] >= 0]
    told = furthest_before(
        stream, order[asked], acks.stream[heard].astype(np.int64), acks.packet[heard], acks.offset[heard]
    )
    wanted[acks.stream[heard]] = False
    previous = np.maximum(asked - 1, 0)
    when, earlier = times[order[asked]], times[order[previous]]
    timed = (when != NO_TIME) & (earlier != NO_TIME) & (offsets.stream[previous] == stream)
    idle = wanted[stream] & timed & (when - earlier >= _IDLE)
    found: Array = asked[(told > offsets.start[asked]) | idle]
    return found


def _into_closed_window(packets: PacketTable, order: Array, offsets: Offsets, probes: Array) -> Array:
    """Those of some packets that were sent when the peer's last window was zero."""
    if not len(probes):
        return probes
    shut = (packets.window[order] == 0) & ((offsets.flags & (SYN | RST)) == 0)
    if not shut.any():
        return probes[:0]
    stride = int(order.max()) + 2
    keys = offsets.stream.astype(np.int64) * stride + order
    peer = offsets.stream[probes].astype(np.int64) ^ 1
    index = np.searchsorted(keys, peer * stride + order[probes]) - 1
    valid = (index >= 0) & (offsets.stream[np.maximum(index, 0)] == peer)
    found: Array = probes[valid & shut[np.maximum(index, 0)]]
    return found
