"""Network service header (RFC 8300)."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.layers import Items, Layer
from tcpflow_scapy.decode.link.ethernet import ethernet
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .mpls import mpls

HEADER = np.dtype([("head", ">u2"), ("kind", "u1"), ("next", "u1"), ("path", ">u4")])

WORDS = 0x3F

NEXT: dict[int, Layer] = {1: ip, 2: ip, 3: ethernet, 5: mpls}

LABEL = Label("nsh", key="name")
"""Service paths differ between the directions"""


def nsh(run: Run, items: Items) -> None:
    """Step over the contexts, go on by next protocol."""
    items, header = run.take(items, HEADER)
    size = (header["head"] & np.uint16(WORDS)).astype(np.int64) << 2
    good = (size >= HEADER.itemsize) & (items.cursor + size <= items.end)
    items, header, size = run.keep(items, good, Reason.TRUNCATED_LINK, header, size)
    items.cursor = items.cursor + size
    run.mark(items, LABEL, header["path"] >> 8)
    known = np.isin(header["next"], [*NEXT, 4])
    items, header = run.keep(items, known, Reason.OTHER_ETHERTYPE, header)
    for number, layer in NEXT.items():
        run.forward(layer, items.pick(header["next"] == number))
    run.forward(nsh, items.pick(header["next"] == 4))
