"""Offsets in streams that reach further than signed 32-bit distances can order; all of them at once.

Anybody can make such streams of a few packets each, so there is no loop over those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.reassembly.columns import first_rows, group_reduce, starts_of
from tcpflow_scapy.reassembly.sequence import MODULUS, after_widest_holes, distance, distances, unwrap
from tcpflow_scapy.reassembly.unwrapping import along

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(slots=True)
class LongStreams:
    """Packets of long streams, by stream. Streams are numbered from 0."""

    stream: Array
    """int64: of each packet, ascending"""
    number: Array
    """uint32: sequence number of its first byte"""
    wire: Array
    """int64: its payload"""
    syn: Array
    reset: Array
    """bool"""
    time: Array
    """int64: ns"""
    ack_stream: Array
    """int64: stream that each acknowledgment speaks of, ascending"""
    ack: Array
    """uint32"""
    ack_time: Array
    """int64: ns"""
    reference: Array
    """uint32: sequence number of each stream from which offsets count"""
    known: Array
    """bool: it is that of offset 0"""

    def place(self, max_gap: int) -> tuple[Array, list[Array | None]]:
        """Offsets of the packets, and of the acknowledgments of each stream where the clock tells them."""
        count = len(self.reference)
        leads = ((self.wire > 1) | self.syn) & ~self.reset
        position, usable = along(
            np.concatenate((self.stream, self.ack_stream)),
            np.concatenate((self.time, self.ack_time)),
            np.concatenate((self.number, self.ack)),
            np.concatenate((leads, np.ones(len(self.ack), bool))),
            count,
        )
        packets = len(self.stream)
        begins = np.flatnonzero(np.where(self.known[self.stream], self.syn, self.wire > 0))
        begins = begins[first_rows(self.stream[begins])]
        zero = np.zeros(count, np.int64)
        zero[self.stream[begins]] = position[begins]
        position[:packets] -= zero[self.stream]
        position[packets:] -= zero[self.ack_stream]
        if not usable.all():
            rows = np.flatnonzero(~usable[self.stream])
            position[rows] = self._by_numbers(rows, max_gap)
        starts = (packets + starts_of(self.ack_stream, count)).tolist()
        told: list[Array | None] = [
            position[low:high] if good else None
            for low, high, good in zip(starts, starts[1:], usable.tolist(), strict=False)
        ]
        return position[:packets], told

    def _by_numbers(self, rows: Array, max_gap: int) -> Array:
        """Of some streams' packets, whose times do not tell the way.

        As long as part of the circle is empty, the place of a byte does not depend on arrival. Streams that
        go all the way round are followed packet by packet, each the shorter way from the one before.
        """
        stream, number, wire = self.stream[rows], self.number[rows].astype(np.int64), self.wire[rows]
        count = len(self.reference)
        carrying = np.flatnonzero(wire > 0)
        cut = after_widest_holes(stream[carrying], number[carrying], wire[carrying], count, max_gap)
        position = (number - cut[stream]) % MODULUS
        # What carries no data may lie on either side of the stream: the nearer one.
        ends = (position + wire)[carrying]
        reach = group_reduce(np.maximum, ends, stream[carrying], count, 0)
        position[(wire == 0) & (position > (reach[stream] + MODULUS) // 2)] -= MODULUS
        reference = self.reference.astype(np.int64)
        shift = np.where(
            self.known,
            distances(cut.astype(np.uint32), self.reference),
            -((reference - cut) % MODULUS),
        )
        position += shift[stream]
        # These have hundreds of packets each, more than 2**32 / max_gap.
        full = stream[first_rows(stream)]
        for index in full[cut[full] < 0].tolist():
            low, high = np.searchsorted(stream, (index, index + 1)).tolist()
            mine = rows[low:high]
            reference_of = int(self.reference[index])
            position[low:high] = _followed(self.number[mine], self.reset[mine], reference_of)
        return position


def _followed(numbers: Array, reset: Array, reference: int) -> Array:
    """Offsets by arrival.

    A forged reset must not lead the way: resets are placed by the packet before them.
    """
    follow = np.flatnonzero(~reset)
    walked = unwrap(numbers[follow]) + distance(int(numbers[follow[0]]), reference)
    guide = np.maximum(np.searchsorted(follow, np.arange(len(numbers)), side="right") - 1, 0)
    found: Array = walked[guide] + distances(numbers, numbers[follow[guide]])
    return found
