"""Minimal encapsulation within IP (RFC 2004): the inner addresses stand in a header of 8 or 12 bytes."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.packets import IPV6_BASE
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

HEADER = np.dtype([("protocol", "u1"), ("flags", "u1"), ("checksum", ">u2"), ("destination", ">u4")])
SOURCE = np.dtype(">u4")

SOURCE_PRESENT = 0x80

LABEL = Label("minimal", key="name")


def minimal(run: Run, items: Items) -> None:
    """The outer header is the inner one with other addresses, so there is only one."""
    items, header = run.take(items, HEADER, Reason.TRUNCATED_IP)
    items, header = run.keep(items, items.source < IPV6_BASE, Reason.OTHER_IP, header)
    items.cursor = items.cursor + HEADER.itemsize
    sourced = (header["flags"] & SOURCE_PRESENT) != 0
    inside = ~sourced | (items.cursor + SOURCE.itemsize <= items.end)
    items, header, sourced = run.keep(items, inside, Reason.TRUNCATED_IP, header, sourced)
    source = run.read(SOURCE, items.cursor)
    items.source = np.where(sourced, source.astype(np.uint64), items.source)
    items.destination = header["destination"].astype(np.uint64)
    items.cursor = items.cursor + SOURCE.itemsize * sourced
    run.mark(items, LABEL)
    run.ip_protocol(header["protocol"], items)
