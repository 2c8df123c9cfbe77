"""Juniper's capture header in front of many link layers (LINKTYPE_JUNIPER_*)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import looks_ethernet, looks_ip
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.layers import Items, Layer
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .ethernet import ethernet
from .frame_relay import frame_relay
from .hdlc import cisco_hdlc
from .llc import PADDING, llc
from .ppp import ppp

HEADER = np.dtype([("magic", "u1", (3,)), ("flags", "u1")])
MAGIC = (0x4D, 0x47, 0x43)
NO_LINK_LAYER, EXTENDED = 0x02, 0x80

COOKIES = (4, 0, 8, 2, 6, 10, 12, 16, 18)
"""Service cards put so many bytes in front of the packet, by a rule of their own for each"""

CELL_COOKIES = (4, 8)
PPP_COOKIES = (6, 10)
"""With a PPP protocol or a network layer protocol id behind the cookie"""
LOGICAL = (0xAAAA03, 0xFEFE03)
"""How LLC begins on ATM: SNAP, and network layer protocol ids"""

LABEL = Label("juniper", ethernet=True)

_LENGTH = _TYPE = np.dtype(">u2")
_U4 = np.dtype(">u4")


def _juniper(run: Run, items: Items, inner: Layer) -> None:
    """Step over the header; without link layer a protocol number of four bytes comes before IP."""
    items, header = run.take(items, HEADER)
    good = (header["magic"] == np.array(MAGIC, np.uint8)).all(axis=1)
    items, header = run.keep(items, good, Reason.MALFORMED, header)
    extended = header["flags"] & EXTENDED != 0
    length = run.read(_LENGTH, items.cursor + HEADER.itemsize).astype(np.int64) + 2
    items.cursor = items.cursor + HEADER.itemsize + np.where(extended, length, 0)
    items, header = run.keep(items, items.cursor <= items.end, Reason.TRUNCATED_LINK, header)
    run.mark(items, LABEL)
    bare = header["flags"] & NO_LINK_LAYER != 0
    run.forward(inner, items.pick(~bare))
    run.forward(juniper_packet, items.pick(bare))


def juniper_packet(run: Run, items: Items) -> None:
    """IP behind a cookie whose length only the card's software knows: found by its looks."""
    run.drop(_packets(run, items, COOKIES), Reason.OTHER_ETHERTYPE)


def _packets(run: Run, items: Items, cookies: Iterable[int]) -> Items:
    """Send on what looks like IP behind a cookie; what is left."""
    for skip in cookies:
        found = looks_ip(run, items, skip)
        part = items.pick(found)
        part.cursor = part.cursor + skip
        run.forward(ip, part)
        items = items.pick(~found)
    return items


def juniper_ethernet(run: Run, items: Items) -> None:
    """LINKTYPE_JUNIPER_ETHER and _PPPOE, whose frames are Ethernet, too."""
    _juniper(run, items, ethernet)


def juniper_ppp(run: Run, items: Items) -> None:
    """LINKTYPE_JUNIPER_PPP."""
    _juniper(run, items, ppp)


def juniper_frame_relay(run: Run, items: Items) -> None:
    """LINKTYPE_JUNIPER_FRELAY."""
    _juniper(run, items, frame_relay)


def juniper_hdlc(run: Run, items: Items) -> None:
    """LINKTYPE_JUNIPER_CHDLC."""
    _juniper(run, items, cisco_hdlc)


def juniper_atm(run: Run, items: Items) -> None:
    """LINKTYPE_JUNIPER_ATM1 and _ATM2: a cookie, then LLC or IP."""
    _juniper(run, items, _cell)


def juniper_pppoe_atm(run: Run, items: Items) -> None:
    """LINKTYPE_JUNIPER_PPPOE_ATM: an Ethernet type, and what it says."""
    _juniper(run, items, _typed)


def _typed(run: Run, items: Items) -> None:
    items, kind = run.take(items, _TYPE)
    items.cursor = items.cursor + _TYPE.itemsize
    run.ethertype(kind, items)


def juniper_service(run: Run, items: Items) -> None:
    """Link types of service cards: a cookie, then IP."""
    _juniper(run, items, juniper_packet)


def _cell(run: Run, items: Items) -> None:
    """LLC or, on a circuit of its own, a packet or a bridged frame (RFC 2684, 6), padded or not."""
    for skip in CELL_COOKIES:
        head = run.read(_U4, items.cursor + skip) >> 8
        found = np.isin(head, LOGICAL) & (items.cursor + skip + 8 <= items.end)
        part = items.pick(found)
        part.cursor = part.cursor + skip
        run.forward(llc, part)
        items = items.pick(~found)
    items = _packets(run, items, (*CELL_COOKIES, *PPP_COOKIES))
    for skip in CELL_COOKIES:
        for padding in (PADDING, 0):
            found = looks_ethernet(run, items, skip + padding)
            part = items.pick(found)
            part.cursor = part.cursor + skip + padding
            run.forward(ethernet, part)
            items = items.pick(~found)
    run.drop(items, Reason.OTHER_ETHERTYPE)
