"""Packets to connections: which belong together, who is the client, in which order they come."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.packets import ACK, RST, SYN, PacketTable
from tcpflow_scapy.reassembly.asymmetric import join_asymmetric
from tcpflow_scapy.reassembly.columns import by_group, first_rows, ranges
from tcpflow_scapy.reassembly.incarnations import split_pairs
from tcpflow_scapy.reassembly.numbering import factorize
from tcpflow_scapy.reassembly.pairs import PART_PACKETS, pair_packets
from tcpflow_scapy.reassembly.reused_pairs import possibly_reused
from tcpflow_scapy.reassembly.suspects import Suspects
from tcpflow_scapy.reassembly.tables import ClientEvidence

Array = np.ndarray[Any, np.dtype[Any]]

SERVER_PORTS = frozenset(
    (1080, 1194, 1433, 1434, 1521, 1723, 1883, 2049, 2375, 2379, 3128, 3268, 3306, 3389, 3690, 4369, 5000)
    + (5060, 5061, 5222, 5223, 5269, 5432, 5555, 5601, 5672, 5900, 5938, 5985, 5986, 6000, 6379, 6443, 6660)
    + (6661, 6662, 6663, 6664, 6665, 6666, 6667, 6668, 6669, 6697, 7001, 8000, 8008, 8080, 8081, 8086, 8088)
    + (8090, 8118, 8333, 8443, 8883, 8888, 9000, 9042, 9090, 9092, 9100, 9200, 9300, 9418, 10250, 11211)
    + (15672, 20000, 25565, 27017, 44818, 47808, 50000)
)
"""Ports above 1023 on which servers listen (IANA, and common practice)."""


@dataclass(slots=True)
class Grouping:
    """Packets by stream."""

    count: int
    """connections"""
    order: Array
    """int32: packet rows by stream (2 * connection + 0 client, 1 server), then arrival"""
    packet_start: Array
    """int64[2 * count + 1]"""
    pair: Array
    """int32[count]"""
    client_evidence: Array
    """uint8[count]"""

    def parts(self, packets: int) -> Iterator[Grouping]:
        """The same connections in several groupings of about so many packets each."""
        for some, rows in connection_parts(self.packet_start, packets):
            yield Grouping(
                some.stop - some.start,
                self.order[rows],
                self.packet_start[2 * some.start : 2 * some.stop + 1] - rows.start,
                self.pair[some],
                self.client_evidence[some],
            )


def group_packets(
    packets: PacketTable,
    times: Array,
    *,
    max_gap: int,
    timeout: int | None,
    ignore_vlan: bool,
    ignore_encapsulation: bool = False,
) -> Grouping:
    """Find the connections.

    Parameters
    ----------
    packets : PacketTable
    times : ndarray of int64
        Time of each packet, ns.
    max_gap : int
        A hole in data wider than this begins a new connection.
    timeout : int or None
        Idle ns after which a connection ends.
    ignore_vlan, ignore_encapsulation : bool
        Join what came through different VLANs, or through any tunnels.
    """
    pair, direction, pairs = pair_packets(packets, ignore_vlan, ignore_encapsulation)
    pair, pairs = join_asymmetric(packets, times, pair, direction, pairs)
    side = _side(pair, direction)
    order, starts = by_group(side, 2 * pairs)
    label: Array = pair
    count = pairs
    suspicious = np.zeros(pairs, bool)
    for some, rows in connection_parts(starts, PART_PACKETS):
        suspicious[some] = possibly_reused(packets, times, side, order[rows], some, max_gap)
    if suspicious.any():
        label, count = _split(packets, times, pair, direction, suspicious, max_gap)
    if timeout is not None:
        label, count = _split_idle(label, count, times, timeout)
    if label is not pair:
        side = _side(label, direction)
        order, starts = by_group(side, 2 * count)
    return _arrange(packets, times, side, pair, order, starts)


def _side(label: Array, direction: Array) -> Array:
    """int32: number of the direction, 2 * label + direction."""
    side = label.astype(np.int32)
    side *= 2
    side += direction
    return side


def connection_parts(starts: Array, packets: int) -> Iterator[tuple[slice, slice]]:
    """Some pairs (or connections) at a time, with the rows that are theirs in an order by side.

    Parameters
    ----------
    starts : ndarray of int64
        Where each side begins in that order.
    packets : int
        As many pairs as have at most so many, at least one. What is known of a pair's two sides takes about
        as much memory as two packets, and is counted as such.
    """
    ends = starts[2::2]
    low = 0
    while low < len(ends):
        first = int(starts[2 * low])
        pairs = range(low, len(ends))
        limit = first + packets + 2 * low
        high = low + max(bisect_right(pairs, limit, key=lambda pair: int(ends[pair]) + 2 * pair + 2), 1)
        yield slice(low, high), slice(first, int(ends[high - 1]))
        low = high


def _split(
    packets: PacketTable, times: Array, pair: Array, direction: Array, suspicious: Array, max_gap: int
) -> tuple[Array, int]:
    """Split suspicious pairs; the others keep one connection each."""
    rows = np.flatnonzero(suspicious[pair])
    rows = rows[np.lexsort((times[rows], pair[rows]))]
    compact = np.cumsum(suspicious) - 1
    number = compact[pair[rows]].astype(np.int64)
    suspects = Suspects(
        pair=number,
        direction=direction[rows].astype(np.int64),
        sequence=packets.sequence[rows],
        acknowledgment=packets.acknowledgment[rows],
        flags=packets.flags[rows],
        length=packets.wire_length[rows].astype(np.int64),
        time=times[rows],
        clocked=_clocked(number, times[rows]),
    )
    found = split_pairs(suspects, max_gap)
    label = pair.astype(np.int64)
    label[rows] = len(suspicious) + found
    return factorize(label)


def _clocked(pair: Array, times: Array) -> Array:
    """bool for each pair: its times differ, so that they give an order. Rows are by pair and time."""
    heads = np.flatnonzero(first_rows(pair))
    known = np.where(times == NO_TIME, np.iinfo(np.int64).max, times)
    return np.minimum.reduceat(known, heads) < np.maximum.reduceat(times, heads)


def _split_idle(label: Array, count: int, times: Array, timeout: int) -> tuple[Array, int]:
    """A new connection wherever nothing happened for longer than `timeout`, by the capture's clock."""
    order = np.lexsort((times, label))
    t, group = times[order], label[order]
    cut = first_rows(group)
    idle = np.zeros(len(t), bool)
    idle[1:] = (t[1:] - t[:-1] > timeout) & (t[:-1] != NO_TIME)
    out = np.empty(len(label), np.int64)
    out[order] = np.cumsum(cut | idle) - 1
    return factorize(out)


