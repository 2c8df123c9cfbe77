"""TCP over PPP with Van Jacobson's header compression (RFC 1144, RFC 1332)."""

from __future__ import annotations

from dataclasses import replace

from tcpflow_scapy.decode.ip import ipv4
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.pieces import Kind
from tcpflow_scapy.decode.run import Run

PROTOCOL_TCP = 6


def uncompressed_tcp(run: Run, items: Items) -> None:
    """All headers are there, with the number of the connection in place of the IP protocol."""
    run.rebuild(_inside_ip(run, items), Kind.LINE_STATE)
    ipv4.ipv4(run, items, protocol=PROTOCOL_TCP)


def compressed_tcp(run: Run, items: Items) -> None:
    """The headers are known only together with all packets before."""
    run.rebuild(_inside_ip(run, items), Kind.LINE_CHANGE)


def _inside_ip(run: Run, items: Items) -> Items:
    """The same packets, as they will have come when their headers are known."""
    return replace(items, state=run.context.states.extend(items.state, ipv4.LABEL))
