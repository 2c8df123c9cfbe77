"""Juniper's capture header in front of many link layers (LINKTYPE_JUNIPER_*)."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import looks_ip
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.layers import Items, Layer
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .ethernet import ethernet
from .frame_relay import frame_relay
from .hdlc import cisco_hdlc
from .llc import llc
from .ppp import ppp

HEADER = np.dtype([("magic", "u1", (3,)), ("flags", "u1")])
MAGIC = (0x4D, 0x47, 0x43)
NO_LINK_LAYER, EXTENDED = 0x02, 0x80

MAX_COOKIE = 12
"""Service cards put up to so many bytes in front of the packet, by a rule of their own for each"""

LABEL = Label("juniper", ethernet=True)

_LENGTH = np.dtype(">u2")


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
    left = np.ones(len(items), bool)
    for skip in (4, 0, 8, 2, 6, 10, MAX_COOKIE):
        found = np.flatnonzero(left & looks_ip(run, items, skip))
        part = items.pick(found)
        part.cursor = part.cursor + skip
        run.forward(ip, part)
        left[found] = False
    run.drop(items.pick(left), Reason.OTHER_ETHERTYPE)


def juniper_ethernet(run: Run, items: Items) -> None:
    """LINKTYPE_JUNIPER_ETHER."""
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


def juniper_service(run: Run, items: Items) -> None:
    """Link types of service cards: a cookie, then IP."""
    _juniper(run, items, juniper_packet)


def _cell(run: Run, items: Items) -> None:
    left = np.ones(len(items), bool)
    for skip in (4, 8):
        head = run.read(np.dtype([("saps", ">u2"), ("control", "u1")]), items.cursor + skip)
        found = left & (head["saps"] == 0xAAAA) & (head["control"] == 3)
        found &= items.cursor + skip + 8 <= items.end
        part = items.pick(found)
        part.cursor = part.cursor + skip
        run.forward(llc, part)
        left &= ~found
    run.forward(juniper_packet, items.pick(left))
