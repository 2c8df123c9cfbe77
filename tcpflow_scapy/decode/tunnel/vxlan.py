"""VXLAN (RFC 7348) and its generic protocol extension (draft-ietf-nvo3-vxlan-gpe)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import looks_ethernet, looks_ip
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.ip.udp import datagram
from tcpflow_scapy.decode.layers import Items, Layer
from tcpflow_scapy.decode.link.ethernet import ethernet
from tcpflow_scapy.decode.run import Run

from .mpls import mpls
from .nsh import nsh

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype([("flags", "u1"), ("group", ">u2"), ("next", "u1"), ("network", ">u4")])

HAS_GROUP, HAS_NETWORK, HAS_NEXT = 0x80, 0x08, 0x04
RESERVED = 0xFF

NEXT: dict[int, Layer] = {1: ip, 2: ip, 3: ethernet, 4: nsh, 5: mpls}
"""By next protocol of the generic extension"""
PACKETS, FRAME = (1, 2), 3

PORTS = (4789, 4790, 8472)
UDP_SIZE = 8

_PORT = np.dtype(">u2")

LABEL = Label("vxlan", key="value")


def vxlan(run: Run, items: Items) -> None:
    """An Ethernet frame behind a network id."""
    items, header = _take(run, items)
    good = _by_the_book(run, items, header) | looks_ethernet(run, items, HEADER.itemsize)
    items, header = run.keep(items, good, datagram, header)
    _mark(run, items, header)
    run.forward(ethernet, items)


def vxlan_gpe(run: Run, items: Items) -> None:
    """The same with a field for what follows."""
    items, header = _take(run, items)
    following = np.where(header["flags"] & HAS_NEXT != 0, header["next"], FRAME)
    good = _by_the_book(run, items, header) & np.isin(following, list(NEXT))
    good |= np.isin(following, PACKETS) & looks_ip(run, items, HEADER.itemsize)
    good |= (following == FRAME) & looks_ethernet(run, items, HEADER.itemsize)
    # Only the flags that must be set distinguish the other two from a datagram.
    good |= np.isin(following, (4, 5)) & (header["flags"] & HAS_NETWORK != 0)
    items, header, following = run.keep(items, good, datagram, header, following)
    _mark(run, items, header)
    for number, layer in NEXT.items():
        run.forward(layer, items.pick(following == number))


def _take(run: Run, items: Items) -> tuple[Items, Array]:
    (items,) = run.keep(items, items.cursor + HEADER.itemsize <= items.end, datagram)
    return items, run.read(HEADER, items.cursor)


def _by_the_book(run: Run, items: Items, header: Array) -> Array:
    """Whether a header needs no other evidence. Reserved bits are ignored on receipt (RFC 7348, 5), but any
    program may use one of these ports: where they are not zero, what follows must look like a frame."""
    flags = header["flags"]
    good = (flags & HAS_NETWORK != 0) & (flags & ~np.uint8(HAS_GROUP | HAS_NETWORK | HAS_NEXT) == 0)
    good &= (header["group"] == 0) | (flags & HAS_GROUP != 0)
    good &= header["network"] & RESERVED == 0
    sent_to: Array = run.read(_PORT, items.cursor - UDP_SIZE + _PORT.itemsize)
    found: Array = good & np.isin(sent_to, PORTS)
    return found


def _mark(run: Run, items: Items, header: Array) -> None:
    """Step over the header and note the network."""
    items.cursor = items.cursor + HEADER.itemsize
    run.mark(items, LABEL, header["network"] >> 8)
