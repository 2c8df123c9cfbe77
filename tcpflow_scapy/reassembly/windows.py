"""How much a receiver takes at a time, and what therefore it cannot have taken."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.options import tcp_options
from tcpflow_scapy.decode.packets import FIN, RST, SYN, PacketTable
from tcpflow_scapy.reassembly.acks import Acks, receivers
from tcpflow_scapy.reassembly.columns import rows_of_groups
from tcpflow_scapy.reassembly.offsets import Offsets
from tcpflow_scapy.reassembly.support import LEAST_WINDOW, furthest_before

Array = np.ndarray[Any, np.dtype[Any]]

_MOST_SHIFT = 14
"""RFC 7323, 2.3"""


def advertised_windows(
    packets: PacketTable,
    order: Array,
    offsets: Offsets,
    wanted: Array,
    store: Store,
    *,
    unknown: int,
    doubtful: Array,
) -> Array:
    """The widest window that the receiver of each stream offered, scaled.

    Parameters
    ----------
    wanted : ndarray of bool
        Streams in question; the others get `LEAST_WINDOW`.
    unknown : int
        Shift count where the receiver's SYN was not captured.
    doubtful : ndarray of int64
        Index in `order` of packets that are not asked: nobody speaks for himself.
    """
    shift = window_shifts(packets, order, offsets, wanted, store, unknown)
    rows = rows_of_groups(offsets.stream, receivers(offsets, wanted))
    rows = rows[((offsets.flags[rows] & (SYN | RST)) == 0) & ~np.isin(rows, doubtful)]
    widest = np.zeros(len(wanted), np.int64)
    np.maximum.at(widest, _receivers_of(offsets, offsets.stream[rows]), packets.window[order[rows]])
    found: Array = np.maximum(widest << shift, LEAST_WINDOW)
    return found


def window_shifts(
    packets: PacketTable, order: Array, offsets: Offsets, wanted: Array, store: Store, unknown: int
) -> Array:
    """Shift count of the windows that the receiver of each wanted stream offers (RFC 7323, 2)."""
    out = np.full(len(wanted), unknown, np.int64)
    rows = rows_of_groups(offsets.stream, receivers(offsets, wanted))
    rows = rows[(offsets.flags[rows] & (SYN | RST)) == SYN]
    shift = tcp_options(packets, order[rows], store)["window_scale"].astype(np.int64)
    out[_receivers_of(offsets, offsets.stream[rows])] = np.clip(shift, 0, _MOST_SHIFT)
    return out


def _receivers_of(offsets: Offsets, stream: Array) -> Array:
    """Which stream the sender of `stream` receives."""
    stream = stream.astype(np.int64)
    found: Array = np.where(offsets.with_itself[stream], stream, stream ^ 1)
    return found


def outside_windows(
    packets: PacketTable, times: Array, order: Array, offsets: Offsets, acks: Acks, seen: Array, store: Store
) -> Array:
    """Data and FINs so far ahead that their receiver, by what it said *later*, cannot have taken them.

    A window never moves back (RFC 9293, 3.8.6.2.1), so the last one says how far the sender could go. Where
    nothing is heard afterwards, or the scale of windows is unknown, nothing is left out; without a clock
    it is not known what is later.

    Parameters
    ----------
    times : ndarray of int64
        Of all packets, ns.
    seen : ndarray of int64
        For each stream the offset after its data and FIN.

    Returns
    -------
    ndarray of int64
        Index in `order`, ascending.
    """
    none = np.empty(0, np.int64)
    if not (seen > LEAST_WINDOW).any():
        return none
    told = acks.highest(len(seen), acks.offset <= seen[acks.stream] + 1)
    suspect = (told >= 0) & (seen > told + LEAST_WINDOW)
    suspect[list(offsets.unwrapped)] = False
    if not suspect.any():
        return none
    data = rows_of_groups(offsets.stream, suspect)
    data = data[(offsets.wire[data] > 0) | ((offsets.flags[data] & (FIN | RST)) == FIN)]
    heard = acks.about(suspect, offsets)
    row, stream = acks.packet[heard], acks.stream[heard].astype(np.int64)
    shift = window_shifts(packets, order, offsets, suspect, store, _MOST_SHIFT)
    scaled = packets.window[row].astype(np.int64) << shift[stream]
    edge = acks.offset[heard] + np.maximum(scaled, LEAST_WINDOW)
    when, heard_when = times[order[data]], times[row]
    usable = (heard_when != NO_TIME) & (edge >= 0)
    later = furthest_before(
        offsets.stream[data].astype(np.int64), -when, stream[usable], -heard_when[usable], edge[usable]
    )
    found: Array = data[(when != NO_TIME) & (later >= 0) & (offsets.start[data] > later)]
    return found
