"""IP directly in IP, any version in any (RFC 2003, RFC 2473, RFC 4213), and minimal forwarding."""

from __future__ import annotations

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.run import Run

LABEL = Label("ipip", key="name", hidden=True)
"""The path already says ``ip/ip``"""


def ip_in_ip(run: Run, items: Items) -> None:
    """The inner version is told by its first bits."""
    run.mark(items, LABEL)
    ip(run, items)
