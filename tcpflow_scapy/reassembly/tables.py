"""What reassembly yields: columns of connections, streams, extents, gaps, conflicts and segments.

Row `2 * k` of the stream columns is what the client of connection `k` sent, row `2 * k + 1` what its server
sent. ``x_start`` columns of length n + 1 say where the rows of each stream begin in table x.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class SegmentClass(IntEnum):
    """What a segment was, in order of arrival (after Wireshark's analysis and RFC 9293)."""

    ACK = 0
    """nothing but an acknowledgment"""
    SYN = 1
    """the first of its number; one sent again is a retransmission, as is a FIN"""
    FIN = 2
    """a FIN without data"""
    RST = 3
    NEW = 4
    RETRANSMISSION = 5
    """all of its bytes were seen before, or they were sent again after a loss before the capture"""
    PARTIAL_OVERLAP = 6
    """some of its bytes were seen before"""
    OUT_OF_ORDER = 7
    """bytes that were not seen before, but later ones were, and nothing says that they were sent again"""
    KEEP_ALIVE = 8
    """at most one byte, just before the next expected one (RFC 9293, 3.8.4)"""
    ZERO_WINDOW_PROBE = 9
    """one byte sent into a closed window (RFC 9293, 3.8.6.1)"""
    RST_PAYLOAD = 10
    """bytes of a RST explain it; they are not stream data (RFC 1122, 4.2.2.12)"""
    BEFORE_START = 11
    """all of its bytes lie before offset 0"""
    AFTER_FIN = 12
    """bytes numbered after the FIN"""
    BAD_CHECKSUM = 13
    """its checksum is wrong, and a copy with a right one says otherwise; not stream data"""
    ACK_OF_UNSEEN = 14
    """acknowledges what nothing else says was ever sent; it is not believed"""
    OUT_OF_WINDOW = 15
    """beyond every window that the receiver offered later; not stream data (RFC 9293, 3.10.7.4)"""

    @property
    def label(self) -> str:
        """The word in DataFrames."""
        return self.name.lower()


class GapCause(IntEnum):
    """Why bytes are missing."""

    TRUNCATED = 0
    """cut off by the capture's snaplen"""
    NOT_CAPTURED = 1
    """the peer acknowledged them, so they did travel"""
    NOT_ACKNOWLEDGED = 2
    """no sign that they ever arrived"""
    FRAGMENT_MISSING = 3
    """the IP fragment that carried them is not in the capture"""

    @property
    def label(self) -> str:
        """The word in DataFrames."""
        return self.name.lower()


class ClientEvidence(IntEnum):
    """From what the client of a connection is known."""

    SYN = 0
    SYN_ACK = 1
    PORT = 2
    """one port is a server's (below 1024, or well known), the other is not"""
    FIRST_PACKET = 3

    @property
    def label(self) -> str:
        """The word in DataFrames."""
        return self.name.lower()


@dataclass(slots=True)
class ConnectionTable:
    """One row for each connection, in order of first packet."""

    pair: Array
    """int32: connections of one pair of endpoints (and tunnel) have the same number"""
    client_evidence: Array
    """uint8, `ClientEvidence`"""
    encapsulation: Array
    """int32: of the first packet"""
    first: Array
    """int32: row of the first packet in the `PacketTable`"""
    start: Array
    """int64: earliest time of a packet, ns"""
    end: Array
    """int64: latest time of a packet, ns"""

    def __len__(self) -> int:
        return len(self.pair)


@dataclass(slots=True)
class StreamTable:
    """Two rows for each connection."""

    address: Array
    """uint64: address code << 16 | port of the sender"""
    isn: Array
    """int64: sequence number of the SYN, -1 where none was seen"""
    base: Array
    """uint32: sequence number of offset 0"""
    end: Array
    """int64: offset after the last captured byte"""
    size: Array
    """int64: highest offset known, also from headers, acknowledgments and the FIN"""
    captured: Array
    """int64: distinct bytes captured"""
    acknowledged: Array
    """int64: highest offset that the peer acknowledged, -1 without any"""
    fin: Array
    """int64: offset of the FIN, -1 where none was seen"""
    fin_skipped: Array
    """bool: data follows the number that the FIN took, which is not a byte"""
    flags: Array
    """uint16: all flags seen, or-ed; those of resets and FINs with implausible numbers are left out"""
    packets: Array
    """int64"""
    data_packets: Array
    """int64: packets with payload"""
    wire_bytes: Array
    """int64: payload of all packets on the wire, retransmissions included"""
    retransmitted: Array
    """int64: payload bytes that had been seen before"""
    out_of_order: Array
    """int64: segments"""
    first_time: Array
    """int64, ns: of the first packet in the direction; NO_TIME without any"""
    last_time: Array
    """int64, ns"""
    packet_start: Array
    extent_start: Array
    gap_start: Array
    conflict_start: Array

    def __len__(self) -> int:
        return len(self.address)


@dataclass(slots=True)
class ExtentTable:
    """Runs of captured bytes, by stream and offset; disjoint."""

    offset: Array
    """int64"""
    length: Array
    """uint32"""
    address: Array
    """int64: store address of the first byte"""
    packet: Array
    """int32: row in the `PacketTable`"""


@dataclass(slots=True)
class GapTable:
    """Runs of missing bytes, by stream and offset."""

    start: Array
    """int64"""
    end: Array
    """int64"""
    cause: Array
    """uint8, `GapCause`"""


@dataclass(slots=True)
class ConflictTable:
    """Runs of bytes seen with other contents than those delivered, by stream and offset."""

    start: Array
    """int64"""
    end: Array
    """int64"""
    packet: Array
    """int32: the packet that contradicts"""
    winner: Array
    """int32: the packet whose bytes are delivered"""


@dataclass(slots=True)
class Reassembly:
    """Everything that reassembly found."""

    connections: ConnectionTable
    streams: StreamTable
    order: Array
    """int32: rows of the `PacketTable`, by stream and arrival"""
    segment_class: Array
    """uint8, `SegmentClass`, in the order of `order`"""
    extents: ExtentTable
    gaps: GapTable
    conflicts: ConflictTable
    unwrapped: dict[int, Array]
    """offsets of the packets of streams that are longer than 2**31 (int64, in the order of `order`)"""
