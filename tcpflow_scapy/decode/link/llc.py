"""IEEE 802.2 LLC and SNAP (RFC 1042)."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import looks_ethernet
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

HEADER = np.dtype([("dsap", "u1"), ("ssap", "u1"), ("control", "u1")])
SNAP = np.dtype([("oui_high", "u1"), ("oui_low", ">u2"), ("type", ">u2")])

UNNUMBERED = 3
"""Unnumbered information; other control fields belong to connection-oriented LLC."""

SNAP_SAP = 0xAA

OUI_ETHERNET = 0x000000
OUI_BRIDGE_TUNNEL = 0x0000F8
"""IEEE 802.1H: Ethernet types that must not be translated"""
OUI_BRIDGED = 0x0080C2
"""RFC 2684, 5.2: a whole frame, its kind in the type field"""

BRIDGED_ETHERNET = (0x0001, 0x0007)
"""With and without the frame's check sequence behind it"""
PADDING = 2
"""Bytes in front of a bridged frame, so that what it carries is aligned; Frame Relay has none
(RFC 2427, 4.2)"""

LABEL = Label("llc")


def llc(run: Run, items: Items) -> None:
    """Go on by service access point."""
    items, header = run.take(items, HEADER)
    information = header["control"] == UNNUMBERED
    items, header = run.keep(items, information, Reason.OTHER_ETHERTYPE, header)
    items.cursor = items.cursor + HEADER.itemsize
    run.mark(items, LABEL)
    run.switch(run.context.switches.llc_saps, header["dsap"], items)


def snap(run: Run, items: Items) -> None:
    """Go on by the type that a SNAP header gives."""
    _snap(run, items, PADDING)


def snap_unpadded(run: Run, items: Items) -> None:
    """As `snap`, on Frame Relay."""
    _snap(run, items, 0)


def _snap(run: Run, items: Items, padding: int) -> None:
    from .ethernet import ethernet

    items, header = run.take(items, SNAP)
    items.cursor = items.cursor + SNAP.itemsize
    oui = header["oui_high"].astype(np.int64) << 16 | header["oui_low"]
    plain = (oui == OUI_ETHERNET) | (oui == OUI_BRIDGE_TUNNEL)
    bridged = (oui == OUI_BRIDGED) & np.isin(header["type"], BRIDGED_ETHERNET)
    run.drop(items.pick(~(plain | bridged)), Reason.OTHER_ETHERTYPE)
    run.ethertype(header["type"][plain], items.pick(plain))
    frame = items.pick(bridged)
    # There are senders on both sides of the standard: the other way counts if only it makes sense.
    other = ~looks_ethernet(run, frame, padding) & looks_ethernet(run, frame, PADDING - padding)
    frame.cursor = frame.cursor + np.where(other, PADDING - padding, padding)
    run.forward(ethernet, frame)
