"""The acknowledgment number of every packet, as an offset in the stream that it speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import ACK, RST, PacketTable
from tcpflow_scapy.reassembly.columns import first_rows, rows_of_groups
from tcpflow_scapy.reassembly.offsets import Offsets
from tcpflow_scapy.reassembly.sequence import MODULUS, distances, unwrap

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(slots=True)
class Acks:
    """One row for each packet with an acknowledgment that is not a reset."""

    row: Array
    """int64, index in `Grouping.order`"""
    packet: Array
    """int64: row of the `PacketTable`"""
    stream: Array
    """int32: whose bytes are acknowledged"""
    offset: Array
    """int64: of the next byte expected"""

    def highest(self, streams: int, good: Array | None = None) -> Array:
        """Highest acknowledged offset of each stream (by the `good` ones): int64[streams], -1 without any."""
        out = np.full(streams, -1, np.int64)
        # Packets come by stream, so what they speak of is in runs.
        heads = np.flatnonzero(first_rows(self.stream))
        if len(heads):
            offset = self.offset if good is None else np.where(good, self.offset, -1)
            out[self.stream[heads]] = np.maximum(np.maximum.reduceat(offset, heads), -1)
        return out

    def about(self, wanted: Array, offsets: Offsets) -> Array:
        """Rows that speak of the streams `wanted` (bool)."""
        sent = rows_of_groups(offsets.stream, receivers(offsets, wanted))
        at = np.searchsorted(self.row, sent)
        inside = at < len(self.row)
        found: Array = at[inside][self.row[at[inside]] == sent[inside]]
        return found


def receivers(offsets: Offsets, wanted: Array) -> Array:
    """bool: the streams that the receivers of the wanted ones send."""
    found: Array = np.where(offsets.with_itself, wanted, wanted.reshape(-1, 2)[:, ::-1].reshape(-1))
    return found


def acknowledgments(packets: PacketTable, order: Array, offsets: Offsets, limit: Array) -> Acks:
    """All of them.

    Parameters
    ----------
    limit : ndarray of int64
        How far an acknowledgment of each stream can be meant, where it reaches round the circle.
    """
    rows = np.flatnonzero((offsets.flags & (ACK | RST)) == ACK)
    packet = order[rows]
    numbers = packets.acknowledgment[packet]
    alike = offsets.with_itself
    sender = offsets.stream[rows]
    stream = sender ^ ~alike[sender] if alike.any() else sender ^ 1
    offset = distances(numbers, offsets.base[stream])
    long = np.array(list(offsets.unwrapped), np.int64)
    teller = np.where(alike[long], long, long ^ 1)
    bounds = np.searchsorted(sender, np.stack((teller, teller + 1), axis=1)).tolist()
    for number, (low, high) in zip(long.tolist(), bounds, strict=True):
        mine = slice(low, high)
        if number in offsets.acknowledged:
            offset[mine] = offsets.acknowledged[number]
        elif low < high and limit[number] < MODULUS:
            offset[mine] = (numbers[mine].astype(np.int64) - int(offsets.base[number])) % MODULUS
        elif low < high:
            offset[mine] = unwrap(numbers[mine]) + int(offset[low])
    return Acks(rows, packet, stream, offset)
