"""LINKTYPE_ERF: records of Endace's DAG cards, header included."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.layers import Items, Layer
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .ethernet import ethernet
from .hdlc import serial
from .small import atm_rfc1483

HEADER = np.dtype([("time", "V8"), ("kind", "u1"), ("flags", "u1"), ("rest", "V6")])
EXTENSION_SIZE = 8
MAX_EXTENSIONS = 16
MORE = 0x80

CHANNEL, CELL_HEADER = 4, 4

CONTENTS: tuple[tuple[tuple[int, ...], int, Layer], ...] = (
    ((2, 11, 16, 20), 2, ethernet),  # an offset and a byte of padding
    ((1, 10, 15, 19), 0, serial),
    ((5, 17), CHANNEL, serial),
    ((4,), CELL_HEADER, atm_rfc1483),  # AAL5, put together by the card
    ((9,), CHANNEL + CELL_HEADER, atm_rfc1483),
    ((22, 23), 0, ip),
)
"""Types of records, bytes in front of the frame, layer"""

NO_PACKETS = (13, 14, 27, 48)
"""Counters, metadata, padding"""

LABEL = Label("erf")


def erf(run: Run, items: Items) -> None:
    """Step over extension headers, then go on by type."""
    items, header = run.take(items, HEADER)
    kind, more = header["kind"] & 0x7F, header["kind"] & MORE != 0
    items.cursor = items.cursor + HEADER.itemsize
    for _ in range(MAX_EXTENSIONS):
        inside = ~more | (items.cursor + EXTENSION_SIZE <= items.end)
        items, kind, more = run.keep(items, inside, Reason.TRUNCATED_LINK, kind, more)
        if not more.any():
            break
        first = run.read(np.dtype("u1"), items.cursor)
        items.cursor = items.cursor + EXTENSION_SIZE * more
        more = more & (first & MORE != 0)
    run.mark(items, LABEL)
    known = np.isin(kind, NO_PACKETS)
    run.drop(items.pick(known), Reason.NOT_DATA)
    for kinds, size, layer in CONTENTS:
        chosen = np.isin(kind, kinds)
        known |= chosen
        inner = items.pick(chosen)
        inner.cursor = inner.cursor + size
        run.forward(layer, inner)
    run.drop(items.pick(~known), Reason.OTHER_ETHERTYPE)
