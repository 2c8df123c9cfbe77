"""VXLAN (RFC 7348) and its generic protocol extension (draft-ietf-nvo3-vxlan-gpe)."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.ip.udp import datagram
from tcpflow_scapy.decode.layers import Items, Layer
from tcpflow_scapy.decode.link.ethernet import ethernet
from tcpflow_scapy.decode.run import Run

from .mpls import mpls
from .nsh import nsh

HEADER = np.dtype([("flags", "u1"), ("group", "V2"), ("next", "u1"), ("network", ">u4")])

HAS_NETWORK, HAS_NEXT = 0x08, 0x04

NEXT: dict[int, Layer] = {1: ip, 2: ip, 3: ethernet, 4: nsh, 5: mpls}
"""By next protocol of the generic extension"""

LABEL = Label("vxlan", key="value")


def vxlan(run: Run, items: Items) -> None:
    """An Ethernet frame behind a network id."""
    fits = items.cursor + HEADER.itemsize <= items.end
    (items,) = run.keep(items, fits, datagram)
    header = run.read(HEADER, items.cursor)
    good = (header["flags"] & HAS_NETWORK != 0) & (header["network"] & 0xFF == 0)
    items, header = run.keep(items, good, datagram, header)
    items.cursor = items.cursor + HEADER.itemsize
    run.mark(items, LABEL, header["network"] >> 8)
    run.forward(ethernet, items)


def vxlan_gpe(run: Run, items: Items) -> None:
    """The same with a field for what follows."""
    fits = items.cursor + HEADER.itemsize <= items.end
    (items,) = run.keep(items, fits, datagram)
    header = run.read(HEADER, items.cursor)
    following = np.where(header["flags"] & HAS_NEXT != 0, header["next"], 3)
    good = (header["network"] & 0xFF == 0) & np.isin(following, list(NEXT))
    items, header, following = run.keep(items, good, datagram, header, following)
    items.cursor = items.cursor + HEADER.itemsize
    run.mark(items, LABEL, header["network"] >> 8)
    for number, layer in NEXT.items():
        run.forward(layer, items.pick(following == number))
