"""CAPWAP data channel between access points and their controller (RFC 5415, 4)."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.udp import datagram
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.link.ethernet import ethernet
from tcpflow_scapy.decode.link.ieee80211 import wlan, wlan_swapped
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

HEADER = np.dtype([("preamble", "u1"), ("bits", "u1"), ("flags", ">u2"), ("fragment", ">u4")])

CLEAR, ENCRYPTED = 0, 1
"""Preamble: version 0, and the kind of header that follows"""

NATIVE, PIECE, KEEP_ALIVE = 0x0100, 0x0080, 0x0008

DATA_FRAME = 0x08

LABEL = Label("capwap", key="name")


def capwap(run: Run, items: Items) -> None:
    """Step over the header, go on as 802.3 or 802.11."""
    (items,) = run.keep(items, items.cursor + HEADER.itemsize <= items.end, datagram)
    header = run.read(HEADER, items.cursor)
    sealed = header["preamble"] == ENCRYPTED
    items, header = run.keep(items, ~sealed, Reason.ENCRYPTED, header)
    size = (header["bits"] >> 3).astype(np.int64) << 2
    good = (header["preamble"] == CLEAR) & (header["flags"] & np.uint16(KEEP_ALIVE) == 0)
    good &= (size >= HEADER.itemsize) & (items.cursor + size < items.end)
    items, header, size = run.keep(items, good, datagram, header, size)
    whole = header["flags"] & np.uint16(PIECE) == 0
    items, header, size = run.keep(items, whole, Reason.FRAGMENT, header, size)
    items.cursor = items.cursor + size
    run.mark(items, LABEL)
    native = header["flags"] & np.uint16(NATIVE) != 0
    run.forward(ethernet, items.pick(~native))
    items = items.pick(native)
    # Many controllers send the two bytes of the frame control field in the wrong order.
    control = run.read(np.dtype([("first", "u1"), ("second", "u1")]), items.cursor)
    swapped = (control["first"] & 0x0F != DATA_FRAME) & (control["second"] & 0x0F == DATA_FRAME)
    run.forward(wlan_swapped, items.pick(swapped))
    run.forward(wlan, items.pick(~swapped))
