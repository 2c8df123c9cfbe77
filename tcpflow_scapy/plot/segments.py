"""The segments of some streams as columns, as pictures need them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.flows.frames import packet_offsets, rows_of

if TYPE_CHECKING:
    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Sent:
    """Segments by stream, and in each stream by arrival. Columns of the same length."""

    row: Array
    """int64, rows of the `PacketTable`"""
    stream: Array
    """int64"""
    frame: Array
    """int64, 1-based"""
    time: Array
    """int64, ns"""
    wire: Array
    """int64, bytes of the frame on the wire, headers included"""

    def __len__(self) -> int:
        return len(self.row)


def sent(evidence: Evidence, streams: Array) -> Sent:
    """What the senders of these streams sent."""
    found, packets = evidence.reassembly, evidence.packets
    rows, stream = rows_of(found.streams.packet_start, streams)
    row = found.order[rows].astype(np.int64)
    frame = packets.frame[row].astype(np.int64)
    wire = evidence.frames.wirelen[frame].astype(np.int64)
    return Sent(row, stream.astype(np.int64), frame + 1, evidence.times[row], wire)


@dataclass(frozen=True, slots=True)
class Segments:
    """All segments of one stream, by arrival."""

    row: Array
    """int64, rows of the `PacketTable`, ascending"""
    frame: Array
    """int64, 1-based"""
    time: Array
    """int64, ns"""
    offset: Array
    """int64, stream offset of the first payload byte"""
    end: Array
    """int64, offset after the last payload byte according to the headers"""
    flags: Array
    window: Array
    """int64, unscaled"""
    kind: Array
    """uint8, `SegmentClass`"""
    sequence: Array
    """uint32"""
    acknowledgment: Array
    """uint32"""

    def __len__(self) -> int:
        return len(self.row)


def segments(evidence: Evidence, stream: int) -> Segments:
    """The segments of one stream."""
    found, packets = evidence.reassembly, evidence.packets
    low, high = found.streams.packet_start[stream : stream + 2].tolist()
    rows = np.arange(low, high)
    row = found.order[low:high].astype(np.int64)
    offset = packet_offsets(evidence, rows, np.full(high - low, stream))
    return Segments(
        row=row,
        frame=packets.frame[row].astype(np.int64) + 1,
        time=evidence.times[row],
        offset=offset,
        end=offset + packets.wire_length[row].astype(np.int64),
        flags=packets.flags[row],
        window=packets.window[row].astype(np.int64),
        kind=found.segment_class[low:high],
        sequence=packets.sequence[row],
        acknowledgment=packets.acknowledgment[row],
    )
