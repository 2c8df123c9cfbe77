"""Grouped packets to streams: offsets, extents, gaps, conflicts, classes; all streams at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.packets import PacketTable
from tcpflow_scapy.reassembly.acknowledged import Sacks, blocks_about, selective
from tcpflow_scapy.reassembly.assembler import DUPLICATE, Assembly, Pieces, assemble
from tcpflow_scapy.reassembly.classify import Arrivals, classify
from tcpflow_scapy.reassembly.columns import group_reduce
from tcpflow_scapy.reassembly.connections import Grouping
from tcpflow_scapy.reassembly.corrupt import wrong_copies
from tcpflow_scapy.reassembly.ends import Ends, find_ends
from tcpflow_scapy.reassembly.gaps import find_gaps
from tcpflow_scapy.reassembly.joining import ReassemblyParts
from tcpflow_scapy.reassembly.offsets import Offsets, place_packets, without_payload
from tcpflow_scapy.reassembly.pairs import PART_PACKETS
from tcpflow_scapy.reassembly.probes import Probes, find_probes
from tcpflow_scapy.reassembly.tables import (
    ConflictTable,
    ConnectionTable,
    ExtentTable,
    GapCause,
    GapTable,
    Reassembly,
    SegmentClass,
    StreamTable,
)
from tcpflow_scapy.reassembly.wraps import unlapped

Array = np.ndarray[Any, np.dtype[Any]]

_MOST_LAPS = 4
"""So often a stream is found to have gone round unseen."""

_LONGEST_DATAGRAM = 65_535
"""Bytes that an IP datagram can carry at most (RFC 791, 3.1)."""


def build_streams(
    packets: PacketTable,
    times: Array,
    grouping: Grouping,
    store: Store,
    *,
    overlap: str,
    max_gap: int,
    incomplete: Array | None = None,
    part_packets: int = PART_PACKETS,
) -> Reassembly:
    """Assemble every stream.

    Connections are worked on some at a time, so that what is needed in between stays small: it fits the
    processor's cache, and memory does not peak.

    Parameters
    ----------
    packets : PacketTable
    times : ndarray of int64
        Time of each packet, ns.
    grouping : Grouping
    store : Store
        Read where segments overlap.
    overlap : str
        Name of an overlap policy.
    max_gap : int
        Acknowledgments further beyond the data than this are not believed.
    incomplete : ndarray of bool, optional
        Packets whose payload is short because an IP fragment is missing.
    part_packets : int
        Connections are worked on together up to so many packets.
    """
    if len(grouping.order) <= part_packets:
        return _build(packets, times, grouping, store, overlap, max_gap, incomplete)
    whole = ReassemblyParts(grouping.order, grouping.packet_start)
    for part in grouping.parts(part_packets):
        whole.append(_build(packets, times, part, store, overlap, max_gap, incomplete))
    return whole.build()


def _build(
    packets: PacketTable,
    times: Array,
    grouping: Grouping,
    store: Store,
    overlap: str,
    max_gap: int,
    incomplete: Array | None,
) -> Reassembly:
    # As numpy wants indices: it would convert them each time.
    order, packet_start = grouping.order.astype(np.intp), grouping.packet_start
    placed = place_packets(packets, times, order, packet_start, max_gap)
    streams = len(packet_start) - 1
    captured = packets.length[order]
    part = _assembled(packets, times, order, placed, overlap, max_gap, store)
    ends, base, probes, found = part.ends, part.base, part.probes, part.found
    offsets, group = ends.offsets, ends.offsets.stream
    arrivals = _arrivals(part, captured)
    classes = classify(packets, times, order, ends, probes, arrivals, store)
    classes[part.wrong] = SegmentClass.BAD_CHECKSUM
    again = arrivals.again
    again[classes == SegmentClass.KEEP_ALIVE] = 0
    # Also what was lost before the capture and sent again.
    sent_again = np.flatnonzero(classes == SegmentClass.RETRANSMISSION)
    again[sent_again] = offsets.wire[sent_again]
    repeating = np.flatnonzero(again)
    data = np.flatnonzero(offsets.wire > 0)
    extent_start = np.searchsorted(found.start, np.append(base, np.iinfo(np.int64).max))
    owner = np.repeat(np.arange(streams), np.diff(extent_start))
    extents = _extents(found, base, owner)
    held = group_reduce(np.add, found.length, owner, streams, 0)
    sacks = _sacks(packets, order, ends, held, store)
    gaps, gap_start = _gaps(order, captured, offsets, base, ends, found, sacks, incomplete)
    conflicts, conflict_start = _conflicts(found, base, order[probes.meaningless])
    end = np.zeros(streams, np.int64)
    filled = np.flatnonzero(np.diff(extent_start))
    last = extent_start[1:][filled] - 1
    end[filled] = extents.offset[last] + extents.length[last]
    first_time, last_time, connections = _times(packets, times[order], grouping)
    table = StreamTable(
        address=_senders(packets, grouping),
        isn=offsets.isn,
        base=offsets.base,
        end=end,
        size=ends.size,
        captured=held,
        acknowledged=ends.acknowledged,
        fin=ends.fin,
        fin_skipped=ends.skipped,
        flags=ends.flags,
        packets=np.diff(packet_start),
        data_packets=np.bincount(group[data], minlength=streams),
        wire_bytes=group_reduce(np.add, offsets.wire[data], group[data], streams, 0),
        retransmitted=group_reduce(np.add, again[repeating], group[repeating], streams, 0),
        out_of_order=np.bincount(group[classes == SegmentClass.OUT_OF_ORDER], minlength=streams),
        first_time=first_time,
        last_time=last_time,
        packet_start=packet_start,
        extent_start=extent_start,
        gap_start=gap_start,
        conflict_start=conflict_start,
    )
    return Reassembly(
        connections, table, grouping.order, classes, extents, gaps, conflicts, offsets.unwrapped
    )


@dataclass(slots=True)
class _Assembled:
    """Streams put together, and what was needed for that."""

    ends: Ends
    base: Array
    """int64: place of offset 0 of each stream on the axis"""
    probes: Probes
    pieces: Pieces
    piece_packet: Array
    """int64: index in `order` of the packet of each piece"""
    found: Assembly
    wrong: Array
    """int64: index in `order` of damaged copies, which were left out"""


def _assembled(
    packets: PacketTable,
    times: Array,
    order: Array,
    placed: Offsets,
    overlap: str,
    max_gap: int,
    store: Store,
) -> _Assembled:
    """Put the payload of all streams together; again where copies are damaged, or of another lap."""
    captured = packets.length[order]
    wrong = np.empty(0, np.int64)
    laps = _MOST_LAPS
    while True:
        ends = find_ends(packets, times, order, placed, max_gap, store)
        offsets = ends.offsets
        base = np.cumsum(ends.size + 2) - (ends.size + 2)
        probes = find_probes(packets, times, order, offsets, base, ends.acks)
        pieces, piece_packet = _pieces(packets, order, captured, offsets, base, probes.weak)
        found = assemble(pieces, overlap, store)
        result = _Assembled(ends, base, probes, pieces, piece_packet, found, wrong)
        if not len(found.conflict_row):
            return result
        further = unlapped(packets, times, order, placed, found, store) if laps else None
        if further is not None:
            placed, laps = further, laps - 1
            continue
        if len(wrong):
            return result
        bad = wrong_copies(packets, pieces, offsets.stream[piece_packet], found, store)
        if not bad.any():
            return result
        # Without them, a stream may end elsewhere.
        wrong = piece_packet[bad]
        placed = without_payload(placed, wrong)


def _sacks(packets: PacketTable, order: Array, ends: Ends, held: Array, store: Store) -> Sacks:
    """Blocks about streams that have a gap; where one is, every packet that may hold some is read."""
    gapped = (held < ends.size) & (ends.acknowledged < ends.size)
    if not gapped.any():
        return ends.heard.sacks
    rows = blocks_about(packets, ends.acks, ends.offsets, gapped)
    return selective(packets, order, ends.offsets, rows, store)


def _pieces(
    packets: PacketTable, order: Array, captured: Array, offsets: Offsets, base: Array, weak: Array
) -> tuple[Pieces, Array]:
    """Captured payload, trimmed to offset 0, and the packet (index in `order`) of each piece."""
    index = np.flatnonzero((captured > 0) & (offsets.wire > 0) & (offsets.start + captured > 0))
    rows = order[index]
    start = offsets.start[index]
    length = captured[index].astype(np.int64)
    address = packets.header[rows] + packets.data_offset[rows]
    trim = np.maximum(-start, 0)
    if trim.any():
        start, length, address = start + trim, length - trim, address + trim
    start = start + base[offsets.stream[index]]
    return Pieces(start, length, address, rows.astype(np.int64), weak[index]), index


def _arrivals(part: _Assembled, captured: Array) -> Arrivals:
    """Which bytes were new when they came: by what was sent, whatever snaplen left of it."""
    offsets = part.ends.offsets
    pieces, piece_packet, found = part.pieces, part.piece_packet, part.found
    if (captured < offsets.wire).any():
        index = np.flatnonzero((offsets.wire > 0) & (offsets.start + offsets.wire > 0))
        trim = np.maximum(-offsets.start[index], 0)
        start = offsets.start[index] + trim + part.base[offsets.stream[index]]
        length = offsets.wire[index] - trim
        unread, strong = np.zeros(len(index), np.int64), np.zeros(len(index), bool)
        pieces, piece_packet = Pieces(start, length, unread, index, strong), index
        found = assemble(pieces, "first", None)
    duplicate = np.zeros(len(offsets.wire), np.uint8)
    duplicate[piece_packet] = found.duplicate
    again = np.zeros(len(offsets.wire), np.int64)
    again[piece_packet] = pieces.length - found.fresh
    whole = duplicate == DUPLICATE
    again[whole] = offsets.wire[whole]
    return Arrivals(duplicate, again)


def _extents(found: Assembly, base: Array, stream: Array) -> ExtentTable:
    return ExtentTable(
        offset=found.start - base[stream],
        length=found.length.astype(np.uint32),
        address=found.address,
        packet=found.row.astype(np.int32),
    )


def _gaps(
    order: Array,
    captured: Array,
    offsets: Offsets,
    base: Array,
    ends: Ends,
    found: Assembly,
    sacks: Sacks,
    incomplete: Array | None,
) -> tuple[GapTable, Array]:
    size, acknowledged = ends.size, ends.acknowledged
    # What is no payload on the wire (0) is nowhere short.
    short = captured < offsets.wire
    if incomplete is not None:
        short |= incomplete[order] & (offsets.wire > 0)
    cut = np.flatnonzero(short)
    begin = np.maximum(offsets.start[cut] + captured[cut], 0)
    stop = np.maximum(offsets.start[cut] + offsets.wire[cut], begin)
    if incomplete is not None:
        # The last fragment was never seen: the datagram went on for an unknown length, within IP's limit.
        endless = incomplete[order[cut]] & (stop == begin)
        stop = np.where(endless, begin + _LONGEST_DATAGRAM - offsets.wire[cut], stop)
        # No further than its own stream: the next one begins behind it on the axis.
        stop = np.maximum(np.minimum(stop, size[offsets.stream[cut]]), begin)
    place = base[offsets.stream[cut]]
    # What was acknowledged selectively did travel (RFC 2018, 3).
    place_of = base[sacks.stream]
    sacked = np.minimum(sacks.end, size[sacks.stream])
    explained = [(np.minimum(sacks.start, sacked) + place_of, sacked + place_of, GapCause.NOT_CAPTURED)]
    by_fragment = np.zeros(len(cut), bool)
    if incomplete is not None:
        by_fragment = incomplete[order[cut]]
        explained.append(
            (
                begin[by_fragment] + place[by_fragment],
                stop[by_fragment] + place[by_fragment],
                GapCause.FRAGMENT_MISSING,
            )
        )
    rest = ~by_fragment
    explained.append((begin[rest] + place[rest], stop[rest] + place[rest], GapCause.TRUNCATED))
    start, end, cause = find_gaps(
        base,
        base + size,
        found.start,
        found.start + found.length,
        base + np.maximum(acknowledged, 0),
        explained,
    )
    stream = np.searchsorted(base, start, side="right") - 1
    table = GapTable(start - base[stream], end - base[stream], cause)
    return table, np.searchsorted(start, np.append(base, np.iinfo(np.int64).max))


def _conflicts(found: Assembly, base: Array, meaningless: Array) -> tuple[ConflictTable, Array]:
    """All but those of packets whose bytes mean nothing."""
    told = ~np.isin(found.conflict_row, meaningless)
    conflict_start = found.conflict_start[told]
    stream = np.searchsorted(base, conflict_start, side="right") - 1
    start = conflict_start - base[stream]
    table = ConflictTable(
        start,
        start + found.conflict_length[told],
        found.conflict_row[told].astype(np.int32),
        found.conflict_winner[told].astype(np.int32),
    )
    return table, np.searchsorted(conflict_start, np.append(base, np.iinfo(np.int64).max))


def _times(packets: PacketTable, arranged: Array, grouping: Grouping) -> tuple[Array, Array, ConnectionTable]:
    """First and last time of each stream; the table of connections. `arranged` are the packets' times."""
    streams = 2 * grouping.count
    starts = grouping.packet_start
    present = np.flatnonzero(np.diff(starts))
    first = np.full(streams, NO_TIME, np.int64)
    last = np.full(streams, NO_TIME, np.int64)
    row = np.full(streams, np.iinfo(np.int32).max, np.int64)
    encapsulation = np.zeros(grouping.count, np.int32)
    if len(present):
        first[present] = arranged[starts[:-1][present]]
        last[present] = np.maximum.reduceat(arranged, starts[:-1][present])
        row[present] = grouping.order[starts[:-1][present]]
    lowest = np.full(streams, np.iinfo(np.int64).max, np.int64)
    if len(present):
        untimed = arranged == NO_TIME
        usable = np.where(untimed, np.iinfo(np.int64).max, arranged) if untimed.any() else arranged
        lowest[present] = np.minimum.reduceat(usable, starts[:-1][present])
    first_row = np.minimum(row[0::2], row[1::2])
    encapsulation[:] = packets.encapsulation[first_row]
    begin = np.minimum(lowest[0::2], lowest[1::2])
    begin[begin == np.iinfo(np.int64).max] = NO_TIME
    connections = ConnectionTable(
        pair=grouping.pair.astype(np.int32),
        client_evidence=grouping.client_evidence,
        encapsulation=encapsulation,
        first=first_row.astype(np.int32),
        start=begin,
        end=np.maximum(last[0::2], last[1::2]),
    )
    return first, last, connections


def _senders(packets: PacketTable, grouping: Grouping) -> Array:
    """Address code and port of each stream's sender, also where it sent nothing."""
    starts = grouping.packet_start
    streams = 2 * grouping.count
    out = np.zeros(streams, np.uint64)
    present = np.diff(starts) > 0
    rows = grouping.order[starts[:-1][present]]
    out[present] = packets.source[rows]
    silent = np.flatnonzero(~present)
    peer_rows = grouping.order[starts[:-1][silent ^ 1]]
    out[silent] = packets.destination[peer_rows]
    return out
