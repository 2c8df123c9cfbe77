"""Rings of the eighties: Token Ring (IEEE 802.5) and FDDI. Behind their addresses comes LLC."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .llc import llc

TOKEN_RING = np.dtype(
    [("access", "u1"), ("control", "u1"), ("destination", "V6"), ("source", "u1"), ("rest", "V5")]
)
TOKEN_RING_TYPE, TOKEN_RING_DATA = 0xC0, 0x40
SOURCE_ROUTED = 0x80
ROUTE_LENGTH = 0x1F

FDDI = np.dtype([("control", "u1"), ("addresses", "V12")])
FDDI_TYPE, FDDI_DATA = 0xF0, 0x50

TOKEN_RING_LABEL = Label("tr", ethernet=True)
FDDI_LABEL = Label("fddi", ethernet=True)


def token_ring(run: Run, items: Items) -> None:
    """Step over the source route, if there is one."""
    items, header = run.take(items, TOKEN_RING)
    data = header["control"] & TOKEN_RING_TYPE == TOKEN_RING_DATA
    items, header = run.keep(items, data, Reason.NOT_DATA, header)
    items.cursor = items.cursor + TOKEN_RING.itemsize
    routed = header["source"] & SOURCE_ROUTED != 0
    length = run.read(np.dtype("u1"), items.cursor) & ROUTE_LENGTH
    items.cursor = items.cursor + np.where(routed, length, 0)
    run.mark(items, TOKEN_RING_LABEL)
    run.forward(llc, items)


def fddi(run: Run, items: Items) -> None:
    """Asynchronous LLC frames; the rest keeps the ring going."""
    items, header = run.take(items, FDDI)
    data = header["control"] & FDDI_TYPE == FDDI_DATA
    (items,) = run.keep(items, data, Reason.NOT_DATA)
    items.cursor = items.cursor + FDDI.itemsize
    run.mark(items, FDDI_LABEL)
    run.forward(llc, items)
