"""BSD loopback: an address family in the byte order of whoever captured (NULL), in network order (LOOP)."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.ipv4 import ipv4
from tcpflow_scapy.decode.ip.ipv6 import ipv6
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

HEADER = np.dtype([("family", ">u4")])

AF_INET = 2
AF_INET6 = (10, 23, 24, 28, 30)
"""Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS"""

ETHERTYPE_IPV4, ETHERTYPE_IPV6 = 0x0800, 0x86DD
"""Some writers put an Ethernet type there"""

NULL = Label("null", ethernet=True)
LOOP = Label("loop", ethernet=True)


def null(run: Run, items: Items) -> None:
    """LINKTYPE_NULL."""
    _loopback(run, items, NULL)


def loop(run: Run, items: Items) -> None:
    """LINKTYPE_LOOP."""
    _loopback(run, items, LOOP)


def _loopback(run: Run, items: Items, label: Label) -> None:
    """Both in either byte order: a family is a small number, so it is told from its swap."""
    items, header = run.take(items, HEADER)
    items.cursor = items.cursor + HEADER.itemsize
    run.mark(items, label)
    family = header["family"].astype(np.uint32)
    family = np.where(family > 0xFFFF, family.byteswap(), family)
    four = (family == AF_INET) | (family == ETHERTYPE_IPV4)
    six = np.isin(family, AF_INET6) | (family == ETHERTYPE_IPV6)
    run.drop(items.pick(~(four | six)), Reason.OTHER_ETHERTYPE)
    run.forward(ipv4, items.pick(four))
    run.forward(ipv6, items.pick(six))
