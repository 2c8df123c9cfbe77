"""Frame Relay: Q.922 address, then IETF (RFC 2427) or Cisco encapsulation."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .llc import snap_unpadded
from .ppp import ppp

LAST = 1
"""Set in the last byte of an address"""
MAX_ADDRESS = 4

UNNUMBERED = 3
PADDING = 0

NLPID = {0xCC: ip, 0x8E: ip, 0x80: snap_unpadded, 0xCF: ppp}
"""By network layer protocol id (ISO/IEC TR 9577)"""

LABEL = Label("fr")

_U1, _U2 = np.dtype("u1"), np.dtype(">u2")


def frame_relay(run: Run, items: Items) -> None:
    """Step over the address; a control byte tells IETF from Cisco."""
    going = np.ones(len(items), bool)
    for _ in range(MAX_ADDRESS):
        items, octet = run.take(items.pick(going) if not going.all() else items, _U1)
        items.cursor = items.cursor + 1
        going = octet & LAST == 0
        _behind_address(run, items.pick(~going))
    run.drop(items.pick(going), Reason.OTHER_ETHERTYPE)


def _behind_address(run: Run, items: Items) -> None:
    items, kind = run.take(items, _U2)
    run.mark(items, LABEL)
    ietf = kind >> 8 == UNNUMBERED
    cisco = items.pick(~ietf)
    cisco.cursor = cisco.cursor + _U2.itemsize
    run.ethertype(kind[~ietf], cisco)
    items = items.pick(ietf)
    items.cursor = items.cursor + 1
    pad = run.read(_U1, items.cursor) == PADDING
    items.cursor = items.cursor + pad
    network_layer(run, items)


def network_layer(run: Run, items: Items) -> None:
    """Go on by network layer protocol id."""
    items, protocol = run.take(items, _U1)
    items.cursor = items.cursor + 1
    run.drop(items.pick(~np.isin(protocol, list(NLPID))), Reason.OTHER_ETHERTYPE)
    for number, layer in NLPID.items():
        run.forward(layer, items.pick(protocol == number))
