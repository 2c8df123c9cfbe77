"""Linux "cooked" captures, versions 1 and 2 (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import looks_ethernet, looks_ip
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .ethernet import ethernet
from .llc import llc
from .nflog import messages
from .ppp import ppp

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
PPP_PROTOCOL = 0x0007
FRAME_PROTOCOLS = (0x0001, 0x0003)
"""802.3 without 802.2, and any protocol: some interfaces hand out the whole frame"""

ARPHRD_LINK_TYPES = {770: 107, 801: 105, 802: 119, 803: 127}
"""Interfaces whose frames keep their own header: ARPHRD number -> LINKTYPE (Frame Relay, 802.11)"""

ARPHRD_NETLINK = 824
"""The protocol field is a netlink family, not an Ethernet type"""
FAMILY_NETFILTER = 12


def cooked(run: Run, items: Items) -> None:
    """Version 1."""
    items, header = run.take(items, V1)
    _go_on(run, items, header, LABEL_V1)


def netlink(run: Run, items: Items) -> None:
    """LINKTYPE_NETLINK: the header of version 1, and nothing but netlink."""
    items, header = run.take(items, V1)
    good = (header["hardware"] == ARPHRD_NETLINK) & (header["protocol"] == FAMILY_NETFILTER)
    (items,) = run.keep(items, good, Reason.OTHER_ETHERTYPE)
    items.cursor = items.cursor + V1.itemsize
    run.forward(messages, items)


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
    run.ethertype(protocol[plain], items.pick(plain))
    left = ~plain & ~netlink
    # In monitor mode Linux gives every frame the protocol of LLC: the hardware comes first.
    for hardware, linktype in ARPHRD_LINK_TYPES.items():
        framed = left & (header["hardware"] == hardware)
        run.link_type(np.full(int(framed.sum()), linktype), items.pick(framed))
        left &= ~framed
    for number, layer in ((LLC_PROTOCOL, llc), (PPP_PROTOCOL, ppp), *((n, _frame) for n in FRAME_PROTOCOLS)):
        chosen = left & (protocol == number)
        run.forward(layer, items.pick(chosen))
        left &= ~chosen
    netfilter = netlink & (protocol == FAMILY_NETFILTER)
    run.forward(messages, items.pick(netfilter))
    run.drop(items.pick(left | netlink & ~netfilter), Reason.OTHER_ETHERTYPE)


def _frame(run: Run, items: Items) -> None:
    """A frame, or a packet, if it looks like one."""
    packet = looks_ip(run, items)
    framed = ~packet & looks_ethernet(run, items)
    run.forward(ip, items.pick(packet))
    run.forward(ethernet, items.pick(framed))
    run.drop(items.pick(~packet & ~framed), Reason.OTHER_ETHERTYPE)
