"""Encapsulated remote mirroring: ERSPAN types I, II and III (draft-foschiano-erspan)."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.link.ethernet import ethernet
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

HEADER = np.dtype([("version_vlan", ">u2"), ("session", ">u2"), ("index", ">u4")])
HEADER_III = np.dtype(
    [("version_vlan", ">u2"), ("session", ">u2"), ("timestamp", ">u4"), ("group", ">u2"), ("flags", ">u2")]
)

SESSION = 0x03FF
SUBHEADER = 0x0001
SUBHEADER_SIZE = 8
FRAME_TYPE = 0x7C00
FRAME_ETHERNET, FRAME_IP = 0, 2

LABEL = Label("erspan", key="name")
"""Two directions may be mirrored in two sessions, so the id is shown and not compared"""


def erspan_bare(run: Run, items: Items) -> None:
    """Type I: no header of its own."""
    run.mark(items, LABEL)
    run.forward(ethernet, items)


def erspan(run: Run, items: Items) -> None:
    """Type II."""
    items, header = run.take(items, HEADER)
    items.cursor = items.cursor + HEADER.itemsize
    run.mark(items, LABEL, header["session"] & np.uint16(SESSION))
    run.forward(ethernet, items)


def erspan_iii(run: Run, items: Items) -> None:
    """Type III, with or without its platform subheader."""
    items, header = run.take(items, HEADER_III)
    subheader = (header["flags"] & np.uint16(SUBHEADER)) != 0
    items.cursor = items.cursor + HEADER_III.itemsize + SUBHEADER_SIZE * subheader
    run.mark(items, LABEL, header["session"] & np.uint16(SESSION))
    kind = (header["flags"] & np.uint16(FRAME_TYPE)) >> 10
    run.forward(ethernet, items.pick(kind == FRAME_ETHERNET))
    run.forward(ip, items.pick(kind == FRAME_IP))
    run.drop(items.pick((kind != FRAME_ETHERNET) & (kind != FRAME_IP)), Reason.OTHER_ETHERTYPE)
