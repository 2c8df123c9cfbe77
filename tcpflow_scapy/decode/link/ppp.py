"""PPP (RFC 1661), with or without its HDLC framing (RFC 1662)."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

FRAMING = 0xFF03
"""Address "all stations", control "unnumbered information"; peers may agree to leave them out"""

MULTILINK_WHOLE = 0xC0
"""Begin and end flags of a multilink packet (RFC 1990, 3)"""

LABEL = Label("ppp")

_U1, _U2 = np.dtype("u1"), np.dtype(">u2")

BRIDGED = np.dtype([("flags", "u1"), ("kind", "u1")])
BRIDGED_ETHERNET = 1
BRIDGED_LAN_ID = 0x40

MULTILINK = np.dtype([("flags", "u1"), ("sequence", "V3")])


def ppp(run: Run, items: Items) -> None:
    """Go on by PPP protocol."""
    items, _ = run.take(items, _U1)
    run.mark(items, LABEL)
    protocol_field(run, items)


def protocol_field(run: Run, items: Items) -> None:
    """Go on by a PPP protocol field, which may be compressed to one byte (RFC 1661, 6.5)."""
    framed = items.cursor + 2 <= items.end
    framed &= run.read(_U2, items.cursor) == FRAMING
    items.cursor = items.cursor + 2 * framed
    items, first = run.take(items, _U1)
    short = (first & 1) != 0
    (items, short) = run.keep(items, short | (items.cursor + 2 <= items.end), Reason.TRUNCATED_LINK, short)
    protocol = run.read(_U2, items.cursor)
    protocol = np.where(short, protocol >> 8, protocol)
    items.cursor = items.cursor + np.where(short, 1, 2)
    run.switch(run.context.switches.ppp_protocols, protocol, items)


def bridged(run: Run, items: Items) -> None:
    """A bridged Ethernet frame (RFC 3518, 4.2)."""
    from .ethernet import ethernet

    items, header = run.take(items, BRIDGED)
    good = header["kind"] == BRIDGED_ETHERNET
    items, header = run.keep(items, good, Reason.OTHER_ETHERTYPE, header)
    lan = (header["flags"] & BRIDGED_LAN_ID) != 0
    items.cursor = items.cursor + BRIDGED.itemsize + 4 * lan
    run.forward(ethernet, items)


def multilink(run: Run, items: Items) -> None:
    """Multilink packets with long sequence numbers; those in pieces are counted as fragments."""
    items, header = run.take(items, MULTILINK)
    whole = (header["flags"] & MULTILINK_WHOLE) == MULTILINK_WHOLE
    (items,) = run.keep(items, whole, Reason.FRAGMENT)
    items.cursor = items.cursor + MULTILINK.itemsize
    run.forward(protocol_field, items)
