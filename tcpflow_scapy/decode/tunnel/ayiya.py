"""AYIYA: anything in anything (draft-massar-v6ops-ayiya), used by IPv6 tunnel brokers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import looks_ip
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.ip.udp import datagram
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.run import Run

HEADER = np.dtype(
    [("identity", "u1"), ("signature", "u1"), ("operation", "u1"), ("next", "u1"), ("epoch", ">u4")]
)

FORWARD = 1
CARRIED = (4, 41)
"""IP protocols that are traffic"""

LABEL = Label("ayiya", key="name")


def ayiya(run: Run, items: Items) -> None:
    """Step over identity and signature; IP of either version follows."""
    (items,) = run.keep(items, items.cursor + HEADER.itemsize <= items.end, datagram)
    header = run.read(HEADER, items.cursor)
    identity = np.int64(1) << (header["identity"] >> 4).astype(np.int64)
    signature = (header["signature"] >> 4).astype(np.int64) << 2
    after = items.cursor + HEADER.itemsize + identity + signature
    good = (header["operation"] & 15 == FORWARD) & np.isin(header["next"], CARRIED) & (after < items.end)
    good &= looks_ip(run, replace(items, cursor=np.minimum(after, items.end)))
    items, after = run.keep(items, good, datagram, after)
    items.cursor = after
    run.mark(items, LABEL)
    run.forward(ip, items)
