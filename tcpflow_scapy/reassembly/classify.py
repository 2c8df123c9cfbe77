"""What each segment was, judged in the order of arrival (after Wireshark's TCP analysis)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import FIN, RST, SYN, PacketTable
from tcpflow_scapy.reassembly.assembler import DUPLICATE, PARTIAL
from tcpflow_scapy.reassembly.columns import first_rows
from tcpflow_scapy.reassembly.offsets import Offsets
from tcpflow_scapy.reassembly.tables import SegmentClass

Array = np.ndarray[Any, np.dtype[Any]]


def seen_before(offsets: Offsets, base: Array) -> Array:
    """For each packet, the highest data offset seen before it in its stream, on the axis.

    Parameters
    ----------
    base : ndarray of int64
        Place of offset 0 of each stream on the axis.

    Returns
    -------
    ndarray of int64
        At least the stream's own base.
    """
    place = base[offsets.stream]
    end = np.where(offsets.wire > 0, np.maximum(offsets.start + offsets.wire, 0), 0) + place
    before = place.copy()
    if len(end) > 1:
        reach = np.maximum.accumulate(end)[:-1]
        new = first_rows(offsets.stream)[1:]
        before[1:] = np.where(new, place[1:], np.maximum(reach, place[1:]))
    return before


def is_keep_alive(offsets: Offsets, before: Array, base: Array) -> Array:
    """bool: at most one byte of payload, just before the next expected one (RFC 9293, 3.8.4)."""
    at = offsets.start + base[offsets.stream]
    plain = (offsets.flags & (SYN | FIN | RST)) == 0
    found: Array = plain & (offsets.wire == 1) & (at == before - 1)
    return found


def classify(
    packets: PacketTable,
    order: Array,
    offsets: Offsets,
    before: Array,
    base: Array,
    fin: Array,
    keep_alive: Array,
    piece_packet: Array,
    duplicate: Array,
) -> Array:
    """`SegmentClass` of every packet.

    Parameters
    ----------
    piece_packet : ndarray of int64
        Index of the packet (in `order`) of each piece that was assembled.
    duplicate : ndarray of uint8
        What the assembler said of each piece.
    """
    flags = offsets.flags
    out = np.zeros(len(order), np.uint8)
    out[(flags & FIN) != 0] = SegmentClass.FIN
    out[(flags & SYN) != 0] = SegmentClass.SYN
    reset = (flags & RST) != 0
    out[reset] = SegmentClass.RST
    out[np.flatnonzero(reset)[packets.wire_length[order[reset]] > 0]] = SegmentClass.RST_PAYLOAD
    at = offsets.start + base[offsets.stream]
    data = offsets.wire > 0
    late = data & (at < before)
    out[data] = SegmentClass.NEW
    out[late] = SegmentClass.OUT_OF_ORDER
    out[piece_packet[duplicate == DUPLICATE]] = SegmentClass.RETRANSMISSION
    out[piece_packet[duplicate == PARTIAL]] = SegmentClass.PARTIAL_OVERLAP
    out[keep_alive] = SegmentClass.KEEP_ALIVE
    bare = ~data & ((flags & (SYN | FIN | RST)) == 0) & (at == before - 1) & (before > base[offsets.stream])
    out[bare] = SegmentClass.KEEP_ALIVE
    out[data & (offsets.start + offsets.wire <= 0) & ~keep_alive] = SegmentClass.BEFORE_START
    ended = fin[offsets.stream]
    out[data & (ended >= 0) & (offsets.start >= ended) & ~keep_alive] = SegmentClass.AFTER_FIN
    _zero_window_probes(packets, order, offsets, at, before, out)
    return out


def _zero_window_probes(
    packets: PacketTable, order: Array, offsets: Offsets, at: Array, before: Array, out: Array
) -> None:
    """One new byte, sent when the peer's last window was zero."""
    probes = np.flatnonzero((offsets.wire == 1) & (at >= before) & (out == SegmentClass.NEW))
    if not len(probes):
        return
    shut = (packets.window[order] == 0) & ((offsets.flags & (SYN | RST)) == 0)
    if not shut.any():
        return
    stride = int(order.max()) + 2
    keys = offsets.stream.astype(np.int64) * stride + order
    peer = offsets.stream[probes].astype(np.int64) ^ 1
    index = np.searchsorted(keys, peer * stride + order[probes]) - 1
    valid = (index >= 0) & (offsets.stream[np.maximum(index, 0)] == peer)
    out[probes[valid & shut[np.maximum(index, 0)]]] = SegmentClass.ZERO_WINDOW_PROBE
