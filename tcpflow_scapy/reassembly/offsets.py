"""Sequence numbers to stream offsets.

Offset 0 is ISN+1; without a SYN it is the lowest number that carried payload (RFC 9293, 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import ACK, FIN, RST, SYN, PacketTable
from tcpflow_scapy.reassembly.columns import first_rows, group_reduce, ranges
from tcpflow_scapy.reassembly.long_streams import LongStreams
from tcpflow_scapy.reassembly.sequence import HUGE, MODULUS, distances
from tcpflow_scapy.reassembly.support import LEAST_WINDOW, lowest_supported

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(slots=True)
class Offsets:
    """Where the packets of each stream lie. Packet columns are in the order of `Grouping.order`."""

    stream: Array
    """int32: stream of each packet"""
    flags: Array
    """uint16"""
    start: Array
    """int64: offset of the packet's first payload byte (of its sequence number, without payload)"""
    wire: Array
    """int64: payload on the wire; 0 for resets, whose payload is no stream data"""
    isn: Array
    """int64[streams]: -1 without SYN"""
    base: Array
    """uint32[streams]: sequence number of offset 0"""
    unwrapped: dict[int, Array]
    """offsets of the packets of streams that reach further than 2**31"""
    acknowledged: dict[int, Array]
    """of some of those, what the packets of the other side acknowledge, in their order"""
    with_itself: Array
    """bool[streams]: connections of an endpoint with itself, where ACKs are of their own stream"""


def place_packets(
    packets: PacketTable, times: Array, order: Array, packet_start: Array, max_gap: int
) -> Offsets:
    """Unwrap the sequence numbers of all streams.

    Parameters
    ----------
    packets : PacketTable
    times : ndarray of int64
        Time of each packet, ns.
    order : ndarray of int32
        Packet rows by stream, then arrival.
    packet_start : ndarray of int64
    max_gap : int
        Bytes that may be missing inside a stream.
    """
    streams = len(packet_start) - 1
    stream = np.repeat(np.arange(streams, dtype=np.int32), np.diff(packet_start))
    flags = packets.flags[order]
    sequence = packets.sequence[order]
    wire = packets.wire_length[order].astype(np.int64)
    reset = (flags & RST) != 0
    wire[reset] = 0
    is_syn = (flags & (SYN | RST)) == SYN
    begin = sequence + is_syn.astype(np.uint32)
    syn = np.flatnonzero(is_syn)
    isn = np.full(streams, -1, np.int64)
    isn[stream[syn[::-1]]] = sequence[syn[::-1]]
    # A first reference for each stream, close enough for signed distances: ISN+1, first data, first packet.
    reference = np.zeros(streams, np.uint32)
    present = np.flatnonzero(np.diff(packet_start))
    reference[present] = begin[packet_start[:-1][present]]
    data = np.flatnonzero(wire > 0)
    heads = data[first_rows(stream[data])]
    reference[stream[heads]] = begin[heads]
    known = isn >= 0
    reference[known] = ((isn[known] + 1) % MODULUS).astype(np.uint32)
    with_itself = _with_itself(packets, order, packet_start)
    _silent_streams(packets, order, stream, flags, packet_start, with_itself, reference)
    start = distances(begin, reference[stream])
    group, at, size = stream[data], start[data], wire[data]
    lowest = group_reduce(np.minimum, at, group, streams, 0)
    highest = group_reduce(np.maximum, at + size, group, streams, 0)
    volume = group_reduce(np.add, size, group, streams, 0)
    far = np.flatnonzero((highest - lowest > HUGE) | (volume > HUGE))
    unwrapped: dict[int, Array] = {}
    acknowledged: dict[int, Array] = {}
    if len(far):
        long, rows = _long_streams(packets, times, order, packet_start, far, with_itself, reference, known)
        start[rows], told = long.place(max_gap)
        for number, acks in zip(far.tolist(), told, strict=True):
            unwrapped[number] = start[packet_start[number] : packet_start[number + 1]]
            if acks is not None:
                acknowledged[number] = acks
        carrying = long.wire > 0
        lowest[far] = group_reduce(np.minimum, start[rows[carrying]], long.stream[carrying], len(far), 0)
    _without_data(start, reset, stream, data, lowest)
    shift = np.where(known, 0, lowest)
    if shift.any():
        start -= shift[stream]  # also in `unwrapped`, whose columns are views
        for number, offset in acknowledged.items():
            offset -= shift[number]
    base = ((reference.astype(np.int64) + shift) % MODULUS).astype(np.uint32)
    return Offsets(stream, flags, start, wire, isn, base, unwrapped, acknowledged, with_itself)


def without_payload(offsets: Offsets, rows: Array) -> Offsets:
    """The same, where some packets carry neither payload nor FIN."""
    wire, flags = offsets.wire.copy(), offsets.flags.copy()
    wire[rows] = 0
    flags[rows] &= ~np.uint16(FIN)
    return replace(offsets, wire=wire, flags=flags)


def _without_data(start: Array, reset: Array, stream: Array, data: Array, lowest: Array) -> None:
    """Streams that carry no data begin at their lowest number, whatever packet came first."""
    empty = np.ones(len(lowest), bool)
    empty[stream[data]] = False
    rows = np.flatnonzero(empty[stream] & ~reset)
    if len(rows):
        heads = np.flatnonzero(first_rows(stream[rows]))
        lowest[stream[rows[heads]]] = np.minimum.reduceat(start[rows], heads)


