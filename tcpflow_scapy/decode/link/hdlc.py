"""Serial lines: PPP in HDLC, and Cisco's HDLC with Ethernet types."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.run import Run

from .ppp import ppp

CISCO = np.dtype([("address", "u1"), ("control", "u1"), ("type", ">u2")])

CISCO_ADDRESSES = (0x0F, 0x8F)
"""Unicast and broadcast"""

LABEL = Label("chdlc")


def serial(run: Run, items: Items) -> None:
    """The first byte tells PPP from Cisco HDLC (LINKTYPE_PPP_HDLC)."""
    items, first = run.take(items, np.dtype("u1"))
    cisco = np.isin(first, CISCO_ADDRESSES)
    run.forward(cisco_hdlc, items.pick(cisco))
    run.forward(ppp, items.pick(~cisco))


def cisco_hdlc(run: Run, items: Items) -> None:
    """Go on by Ethernet type."""
    items, header = run.take(items, CISCO)
    items.cursor = items.cursor + CISCO.itemsize
    run.mark(items, LABEL)
    run.ethertype(header["type"], items)


def serial_with_direction(run: Run, items: Items) -> None:
    """One byte tells the direction, then as `serial` (LINKTYPE_PPP_WITH_DIR, LINKTYPE_C_HDLC_WITH_DIR)."""
    items, direction = run.take(items, np.dtype("u1"))
    items.cursor = items.cursor + 1
    # The ends of the line, until an IP header names others: what is compressed depends on the direction.
    items.source = (direction != 0).astype(np.uint64)
    items.destination = (direction == 0).astype(np.uint64)
    run.forward(serial, items)
