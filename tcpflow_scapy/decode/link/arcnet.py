"""ARCNET with IP by RFC 1201 or RFC 1051, as BSD and Linux capture it."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.ipv4 import ipv4
from tcpflow_scapy.decode.ip.ipv6 import ipv6
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

IP_1051, ARP_1051 = 240, 241
IP_1201, ARP_1201, IPV6_1201 = 212, 213, 196

SPLIT = np.dtype([("flag", "u1"), ("sequence", ">u2")])
EXCEPTION = 0xFF
"""Frames of a length that the hardware cannot say: three bytes of padding and the true flag follow"""

LABEL = Label("arcnet", ethernet=True)


def arcnet(run: Run, items: Items) -> None:
    """BSD: source, destination, protocol."""
    _arcnet(run, items, 2)


def arcnet_linux(run: Run, items: Items) -> None:
    """Linux: source, destination, two bytes of offset, protocol."""
    _arcnet(run, items, 4)


def _arcnet(run: Run, items: Items, skip: int) -> None:
    items, header = run.take(items, np.dtype([("addresses", f"V{skip}"), ("protocol", "u1")]))
    items.cursor = items.cursor + skip + 1
    protocol = header["protocol"]
    run.mark(items, LABEL)
    simple = protocol == IP_1051
    run.forward(ipv4, items.pick(simple))
    split = np.isin(protocol, (IP_1201, IPV6_1201))
    arp = np.isin(protocol, (ARP_1051, ARP_1201))
    run.drop(items.pick(arp), Reason.ARP)
    run.drop(items.pick(~(simple | split | arp)), Reason.OTHER_ETHERTYPE)
    items, protocol = items.pick(split), protocol[split]
    items, header = run.take(items, SPLIT)
    protocol = (
        protocol[: len(items)] if len(protocol) == len(items) else run.read(np.dtype("u1"), items.cursor - 1)
    )
    strange = header["flag"] == EXCEPTION
    items.cursor = items.cursor + 4 * strange
    items, header = run.take(items, SPLIT)
    protocol = run.read(np.dtype("u1"), items.cursor - 1)
    whole = header["flag"] == 0
    items, protocol = run.keep(items, whole, Reason.FRAGMENT, protocol)
    items.cursor = items.cursor + SPLIT.itemsize
    run.forward(ipv4, items.pick(protocol != IPV6_1201))
    run.forward(ipv6, items.pick(protocol == IPV6_1201))
