"""Raw IP: no link layer at all."""

from __future__ import annotations

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.run import Run

LABEL = Label("raw", ethernet=True)


def raw(run: Run, items: Items) -> None:
    """The packet begins with its IP header, whose version is told by its first bits."""
    run.mark(items, LABEL)
    run.forward(ip, items)
