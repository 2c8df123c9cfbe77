"""802.11 frames without any capture header (IEEE 802.11, 9.2 and 9.3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.pieces import Kind, tagged
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .llc import llc

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype(
    [("control", "u1"), ("flags", "u1"), ("duration", "V2"), ("receiver_high", ">u2"), ("receiver", ">u4")]
    + [("transmitter_high", ">u2"), ("transmitter", ">u4"), ("third", "V6"), ("sequence", "<u2")]
)
SUBFRAME = np.dtype([("addresses", "V12"), ("length", ">u2")])
MESH_SIZE, MESH_ADDRESS_SIZE = 6, 6

TYPE_MASK, TYPE_DATA = 0x0C, 0x08
NO_DATA, QOS = 0x40, 0x80
TO_SYSTEM, FROM_SYSTEM, MORE_FRAGMENTS, PROTECTED, ORDER = 0x01, 0x02, 0x04, 0x40, 0x80
FRAGMENT_NUMBER = 0x000F
AGGREGATED = 0x80
"""In the first byte of the QoS control field: several packets in one frame (A-MSDU)"""
TRAFFIC_ID = 0x0F
MESH_PRESENT = 0x01
"""In its second byte, where the frame is one between mesh stations (IEEE 802.11, 9.2.4.5); elsewhere the
byte means other things, so the mesh control field is looked at too"""
MESH_ADDRESSES = 0x03
"""In the first byte of the mesh control field: how many addresses follow; 3 and other bits are reserved"""

CHECK_SIZE = 4
"""The frame check sequence, where a capture has it"""

MAX_SUBFRAMES = 256
"""An aggregate has at most 11,454 bytes (IEEE 802.11, 9.2.4.7.1), and a packet needs some 60"""

LABEL = Label("wlan", ethernet=True)

SNAP_START = 0xAAAA0300
VECTOR_SIZES = (0, 4, 8)
"""Of no vector, WEP's, TKIP's and CCMP's"""

_U1, _U4 = np.dtype("u1"), np.dtype(">u4")
_QOS = np.dtype([("low", "u1"), ("high", "u1")])
_FACTS = np.dtype(
    [("flags", "u1"), ("sequence", "u2"), ("priority", "u1"), ("aggregated", "?"), ("meshed", "?")]
)


def wlan(run: Run, items: Items) -> None:
    """Data frames go on to LLC."""
    _wlan(run, items)


def wlan_checked(run: Run, items: Items) -> None:
    """The check sequence stands at the end, which only matters where a frame is in fragments."""
    _wlan(run, items, trailer=CHECK_SIZE)


def wlan_padded(run: Run, items: Items) -> None:
    """The driver padded the header to a multiple of four bytes."""
    _wlan(run, items, padded=True)


def wlan_padded_checked(run: Run, items: Items) -> None:
    """Both."""
    _wlan(run, items, padded=True, trailer=CHECK_SIZE)


def wlan_swapped(run: Run, items: Items) -> None:
    """Frame control and sequence control have their bytes in the wrong order."""
    _wlan(run, items, swapped=True)


def _wlan(run: Run, items: Items, *, padded: bool = False, swapped: bool = False, trailer: int = 0) -> None:
    # Control frames are shorter than the header of data frames.
    first, second = ("flags", "control") if swapped else ("control", "flags")
    items, _ = run.take(items, np.dtype("V2"))
    header = run.read(HEADER, items.cursor)
    good = (header[first] & TYPE_MASK == TYPE_DATA) & (header[first] & NO_DATA == 0)
    items, header = run.keep(items, good, Reason.NOT_DATA, header)
    good = items.cursor + HEADER.itemsize <= items.end
    items, header = run.keep(items, good, Reason.TRUNCATED_LINK, header)
    flags, with_qos = header[second], header[first] & QOS != 0
    four = flags & (TO_SYSTEM | FROM_SYSTEM) == TO_SYSTEM | FROM_SYSTEM
    qos = run.read(_QOS, items.cursor + HEADER.itemsize + 6 * four)
    facts = np.zeros(len(items), _FACTS)
    facts["flags"], facts["sequence"] = flags, header["sequence"]
    facts["aggregated"] = with_qos & (qos["low"] & AGGREGATED != 0)
    facts["meshed"] = with_qos & (flags & FROM_SYSTEM != 0) & (qos["high"] & MESH_PRESENT != 0)
    facts["priority"] = np.where(with_qos, qos["low"] & TRAFFIC_ID, TRAFFIC_ID + 1)
    size = HEADER.itemsize + 6 * four + 2 * with_qos + 4 * (with_qos & (flags & ORDER != 0))
    items.cursor = items.cursor + (size + 3 & ~3 if padded else size)
    run.mark(items, LABEL)
    if swapped:
        facts["sequence"] = _swapped_sequence(run, items, facts["sequence"])
    piece = (flags & MORE_FRAGMENTS != 0) | (facts["sequence"] & FRAGMENT_NUMBER != 0)
    if piece.any():
        part = items.pick(piece)
        part.limit(part.wire - trailer)
        _piece(run, part, header[piece], facts[piece])
        items, facts = items.pick(~piece), facts[~piece]
    _whole(run, items, facts)


