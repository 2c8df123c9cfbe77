"""CAPWAP data channel between access points and their controller (RFC 5415, 4)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.udp import datagram
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.link.ethernet import ethernet
from tcpflow_scapy.decode.link.ieee80211 import wlan, wlan_swapped
from tcpflow_scapy.decode.pieces import Kind, tagged
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype([("preamble", "u1"), ("bits", "u1"), ("flags", ">u2"), ("fragment", ">u4")])

PORTS = np.dtype([("source", ">u2"), ("destination", ">u2")])
UDP_SIZE = 8
CONTROL = np.dtype([("first", "u1"), ("second", "u1")])

CLEAR, ENCRYPTED = 0, 1
"""Preamble: version 0, and the kind of header that follows"""

NATIVE, PIECE, LAST, KEEP_ALIVE = 0x0100, 0x0080, 0x0040, 0x0008

FRAGMENT_OFFSET = 0xFFF8
"""In bytes, as its unit is eight and it stands above three reserved bits"""

PORT = 5247

DATA_FRAME = 0x08

LABEL = Label("capwap", key="name")


def capwap(run: Run, items: Items) -> None:
    """Step over the header, go on as 802.3 or 802.11; fragments wait for each other."""
    (items,) = run.keep(items, items.cursor + HEADER.itemsize <= items.end, datagram)
    header = run.read(HEADER, items.cursor)
    sealed = header["preamble"] == ENCRYPTED
    items, header = run.keep(items, ~sealed, Reason.ENCRYPTED, header)
    size = (header["bits"] >> 3).astype(np.int64) << 2
    good = (header["preamble"] == CLEAR) & (header["flags"] & np.uint16(KEEP_ALIVE) == 0)
    good &= (size >= HEADER.itemsize) & (items.cursor + size < items.end)
    items, header, size = run.keep(items, good, datagram, header, size)
    ports = run.read(PORTS, items.cursor - UDP_SIZE)
    items.cursor = items.cursor + size
    run.mark(items, LABEL)
    native = header["flags"] & np.uint16(NATIVE) != 0
    piece = header["flags"] & np.uint16(PIECE) != 0
    if piece.any():
        _piece(run, items.pick(piece), header[piece], ports[piece])
        items, native = items.pick(~piece), native[~piece]
    run.forward(ethernet, items.pick(~native))
    run.forward(capwap_native, items.pick(native))


def _piece(run: Run, items: Items, header: Array, ports: Array) -> None:
    """A fragment (RFC 5415, 3.4). Access points behind one address are told apart by their ports."""
    native = header["flags"] & np.uint16(NATIVE) != 0
    port = np.where(ports["source"] == PORT, ports["destination"], ports["source"]).astype(np.uint32)
    run.fragment(
        items,
        protocol=np.zeros(len(items), np.uint8),
        identification=port << 16 | header["fragment"] >> 16,
        offset=(header["fragment"] & np.uint32(FRAGMENT_OFFSET)).astype(np.int64),
        more=header["flags"] & np.uint16(LAST) == 0,
        ends=(tagged(np.where(native, Kind.CAPWAP_NATIVE, Kind.CAPWAP), items.source), items.destination),
    )


def capwap_native(run: Run, items: Items) -> None:
    """An 802.11 frame. Many controllers send 16-bit fields of its header in the wrong byte order."""
    items, control = run.take(items, CONTROL)
    # Where both bytes are the same, the sequence control decides, which the swapped path looks at.
    swapped = (control["first"] & 0x0F != DATA_FRAME) | (control["first"] == control["second"])
    swapped &= control["second"] & 0x0F == DATA_FRAME
    run.forward(wlan_swapped, items.pick(swapped))
    run.forward(wlan, items.pick(~swapped))
