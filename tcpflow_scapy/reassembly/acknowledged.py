"""What the other side said of a stream: how far it has it, and what it has beyond.

A single packet can claim anything, and can be forged. An acknowledgment counts if it lies within a
window of what was seen, or if another packet says much the same; a copy of the same packet does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.options import tcp_options
from tcpflow_scapy.decode.packets import SYN, PacketTable
from tcpflow_scapy.reassembly.acks import Acks
from tcpflow_scapy.reassembly.columns import group_reduce
from tcpflow_scapy.reassembly.offsets import Offsets
from tcpflow_scapy.reassembly.sequence import distances
from tcpflow_scapy.reassembly.support import LEAST_WINDOW, supported
from tcpflow_scapy.reassembly.windows import advertised_windows

Array = np.ndarray[Any, np.dtype[Any]]

_SACK_HEADER = 32
"""No shorter header holds a block: a multiple of 4 bytes, from 20 + 10 (RFC 2018, 3)."""

_BLOCK = 8


@dataclass(slots=True)
class Sacks:
    """Blocks of selective acknowledgments (RFC 2018)."""

    row: Array
    """int64, index in `order` of the packet that said so"""
    stream: Array
    """int64, whose bytes are acknowledged"""
    start: Array
    """int64, stream offsets, half open"""
    end: Array

    def highest(self, streams: int) -> Array:
        """The highest offset in a block about each stream: int64[streams], -1 without any."""
        out = np.full(streams, -1, np.int64)
        np.maximum.at(out, self.stream, self.end)
        return out

    def without(self, rows: Array) -> Sacks:
        """All but some blocks."""
        kept = np.ones(len(self.row), bool)
        kept[rows] = False
        return Sacks(self.row[kept], self.stream[kept], self.start[kept], self.end[kept])


@dataclass(slots=True)
class Heard:
    """What is believed of it."""

    acknowledged: Array
    """int64[streams]: highest offset acknowledged, -1 without any"""
    good: Array
    """bool, for each of `Acks`: those that count"""
    unseen: Array
    """int64, index in `order`: packets whose acknowledgment nothing supports"""
    sacks: Sacks


def listen(
    packets: PacketTable,
    order: Array,
    offsets: Offsets,
    acks: Acks,
    seen: Array,
    max_gap: int,
    store: Store,
) -> Heard:
    """Sift the acknowledgments of all streams.

    Parameters
    ----------
    seen : ndarray of int64
        For each stream the offset after its data and FIN, as far as these were captured.
    max_gap : int
        Acknowledgments further than this beyond everything else are never believed.
    """
    streams = len(seen)
    stream, offset = acks.stream, acks.offset
    sacks = selective(packets, order, offsets, unusually_long(packets, acks, offsets), store)
    good = offset >= 0
    stray = offset < -LEAST_WINDOW
    if stray.any():
        stray &= offsets.isn[stream] >= 0
    if offsets.unwrapped:
        long = np.zeros(streams, bool)
        long[list(offsets.unwrapped)] = True
        stray &= ~long[stream]
        good &= ~long[stream] | (offset <= seen[stream] + max_gap)
    told = acks.highest(streams, good if offsets.unwrapped else None)
    suspect = np.maximum(told, sacks.highest(streams)) > seen + LEAST_WINDOW
    suspect[list(offsets.unwrapped)] = False
    if suspect.any():
        blocks = np.flatnonzero(suspect[sacks.stream])
        sure = acks.about(suspect, offsets)
        sure = sure[good[sure]]
        far = sure[offset[sure] > seen[stream[sure]] + LEAST_WINDOW]
        windows = advertised_windows(
            packets, order, offsets, suspect, store, unknown=0, doubtful=acks.row[far]
        )
        found = supported(
            np.concatenate((stream[sure], sacks.stream[blocks])),
            np.concatenate((offset[sure], sacks.end[blocks])),
            _identity(packets, order, np.concatenate((acks.row[sure], sacks.row[blocks]))),
            seen,
            windows,
            max_gap,
        )
        good[sure] = found[: len(sure)]
        stray[sure] = ~found[: len(sure)]
        told = acks.highest(streams, good)
        sacks = sacks.without(blocks[~found[len(sure) :]])
    return Heard(told, good, acks.row[stray], sacks)


def _identity(packets: PacketTable, order: Array, rows: Array) -> tuple[Array, ...]:
    """Columns that are the same for copies of one packet."""
    row = order[rows]
    names = ("sequence", "acknowledgment", "flags", "window", "wire_length")
    return tuple(getattr(packets, name)[row] for name in names)


def unusually_long(packets: PacketTable, acks: Acks, offsets: Offsets) -> Array:
    """Packets whose header is longer, by a block at least, than others of their stream.

    Reading the options of every packet would cost more than all the rest.
    """
    size = packets.data_offset[acks.packet].astype(np.int16)
    grows = np.flatnonzero((size[1:] >= size[:-1] + _BLOCK) & (size[1:] >= _SACK_HEADER))
    grows = grows[acks.stream[grows] == acks.stream[grows + 1]]
    if not len(grows):
        return np.empty(0, np.int64)
    some = np.zeros(len(offsets.base), bool)
    some[acks.stream[grows]] = True
    every = acks.about(some, offsets)
    every = every[(offsets.flags[acks.row[every]] & SYN) == 0]
    sender = offsets.stream[acks.row[every]]
    usual = group_reduce(np.minimum, size[every], sender, len(offsets.base), 0)[sender]
    longer = (size[every] >= usual + _BLOCK) & (size[every] >= _SACK_HEADER)
    found: Array = acks.row[every[longer]]
    return found


def blocks_about(packets: PacketTable, acks: Acks, offsets: Offsets, wanted: Array) -> Array:
    """All packets that may hold blocks about the streams `wanted` (bool)."""
    rows = acks.about(wanted, offsets)
    rows = rows[packets.data_offset[acks.packet[rows]] >= _SACK_HEADER]
    found: Array = acks.row[rows][(offsets.flags[acks.row[rows]] & SYN) == 0]
    return found


def selective(packets: PacketTable, order: Array, offsets: Offsets, rows: Array, store: Store) -> Sacks:
    """The blocks in some packets; those that end before they begin, or lie before offset 0, are left out."""
    if not len(rows):
        none = np.empty(0, np.int64)
        return Sacks(none, none, none, none)
    options = tcp_options(packets, order[rows], store)
    count = options["sack_count"].astype(np.int64)
    which, block = np.nonzero(np.arange(options["sack_left"].shape[1]) < count[:, None])
    row = rows[which]
    sender = offsets.stream[row].astype(np.int64)
    stream = np.where(offsets.with_itself[sender], sender, sender ^ 1)
    left, right = options["sack_left"][which, block], options["sack_right"][which, block]
    start = distances(left, offsets.base[stream])
    end = start + distances(right, left)
    start = np.maximum(start, 0)
    # 32 bits do not tell where in a stream that goes round the circle a block lies.
    good = (end > start) & ~np.isin(stream, list(offsets.unwrapped))
    return Sacks(row[good], stream[good], start[good], end[good])
