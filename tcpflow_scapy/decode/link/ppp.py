"""PPP (RFC 1661), with or without its HDLC framing (RFC 1662)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.pieces import Kind
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

Array = np.ndarray[Any, np.dtype[Any]]

FRAMING = 0xFF03
"""Address "all stations", control "unnumbered information"; peers may agree to leave them out"""

BEGIN, END = 0x80000000, 0x40000000
"""Flags of a multilink header (RFC 1990, 3)"""
LONG_ZEROS, SHORT_ZEROS = 0x3F000000, 0x30000000
LONG_SIZE, SHORT_SIZE = 4, 2
"""Bytes of the header with 24 bits of sequence number, or with 12 where the ends agreed on that"""
LOOKS_LONG, LOOKS_SHORT = 1, 2
"""What the beginning of a packet says about its header; 0: nothing"""

CONTROL = (0x80, 0x82, 0xC0, 0xC2)
"""Upper halves of the numbers of control protocols in use, which are odd (IANA registry; RFC 1661, 2)"""

LABEL = Label("ppp")

_U1, _U2 = np.dtype("u1"), np.dtype(">u2")

BRIDGED = np.dtype([("flags", "u1"), ("kind", "u1")])
BRIDGED_ETHERNET = 1
BRIDGED_LAN_ID = 0x40

MULTILINK = np.dtype(">u4")


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
    """Whole packets go on; pieces wait for each other."""
    (items,) = run.keep(items, items.cursor + SHORT_SIZE < items.end, Reason.TRUNCATED_LINK)
    header = run.read(MULTILINK, items.cursor)
    begins = (header & BEGIN) != 0
    long = begins & ((header & LONG_ZEROS) == 0) & _known_protocol(run, items, LONG_SIZE)
    short = begins & ((header & SHORT_ZEROS) == 0) & _known_protocol(run, items, SHORT_SIZE) & ~long
    pieces = (header & (BEGIN | END)) != BEGIN | END
    looks = np.where(short, LOOKS_SHORT, np.where(long, LOOKS_LONG, 0))[pieces]
    run.rebuild(items.pick(pieces), Kind.MULTILINK, first=header[pieces], value=looks)
    whole = items.pick(~pieces)
    whole.cursor = whole.cursor + np.where(short[~pieces], SHORT_SIZE, LONG_SIZE)
    run.forward(protocol_field, whole)


def looks_ppp(run: Run, items: Items) -> Array:
    """Whether a PPP frame can begin at the cursor: nothing else tells the data of some tunnels."""
    framed = run.read(_U2, items.cursor) == FRAMING
    known = framed | _known_protocol(run, items, 0)
    found: Array = known & (items.cursor + np.where(framed, 4, 2) <= items.end)
    return found


def _known_protocol(run: Run, items: Items, skip: int) -> Array:
    """Whether a protocol that we know, or one that controls a line, stands `skip` bytes behind the cursor."""
    number = run.read(_U2, items.cursor + skip)
    number = np.where(number & 0x0100, number >> 8, number)
    control = (number & 1 != 0) & np.isin(number >> 8, CONTROL)
    known: Array = control | (run.context.switches.ppp_protocols.codes[number] != 0)
    return known
