"""Tunnels whose header is a few bytes to step over."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import looks_ip
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.ip.udp import datagram
from tcpflow_scapy.decode.layers import Items, Layer
from tcpflow_scapy.decode.link.ethernet import ethernet
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

ETHERIP = np.dtype(">u2")
ETHERIP_VERSION_3 = 0x3000

LISP_SIZE = 8

TZSP = np.dtype([("version", "u1"), ("kind", "u1"), ("encapsulated", ">u2")])
TZSP_RECEIVED, TZSP_TRANSMIT = 0, 1
TZSP_END, TZSP_PADDING = 1, 0
MAX_TZSP_TAGS = 32
TZSP_LINK_TYPES = {1: 1, 18: 105, 119: 119, 127: 163}
"""Encapsulated protocol -> LINKTYPE"""

ETHERIP_LABEL = Label("etherip", key="name")
LISP_LABEL = Label("lisp", key="name")
TZSP_LABEL = Label("tzsp")


def etherip(run: Run, items: Items) -> None:
    """EtherIP (RFC 3378)."""
    items, header = run.take(items, ETHERIP)
    good = header == ETHERIP_VERSION_3
    (items,) = run.keep(items, good, Reason.OTHER_IP)
    items.cursor = items.cursor + ETHERIP.itemsize
    run.mark(items, ETHERIP_LABEL)
    run.forward(ethernet, items)


def lisp(run: Run, items: Items) -> None:
    """LISP data (RFC 9300, 5): IP behind 8 bytes."""
    (items,) = run.keep(items, looks_ip(run, items, LISP_SIZE), datagram)
    items.cursor = items.cursor + LISP_SIZE
    run.mark(items, LISP_LABEL)
    run.forward(ip, items)


def tzsp(run: Run, items: Items) -> None:
    """TaZmen sniffer protocol: a mirrored frame behind a list of tags."""
    _tzsp(run, items, datagram)


def tzsp_link(run: Run, items: Items) -> None:
    """LINKTYPE_TZSP: the same without UDP."""
    _tzsp(run, items, Reason.NOT_DATA)


def _tzsp(run: Run, items: Items, others: Layer | Reason) -> None:
    (items,) = run.keep(items, items.cursor + TZSP.itemsize < items.end, others)
    header = run.read(TZSP, items.cursor)
    kind = header["encapsulated"]
    good = (header["version"] == 1) & (header["kind"] <= TZSP_TRANSMIT)
    good &= np.isin(kind, list(TZSP_LINK_TYPES))
    items, kind = run.keep(items, good, others, kind)
    items.cursor = items.cursor + TZSP.itemsize
    run.mark(items, TZSP_LABEL)
    link_types = np.zeros(256, np.int64)
    link_types[list(TZSP_LINK_TYPES)] = list(TZSP_LINK_TYPES.values())
    for _ in range(MAX_TZSP_TAGS):
        inside = items.cursor + 2 <= items.end
        items, kind = run.keep(items, inside, Reason.TRUNCATED_LINK, kind)
        tag = run.read(np.dtype([("kind", "u1"), ("length", "u1")]), items.cursor)
        end = tag["kind"] == TZSP_END
        size = np.where(tag["kind"] <= TZSP_END, 1, 2 + tag["length"].astype(np.int64))
        items.cursor = np.minimum(items.cursor + size, items.end)
        run.link_type(link_types[kind[end]], items.pick(end))
        items, kind = items.pick(~end), kind[~end]
        if not len(items):
            return
    run.drop(items, Reason.TOO_DEEP)
