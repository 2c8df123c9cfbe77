"""What each segment was, judged in the order of arrival (after Wireshark's TCP analysis)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.packets import ACK, FIN, RST, SYN, PacketTable
from tcpflow_scapy.reassembly.assembler import DUPLICATE, PARTIAL
from tcpflow_scapy.reassembly.ends import Ends
from tcpflow_scapy.reassembly.numbering import first_equal
from tcpflow_scapy.reassembly.offsets import Offsets
from tcpflow_scapy.reassembly.probes import Probes, running
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
    base: Array,
    probes: Probes,
    arrivals: Arrivals,
    store: Store,
) -> Array:
    """`SegmentClass` of every packet.

    Parameters
    ----------
    times : ndarray of int64
        Of all packets, ns.
    base : ndarray of int64
        Place of offset 0 of each stream on the axis.
    """
    offsets = ends.offsets
    flags, stream = offsets.flags, offsets.stream
    out = np.zeros(len(order), np.uint8)
    out[(flags & FIN) != 0] = SegmentClass.FIN
    out[(flags & SYN) != 0] = SegmentClass.SYN
    reset = (flags & RST) != 0
    out[reset] = SegmentClass.RST
    out[np.flatnonzero(reset)[packets.wire_length[order[reset]] > 0]] = SegmentClass.RST_PAYLOAD
    place = base[stream]
    at = offsets.start + place
    data = offsets.wire > 0
    out[data] = SegmentClass.NEW
    reached = _behind_fins(offsets, ends.fin, place, probes.before)
    late = np.flatnonzero(data & (np.maximum(at, place) < reached))
    out[late] = SegmentClass.OUT_OF_ORDER
    unseen = late[arrivals.duplicate[late] == 0]
    resent = sent_again(packets, times, order, offsets, unseen, store)
    out[resent] = SegmentClass.RETRANSMISSION
    out[arrivals.duplicate == DUPLICATE] = SegmentClass.RETRANSMISSION
    out[arrivals.duplicate == PARTIAL] = SegmentClass.PARTIAL_OVERLAP
    out[_repeated(packets, order, offsets, out)] = SegmentClass.RETRANSMISSION
    out[probes.keep_alive] = SegmentClass.KEEP_ALIVE
    before = probes.before
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


def _behind_fins(offsets: Offsets, fin: Array, place: Array, before: Array) -> Array:
    """`before`, for the FIN says that everything below it was sent, even where it carries no data itself."""
    bare = ((offsets.flags & (FIN | RST)) == FIN) & (offsets.wire == 0)
    bare &= offsets.start == fin[offsets.stream]
    if not bare.any():
        return before
    end = np.where(bare, offsets.start + place, place)
    found: Array = np.maximum(before, running(end, offsets.stream, place))
    return found


def _repeated(packets: PacketTable, order: Array, offsets: Offsets, out: Array) -> Array:
    """SYNs and FINs without new data whose number was used by one before."""
    rows = np.flatnonzero((out == SegmentClass.SYN) | (out == SegmentClass.FIN))
    # The FIN may have come with data before, which is of another class.
    every = np.flatnonzero((offsets.flags & (SYN | FIN)) & ((offsets.flags & RST) == 0).astype(np.uint16) * 3)
    every = np.union1d(rows, every)
    kind = offsets.flags[every] & (SYN | FIN | ACK)
    kind[(kind & SYN) == 0] = FIN
    number = packets.sequence[order[every]] + offsets.wire[every].astype(np.uint32)
    key = offsets.stream[every].astype(np.int64) << 32 | number
    first = first_equal(key.astype(np.uint64), kind)
    again = every[first != np.arange(len(every))]
    found: Array = again[np.isin(out[again], (SegmentClass.SYN, SegmentClass.FIN))]
    return found
