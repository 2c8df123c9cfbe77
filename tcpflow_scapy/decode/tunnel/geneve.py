"""Geneve (RFC 8926)."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.udp import datagram
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.run import Run

HEADER = np.dtype([("version_length", "u1"), ("flags", "u1"), ("type", ">u2"), ("network", ">u4")])

OPTION_WORDS = 0x3F

LABEL = Label("geneve", key="value")


def geneve(run: Run, items: Items) -> None:
    """Step over the options, go on by Ethernet type."""
    (items,) = run.keep(items, items.cursor + HEADER.itemsize <= items.end, datagram)
    header = run.read(HEADER, items.cursor)
    after = items.cursor + HEADER.itemsize + ((header["version_length"] & OPTION_WORDS).astype(np.int64) << 2)
    known = run.context.switches.ethertypes.codes[header["type"]] != 0
    good = (header["version_length"] >> 6 == 0) & known & (after <= items.end)
    items, header, after = run.keep(items, good, datagram, header, after)
    items.cursor = after
    run.mark(items, LABEL, header["network"] >> 8)
    run.ethertype(header["type"], items)