def _arrange(
    packets: PacketTable, times: Array, side: Array, pair: Array, order: Array, starts: Array
) -> Grouping:
    """Client before server. Connections are numbered by first packet already."""
    lengths = np.diff(starts)
    count = len(lengths) // 2
    n = len(side)
    first = np.full(2 * count, n, np.int64)
    present = lengths > 0
    first[present] = order[starts[:-1][present]]
    client, evidence = _clients(packets, times, side, first)
    flat = np.arange(2 * count)
    flat[0::2] += client
    flat[1::2] -= client
    sizes = lengths[flat]
    packet_start = np.zeros(2 * count + 1, np.int64)
    np.cumsum(sizes, out=packet_start[1:])
    arranged = np.empty(n, np.int32)
    for some, rows in connection_parts(packet_start, PART_PACKETS):
        streams = slice(2 * some.start, 2 * some.stop)
        arranged[rows] = order[ranges(starts[:-1][flat[streams]], sizes[streams])]
    return Grouping(count, arranged, packet_start, pair[np.minimum(first[0::2], first[1::2])], evidence)


def _clients(packets: PacketTable, times: Array, side: Array, first: Array) -> tuple[Array, Array]:
    """Which direction (0 or 1) of each connection is the client's, and the evidence.

    `first` is the first row of each side, ``len(side)`` without any. The clock tells which SYN came first.
    """
    n, sides = len(side), len(first)
    client = (first[1::2] < first[0::2]).astype(np.int64)
    evidence = np.full(sides // 2, ClientEvidence.FIRST_PACKET, np.uint8)
    handshake = np.flatnonzero((packets.flags & (SYN | RST)) == SYN)
    answer = (packets.flags[handshake] & ACK) != 0
    for rows, kind in ((handshake[answer], ClientEvidence.SYN_ACK), (handshake[~answer], ClientEvidence.SYN)):
        one, two = _first_by_side(rows, side, sides, n)
        both = np.flatnonzero(np.maximum(one, two) < n)
        if len(both):
            some = rows[np.isin(side[rows] >> 1, both)]
            some = some[np.lexsort((some, times[some]))]
            rank_of_one, rank_of_two = _first_by_side(some, side, sides, n, np.arange(len(some)))
            one[both], two[both] = rank_of_one[both], rank_of_two[both]
        known = np.minimum(one, two) < n
        # Who asks is the client, who answers the server.
        found = one < two if kind == ClientEvidence.SYN_ACK else two < one
        client[known] = found[known]
        evidence[known] = kind
    rest = np.flatnonzero(evidence == ClientEvidence.FIRST_PACKET)
    if len(rest):
        _by_port(packets, rest, np.minimum(first[0::2], first[1::2])[rest], client, evidence)
    return client, evidence


def _first_by_side(
    rows: Array, side: Array, sides: int, none: int, value: Array | None = None
) -> tuple[Array, Array]:
    """First of `rows` (or its `value`) on either side of each connection, `none` without."""
    out = np.full(sides, none, np.int64)
    out[side[rows[::-1]]] = (rows if value is None else value)[::-1]
    return out[0::2], out[1::2]


def _by_port(packets: PacketTable, rest: Array, row: Array, client: Array, evidence: Array) -> None:
    """Without a handshake: the side with a server's port answers; without one, the lower port does.

    `rest` are the connections in question, `row` their first packets; `client` is who sent those, so far.
    """
    sender = client[rest]
    source = (packets.source[row] & np.uint64(0xFFFF)).astype(np.int64)
    destination = (packets.destination[row] & np.uint64(0xFFFF)).astype(np.int64)
    served = np.zeros(1 << 16, bool)
    served[:1024] = True
    served[list(SERVER_PORTS)] = True
    ephemeral = np.zeros(1 << 16, bool)
    ephemeral[32768:] = True
    ephemeral[list(SERVER_PORTS)] = False
    from_server = (served[source] & ~served[destination]) | (ephemeral[destination] & ~ephemeral[source])
    from_client = (served[destination] & ~served[source]) | (ephemeral[source] & ~ephemeral[destination])
    tell = from_server != from_client
    client[rest[tell]] = np.where(from_client, sender, 1 - sender)[tell]
    evidence[rest[tell]] = ClientEvidence.PORT
