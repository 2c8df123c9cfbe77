"""Linux "cooked" captures, versions 1 and 2 (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .llc import llc

Array = np.ndarray[Any, np.dtype[Any]]

V1 = np.dtype(
    [("kind", ">u2"), ("hardware", ">u2"), ("address_length", ">u2"), ("address", "V8"), ("protocol", ">u2")]
)
V2 = np.dtype(
    [
        ("protocol", ">u2"),
        ("reserved", ">u2"),
        ("interface", ">u4"),
        ("hardware", ">u2"),
        ("kind", "u1"),
        ("address_length", "u1"),
        ("address", "V8"),
    ]
)

LABEL_V1 = Label("sll", ethernet=True)
LABEL_V2 = Label("sll2", ethernet=True)

ETHERTYPE_MIN = 0x0600
LLC_PROTOCOL = 0x0004
"""The frame began with an 802.2 header"""

ARPHRD_LINK_TYPES = {770: 107, 801: 105, 802: 119, 803: 127}
"""Interfaces whose frames keep their own header: ARPHRD number -> LINKTYPE (Frame Relay, 802.11)"""

ARPHRD_NETLINK = 824
"""The protocol field is a netlink family, not an Ethernet type"""


def cooked(run: Run, items: Items) -> None:
    """Version 1."""
    items, header = run.take(items, V1)
    _go_on(run, items, header, LABEL_V1)


def cooked2(run: Run, items: Items) -> None:
    """Version 2."""
    items, header = run.take(items, V2)
    _go_on(run, items, header, LABEL_V2)


def _go_on(run: Run, items: Items, header: Array, label: Label) -> None:
    items.cursor = items.cursor + header.dtype.itemsize
    run.mark(items, label)
    protocol = header["protocol"].astype(np.int64)
    netlink = header["hardware"] == ARPHRD_NETLINK
    plain = (protocol >= ETHERTYPE_MIN) & ~netlink
    logical = (protocol == LLC_PROTOCOL) & ~netlink
    other = ~(plain | logical)
    for hardware, linktype in ARPHRD_LINK_TYPES.items():
        framed = other & (header["hardware"] == hardware)
        run.link_type(np.full(int(framed.sum()), linktype), items.pick(framed))
        other &= ~framed
    run.drop(items.pick(other), Reason.OTHER_ETHERTYPE)
    run.forward(llc, items.pick(logical))
    run.ethertype(protocol[plain], items.pick(plain))
