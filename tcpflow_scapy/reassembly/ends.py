"""How far each stream goes: by its data, its FIN, and by what the other side has of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.packets import FIN, RST, PacketTable
from tcpflow_scapy.reassembly.acknowledged import Heard, listen
from tcpflow_scapy.reassembly.acks import Acks, acknowledgments
from tcpflow_scapy.reassembly.columns import group_reduce, rows_of_groups
from tcpflow_scapy.reassembly.offsets import (
    Offsets,
    believed_flags,
    fin_offsets,
    highest_fins,
    without_payload,
)
from tcpflow_scapy.reassembly.windows import outside_windows

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(slots=True)
class Ends:
    """One value for each stream, int64, unless something else is said."""

    size: Array
    """highest offset known"""
    acknowledged: Array
    """highest offset that the peer acknowledged, -1 without any"""
    fin: Array
    """offset of the FIN, -1 where none is believed"""
    skipped: Array
    """bool: data stands behind the number that the FIN took; that number is not a byte"""
    flags: Array
    """uint16: all flags that are believed, or-ed"""
    outside: Array
    """index in `order`: packets outside of every window (`windows.outside_windows`)"""
    acks: Acks
    heard: Heard
    offsets: Offsets
    """without payload and FIN of those outside; data behind the number of a FIN moved up to it"""


def find_ends(
    packets: PacketTable, times: Array, order: Array, offsets: Offsets, max_gap: int, store: Store
) -> Ends:
    """Find the ends of all streams."""
    wire_end, fin = _data_ends(offsets), highest_fins(offsets)
    seen = _seen(wire_end, fin, max_gap)
    acks = acknowledgments(packets, order, offsets, seen + max_gap)
    answered = _answered(acks, fin, wire_end + max_gap)
    seen = np.where(answered == fin, np.maximum(seen, fin), seen)
    outside = outside_windows(packets, times, order, offsets, acks, np.maximum(seen, fin), store)
    if len(outside):
        offsets = without_payload(offsets, outside)
        wire_end, fin = _data_ends(offsets), highest_fins(offsets)
        seen = np.where(answered == fin, np.maximum(wire_end, fin), _seen(wire_end, fin, max_gap))
    heard = listen(packets, order, offsets, acks, seen, max_gap, store)
    fin = fin_offsets(offsets, fin, wire_end, heard.acknowledged)
    flags = believed_flags(offsets, wire_end, fin, max_gap)
    fin = np.where((fin <= wire_end + max_gap) | (fin == answered), np.maximum(fin, -1), -1)
    acknowledged = _without_fin(acks, heard, offsets, wire_end, fin, flags)
    offsets, skipped = _closed_up(offsets, wire_end, fin)
    wire_end = wire_end - skipped
    selective = np.where(fin >= 0, -1, heard.sacks.highest(len(fin)))
    size = np.maximum(np.maximum(wire_end, fin), np.maximum(acknowledged, selective))
    return Ends(size, acknowledged, fin, skipped, flags, outside, acks, heard, offsets)


def _answered(acks: Acks, fin: Array, limit: Array) -> Array:
    """The FINs above a limit, far behind all data, that the other side acknowledged exactly; -2 elsewhere."""
    out = np.full(len(fin), -2, np.int64)
    far = fin > limit
    if far.any():
        exact = acks.stream[far[acks.stream] & (acks.offset == fin[acks.stream] + 1)]
        out[exact] = fin[exact]
    return out


def _data_ends(offsets: Offsets) -> Array:
    """Offset after the data of each stream, as far as their headers were captured."""
    data = np.flatnonzero(offsets.wire > 0)
    end = offsets.start[data] + offsets.wire[data]
    streams = len(offsets.base)
    return np.maximum(group_reduce(np.maximum, end, offsets.stream[data], streams, 0), 0)


def _seen(wire_end: Array, fin: Array, max_gap: int) -> Array:
    """Data and FIN; FINs from nowhere do not count."""
    found: Array = np.where(fin <= wire_end + max_gap, np.maximum(wire_end, fin), wire_end)
    return found


def _without_fin(
    acks: Acks, heard: Heard, offsets: Offsets, wire_end: Array, fin: Array, flags: Array
) -> Array:
    """The number after a FIN is acknowledged, too, but it is not a byte.

    Where the FIN itself was not captured, the last number is taken for it if the peer closed, too, and either
    it is the one behind the data or the peer had acknowledged everything before it: at the end, one number
    alone is the FIN's.
    """
    acknowledged = heard.acknowledged
    peer_closed = (flags.reshape(-1, 2)[:, ::-1].reshape(-1) & (FIN | RST)) != 0
    own_reset = (flags & RST) != 0
    lost = (fin < 0) & (acknowledged > wire_end) & (peer_closed | own_reset)
    if lost.any():
        mine = acks.about(lost, offsets)
        mine = mine[heard.good[mine] & (acks.offset[mine] == acknowledged[acks.stream[mine]] - 1)]
        alone = np.zeros(len(lost), bool)
        alone[acks.stream[mine]] = True
        lost &= alone | (acknowledged == wire_end + 1)
    limit = np.where(fin >= 0, np.maximum(fin, wire_end), acknowledged - lost)
    found: Array = np.minimum(acknowledged, limit)
    return found


def _closed_up(offsets: Offsets, wire_end: Array, fin: Array) -> tuple[Offsets, Array]:
    """Data behind the number of a FIN moved to where it stands, unless data claim that number, too.

    Only where data follow at once: what comes far behind a FIN may be anything.

    Returns
    -------
    Offsets
    ndarray of bool
        The streams in which data were moved.
    """
    beyond = (fin >= 0) & (wire_end > fin + 1)
    beyond[list(offsets.unwrapped)] = False
    if not beyond.any():
        return offsets, beyond
    data = rows_of_groups(offsets.stream, beyond)
    data = data[offsets.wire[data] > 0]
    stream = offsets.stream[data]
    start, limit = offsets.start[data], fin[stream]
    claimed = (start <= limit) & (start + offsets.wire[data] > limit)
    follows = np.zeros(len(beyond), bool)
    follows[stream[start == limit + 1]] = True
    follows[stream[claimed]] = False
    beyond &= follows
    moved = offsets.start.copy()
    moved[data[(start > limit) & beyond[stream]]] -= 1
    return replace(offsets, start=moved), beyond
