"""VLAN tags (IEEE 802.1Q), stacked to any depth."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.link.ethernet import by_type_or_length
from tcpflow_scapy.decode.run import Run

HEADER = np.dtype([("control", ">u2"), ("type", ">u2")])

VLAN_ID = 0x0FFF

LABEL = Label("vlan", key="value", vlan=True)


def vlan(run: Run, items: Items) -> None:
    """One tag: remember its id, go on by the type behind it."""
    items, header = run.take(items, HEADER)
    items.cursor = items.cursor + HEADER.itemsize
    run.mark(items, LABEL, header["control"] & np.uint16(VLAN_ID))
    by_type_or_length(run, items, header["type"].astype(np.int64))