def _whole(run: Run, items: Items, facts: Array) -> None:
    items, facts = _skip_cipher(run, items, facts)
    aggregated, meshed = facts["aggregated"], facts["meshed"]
    run.forward(wlan_body, items.pick(~aggregated & ~meshed))
    run.forward(wlan_mesh_body, items.pick(~aggregated & meshed))
    _subframes(run, items.pick(aggregated), meshed[aggregated])


def wlan_body(run: Run, items: Items) -> None:
    """What a frame carries begins with LLC."""
    llc(run, items)


def wlan_mesh_body(run: Run, items: Items) -> None:
    """Between mesh stations, the mesh control field comes first (IEEE 802.11, 9.2.4.8.3)."""
    items.cursor = items.cursor + _mesh_size(run, items)
    llc(run, items)


def _mesh_size(run: Run, items: Items) -> Array:
    """Size of the mesh control field; 0 if it cannot be one."""
    flags = run.read(_U1, items.cursor)
    size = MESH_SIZE + MESH_ADDRESS_SIZE * (flags & MESH_ADDRESSES).astype(np.int64)
    found: Array = np.where(flags < MESH_ADDRESSES, size, 0)
    return found


def _swapped_sequence(run: Run, items: Items, sequence: Array) -> Array:
    """Sequence control in the other order, unless it is in the right one in front of a whole frame."""
    whole = (items.cursor + 8 <= items.end) & (run.read(_U4, items.cursor) == SNAP_START)
    whole &= sequence & np.uint16(FRAGMENT_NUMBER) == 0
    found: Array = np.where(whole, sequence, sequence.byteswap())
    return found


def _piece(run: Run, items: Items, header: Array, facts: Array) -> None:
    """Fragments of a frame have its addresses, sequence number and priority (IEEE 802.11, 10.4)."""
    sealed = facts["flags"] & PROTECTED != 0
    items, header, facts = run.keep(items, ~sealed, Reason.ENCRYPTED, header, facts)
    items, header, facts = run.keep(items, ~facts["aggregated"], Reason.FRAGMENT, header, facts)
    transmitter, receiver = (
        header[f"{end}_high"].astype(np.uint64) << np.uint64(32) | header[end]
        for end in ("transmitter", "receiver")
    )
    sequence = facts["sequence"].astype(np.uint32)
    run.fragment(
        items,
        protocol=(sequence & FRAGMENT_NUMBER).astype(np.uint8),
        identification=facts["priority"].astype(np.uint32) << 12 | sequence >> 4,
        offset=np.zeros(len(items), np.int64),
        more=facts["flags"] & MORE_FRAGMENTS != 0,
        ends=(tagged(np.where(facts["meshed"], Kind.WLAN_MESH, Kind.WLAN), transmitter), receiver),
    )


def _skip_cipher(run: Run, items: Items, facts: Array) -> tuple[Items, Array]:
    """Drop what is encrypted. Some drivers decrypt, leave the flag set and the initialisation vector in."""
    protected = facts["flags"] & PROTECTED != 0
    if not protected.any():
        return items, facts
    clear = ~protected
    skip = np.zeros(len(items), np.int64)
    for size in VECTOR_SIZES:
        at = np.minimum(items.cursor + size, items.end)
        found = ~clear & (run.read(_U4, at) == SNAP_START) & (at + 8 <= items.end)
        skip[found] = size
        clear |= found
    items.cursor = items.cursor + skip
    # What was found is the one packet of the frame.
    facts["aggregated"] &= ~protected
    facts["meshed"] &= ~protected
    kept: tuple[Items, Array] = run.keep(items, clear, Reason.ENCRYPTED, facts)
    return kept


def _subframes(run: Run, items: Items, meshed: Array) -> None:
    """Take an aggregate apart: addresses, length, packet; each padded to four bytes except the last."""
    for _ in range(MAX_SUBFRAMES):
        there = items.cursor + SUBFRAME.itemsize <= items.end
        items, meshed = items.pick(there), meshed[there]
        if not len(items):
            return
        length = run.read(SUBFRAME, items.cursor)["length"].astype(np.int64)
        start = items.cursor + SUBFRAME.itemsize
        inner = items.pick(np.arange(len(items)))
        inner.cursor = start
        inner.limit(start + length)
        run.forward(wlan_body, inner.pick(~meshed))
        run.forward(wlan_mesh_body, inner.pick(meshed))
        items.cursor = items.cursor + (SUBFRAME.itemsize + length + 3 & ~3)
        items, meshed = items.pick(length > 0), meshed[length > 0]
    run.drop(items, Reason.TOO_DEEP)