def _silent_streams(
    packets: PacketTable,
    order: Array,
    stream: Array,
    flags: Array,
    packet_start: Array,
    with_itself: Array,
    reference: Array,
) -> None:
    """Streams of which nothing was captured begin at the lowest byte that the peer acknowledged."""
    silent = np.diff(packet_start) == 0
    if not silent.any():
        return
    silent &= ~with_itself
    rows = np.flatnonzero(((flags & (ACK | RST)) == ACK) & silent[stream ^ 1])
    if not len(rows):
        return
    group = stream[rows]
    numbers = packets.acknowledgment[order[rows]]
    heads = np.flatnonzero(first_rows(group))
    first = np.zeros(len(silent), np.uint32)
    first[group[heads]] = numbers[heads]
    offset = distances(numbers, first[group])
    lowest = np.minimum.reduceat(offset, heads)
    wide = np.maximum.reduceat(offset, heads) - lowest > LEAST_WINDOW
    if wide.any():
        # One forged number below all others must not make megabytes of the difference.
        some = np.flatnonzero(np.repeat(wide, np.diff(np.append(heads, len(group)))))
        row = order[rows[some]]
        names = ("sequence", "acknowledgment", "flags", "window", "wire_length")
        told = tuple(getattr(packets, name)[row] for name in names)
        own = some[lowest_supported(group[some].astype(np.int64), offset[some], told)]
        lowest[wide] = group_reduce(np.minimum, offset[own], group[own], len(silent), 0)[group[heads[wide]]]
    target = group[heads] ^ 1
    reference[target] = ((first[group[heads]].astype(np.int64) + lowest) % MODULUS).astype(np.uint32)


def _long_streams(
    packets: PacketTable,
    times: Array,
    order: Array,
    packet_start: Array,
    far: Array,
    with_itself: Array,
    reference: Array,
    known: Array,
) -> tuple[LongStreams, Array]:
    """Streams that signed distances cannot order, and the places of their packets in `order`."""
    sizes = np.diff(packet_start)
    rows, row = ranges(packet_start[far], sizes[far]), np.repeat(np.arange(len(far)), sizes[far])
    other = np.where(with_itself[far], far, far ^ 1)
    told, about = ranges(packet_start[other], sizes[other]), np.repeat(np.arange(len(far)), sizes[other])
    acks = (packets.flags[order[told]] & (ACK | RST)) == ACK
    told, about = order[told[acks]], about[acks]
    packet = order[rows]
    flags = packets.flags[packet]
    reset, syn = (flags & RST) != 0, (flags & (SYN | RST)) == SYN
    wire = packets.wire_length[packet].astype(np.int64)
    wire[reset] = 0
    long = LongStreams(
        stream=row,
        number=packets.sequence[packet] + syn.astype(np.uint32),
        wire=wire,
        syn=syn,
        reset=reset,
        time=times[packet],
        ack_stream=about,
        ack=packets.acknowledgment[told],
        ack_time=times[told],
        reference=reference[far],
        known=known[far],
    )
    return long, rows


def _with_itself(packets: PacketTable, order: Array, packet_start: Array) -> Array:
    """bool[streams]: connections of an endpoint with itself, where ACKs are of their own stream."""
    out = np.zeros(len(packet_start) - 1, bool)
    present = np.flatnonzero(np.diff(packet_start))
    first = order[packet_start[:-1][present]]
    found = present[packets.source[first] == packets.destination[first]]
    out[found] = out[found ^ 1] = True
    return out


def believed_flags(offsets: Offsets, wire_end: Array, fin: Array, max_gap: int) -> Array:
    """All flags of each stream, or-ed, without those of resets and FINs whose numbers are not plausible.

    Anybody can send a reset from outside; to be obeyed it must lie in the window (RFC 5961, 3.2). Without the
    window's scale the limit is `max_gap`.
    """
    flags = offsets.flags
    resets = np.flatnonzero((flags & RST) != 0)
    start, stream = offsets.start[resets], offsets.stream[resets]
    lowest = np.where(offsets.isn[stream] >= 0, -1, -max_gap)
    forged = resets[(start < lowest) | (start > wire_end[stream] + max_gap)]
    if len(forged):
        flags = flags.copy()
        flags[forged] = 0
    every = group_reduce(np.bitwise_or, flags, offsets.stream, len(offsets.base), 0)
    # An end that is contradicted does not count; one far away says at least that the sender meant to end.
    return np.where(fin == CONTRADICTED, every & ~np.uint16(FIN), every)


CONTRADICTED = -2
"""A FIN that the stream itself proves wrong."""


def fin_offsets(offsets: Offsets, highest: Array, wire_end: Array, acknowledged: Array) -> Array:
    """Offset of the FIN of each stream: where its data ends. int64[streams]

    Of several at different places (a forged one is among them) the one counts whose number was acknowledged
    last, or the highest (`highest_fins`). -1 without any; `CONTRADICTED` where data beyond it were
    acknowledged.
    """
    rows, at = _fins(offsets)
    group = offsets.stream[rows]
    proven = np.zeros(len(offsets.base), bool)
    proven[group[at + 1 == acknowledged[group]]] = True
    out = np.where(proven, acknowledged - 1, highest)
    contradicted = (out >= 0) & (wire_end > out) & (acknowledged > out + 1)
    found: Array = np.where(contradicted, CONTRADICTED, out)
    return found


def highest_fins(offsets: Offsets) -> Array:
    """Offset of the highest FIN of each stream, whatever it is worth: int64[streams], -1 without any."""
    rows, at = _fins(offsets)
    return group_reduce(np.maximum, at, offsets.stream[rows], len(offsets.base), -1)


def _fins(offsets: Offsets) -> tuple[Array, Array]:
    """Packets with a FIN, and its offset."""
    rows = np.flatnonzero((offsets.flags & (FIN | RST)) == FIN)
    return rows, np.maximum(offsets.start[rows] + offsets.wire[rows], -1)
