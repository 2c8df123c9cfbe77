"""MACsec (IEEE 802.1AE): frames that are authenticated and not encrypted can be read."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.link.ethernet import by_type_or_length
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

HEADER = np.dtype([("control", "u1"), ("short_length", "u1"), ("number", ">u4")])
CHANNEL_SIZE = 8

HAS_CHANNEL, ENCRYPTED, CHANGED = 0x20, 0x08, 0x04

LABEL = Label("macsec")

_TYPE = np.dtype(">u2")


def macsec(run: Run, items: Items) -> None:
    """Go on by the type behind the security tag."""
    items, header = run.take(items, HEADER)
    clear = (header["control"] & (ENCRYPTED | CHANGED)) == 0
    items, header = run.keep(items, clear, Reason.ENCRYPTED, header)
    channel = (header["control"] & HAS_CHANNEL) != 0
    items.cursor = items.cursor + HEADER.itemsize + CHANNEL_SIZE * channel
    items, kind = run.take(items, _TYPE)
    items.cursor = items.cursor + _TYPE.itemsize
    run.mark(items, LABEL)
    by_type_or_length(run, items, kind.astype(np.int64))
