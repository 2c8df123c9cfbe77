"""PPP over Ethernet, session stage (RFC 2516)."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.link.ppp import protocol_field
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

HEADER = np.dtype([("version", "u1"), ("code", "u1"), ("session", ">u2"), ("length", ">u2")])

SESSION_DATA = 0

LABEL = Label("pppoe", key="value")


def pppoe(run: Run, items: Items) -> None:
    """Go on by PPP protocol; discovery carries no traffic."""
    items, header = run.take(items, HEADER)
    data = header["code"] == SESSION_DATA
    items, header = run.keep(items, data, Reason.OTHER_ETHERTYPE, header)
    items.cursor = items.cursor + HEADER.itemsize
    items.limit(items.cursor + header["length"])
    run.mark(items, LABEL, header["session"])
    run.forward(protocol_field, items)
