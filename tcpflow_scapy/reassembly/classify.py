"""What each segment was, judged in the order of arrival (after Wireshark's TCP analysis)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.packets import ACK, FIN, RST, SYN, PacketTable
from tcpflow_scapy.reassembly.assembler import DUPLICATE, PARTIAL
from tcpflow_scapy.reassembly.columns import rows_of_groups
from tcpflow_scapy.reassembly.ends import Ends
from tcpflow_scapy.reassembly.numbering import first_equal
from tcpflow_scapy.reassembly.offsets import Offsets
from tcpflow_scapy.reassembly.probes import Probes
from tcpflow_scapy.reassembly.resent import sent_again
from tcpflow_scapy.reassembly.tables import SegmentClass

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(slots=True)
class Arrivals:
    """What was new of each packet when it came, whatever snaplen left of it."""

    duplicate: Array
    """uint8: NEW, DUPLICATE or PARTIAL, as the assembler says"""
    again: Array
    """int64: bytes that had been seen before"""


def classify(
    packets: PacketTable,
    times: Array,
    order: Array,
    ends: Ends,
    probes: Probes,
    arrivals: Arrivals,
    store: Store,
) -> Array:
    """`SegmentClass` of every packet.

    Parameters
    ----------
    times : ndarray of int64
        Of all packets, ns.
    """
    offsets = ends.offsets
    flags, stream = offsets.flags, offsets.stream
    out = np.zeros(len(order), np.uint8)
    out[(flags & FIN) != 0] = SegmentClass.FIN
    out[(flags & SYN) != 0] = SegmentClass.SYN
    reset = (flags & RST) != 0
    out[reset] = SegmentClass.RST
    out[np.flatnonzero(reset)[packets.wire_length[order[reset]] > 0]] = SegmentClass.RST_PAYLOAD
    at, place, before = probes.at, probes.place, probes.before
    data = offsets.wire > 0
    out[data] = SegmentClass.NEW
    overtaken = data & (np.maximum(at, place) < before)
    overtaken[_below_fins(offsets, ends.fin, data)] = True
    late = np.flatnonzero(overtaken)
    out[late] = SegmentClass.OUT_OF_ORDER
    unseen = late[arrivals.duplicate[late] == 0]
    resent = sent_again(packets, times, order, offsets, probes, unseen, store)
    out[resent] = SegmentClass.RETRANSMISSION
    out[arrivals.duplicate == DUPLICATE] = SegmentClass.RETRANSMISSION
    out[arrivals.duplicate == PARTIAL] = SegmentClass.PARTIAL_OVERLAP
    for flag, kind in ((SYN, SegmentClass.SYN), (FIN, SegmentClass.FIN)):
        again = _repeated(packets, order, offsets, flag)
        out[again[out[again] == kind]] = SegmentClass.RETRANSMISSION
    out[probes.keep_alive] = SegmentClass.KEEP_ALIVE
    bare = ~data & ((flags & (SYN | FIN | RST)) == 0) & (at == before - 1) & (before > place)
    out[bare] = SegmentClass.KEEP_ALIVE
    out[data & (offsets.start + offsets.wire <= 0) & ~probes.keep_alive] = SegmentClass.BEFORE_START
    ended = ends.fin[stream]
    out[data & (ended >= 0) & (offsets.start >= ended) & ~probes.keep_alive] = SegmentClass.AFTER_FIN
    out[probes.zero_window[out[probes.zero_window] == SegmentClass.NEW]] = SegmentClass.ZERO_WINDOW_PROBE
    strange = ends.heard.unseen
    out[strange[np.isin(out[strange], (SegmentClass.ACK, SegmentClass.KEEP_ALIVE))]] = (
        SegmentClass.ACK_OF_UNSEEN
    )
    out[ends.outside] = SegmentClass.OUT_OF_WINDOW
    return out


def _below_fins(offsets: Offsets, fin: Array, data: Array) -> Array:
    """Data that come after the FIN that ends them: they were sent before it, even if it carries none."""
    bare = np.flatnonzero(((offsets.flags & (FIN | RST)) == FIN) & (offsets.wire == 0))
    bare = bare[offsets.start[bare] == fin[offsets.stream[bare]]]
    # Mostly what follows is of another stream, or carries nothing.
    nearest = np.minimum(bare + 1, len(data) - 1)
    bare = bare[(offsets.stream[nearest] == offsets.stream[bare]) & (nearest > bare)]
    full = np.flatnonzero(data)
    place = np.searchsorted(full, bare)
    bare = bare[place < len(full)]
    bare = bare[offsets.stream[full[place[: len(bare)]]] == offsets.stream[bare]]
    if not len(bare):
        return np.empty(0, np.int64)
    first = np.full(len(fin), len(data))
    np.minimum.at(first, offsets.stream[bare], bare)
    rows = rows_of_groups(offsets.stream, first < len(data))
    stream = offsets.stream[rows]
    below = data[rows] & (rows > first[stream]) & (offsets.start[rows] < fin[stream])
    found: Array = rows[below]
    return found


def _repeated(packets: PacketTable, order: Array, offsets: Offsets, flag: int) -> Array:
    """SYNs, or FINs, whose number was used by one before."""
    rows = np.flatnonzero((offsets.flags & (flag | RST)) == flag)
    group = offsets.stream[rows]
    several = np.zeros(len(offsets.base), bool)
    several[group[1:][group[1:] == group[:-1]]] = True
    rows = rows[several[group]]
    if not len(rows):
        return rows
    number = packets.sequence[order[rows]] + (offsets.wire[rows] if flag == FIN else 0)
    key = (offsets.stream[rows].astype(np.uint64) << np.uint64(32)) | number.astype(np.uint32)
    # A SYN and a SYN-ACK of one side are not the same.
    found: Array = rows[first_equal(key, offsets.flags[rows] & (flag | ACK)) < np.arange(len(rows))]
    return found
