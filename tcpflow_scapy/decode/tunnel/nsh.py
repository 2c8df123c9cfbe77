"""Network service header (RFC 8300)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.layers import Items, Layer
from tcpflow_scapy.decode.link.ethernet import ethernet
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .mpls import mpls

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype([("head", ">u2"), ("kind", "u1"), ("next", "u1"), ("path", ">u4")])

VERSION, WORDS = 0, 0x3F
FIXED_SIZE = 24

NEXT: dict[int, Layer] = {1: ip, 2: ip, 3: ethernet, 5: mpls}
NESTED = 4

LABEL = Label("nsh", key="name")
"""Service paths differ between the directions"""


def looks_nsh(run: Run, items: Items, skip: int) -> Array:
    """Whether such a header can begin `skip` bytes behind the cursor."""
    at = items.cursor + skip
    there = at + HEADER.itemsize <= items.end
    header = run.read(HEADER, np.where(there, at, items.cursor))
    head, kind = header["head"], header["kind"]
    size = (head & np.uint16(WORDS)).astype(np.int64) << 2
    found: Array = there & (head >> 14 == VERSION) & (at + size <= items.end)
    found &= np.isin(header["next"], [*NEXT, NESTED])
    # Of the first kind there are always four contexts (RFC 8300, 2.4), of the second any number.
    found &= (kind == 1) & (size == FIXED_SIZE) | (kind == 2) & (size >= HEADER.itemsize)
    return found


def nsh(run: Run, items: Items) -> None:
    """Step over the contexts, go on by next protocol."""
    items, header = run.take(items, HEADER)
    size = (header["head"] & np.uint16(WORDS)).astype(np.int64) << 2
    good = (size >= HEADER.itemsize) & (items.cursor + size <= items.end)
    items, header, size = run.keep(items, good, Reason.TRUNCATED_LINK, header, size)
    items.cursor = items.cursor + size
    run.mark(items, LABEL, header["path"] >> 8)
    known = np.isin(header["next"], [*NEXT, NESTED])
    items, header = run.keep(items, known, Reason.OTHER_ETHERTYPE, header)
    for number, layer in NEXT.items():
        run.forward(layer, items.pick(header["next"] == number))
    run.forward(nsh, items.pick(header["next"] == NESTED))
