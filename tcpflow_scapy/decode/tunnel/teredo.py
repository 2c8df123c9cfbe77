"""Teredo: IPv6 in UDP through address translators (RFC 4380)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import can_carry
from tcpflow_scapy.decode.ip.ipv6 import ipv6
from tcpflow_scapy.decode.ip.udp import datagram
from tcpflow_scapy.decode.ip.version import SHORTEST
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.run import Run

Array = np.ndarray[Any, np.dtype[Any]]

AUTHENTICATION = np.dtype([("kind", ">u2"), ("id_length", "u1"), ("value_length", "u1")])
AUTHENTICATION_FIXED = 13
ORIGIN_SIZE = 8

IPV6 = np.dtype([("version", "u1"), ("flow", "V3"), ("payload", ">u2"), ("next", "u1")])
IPV6_SIZE = 40

LABEL = Label("teredo", key="name")


def teredo(run: Run, items: Items) -> None:
    """Step over the authentication and origin indications."""
    start = items.cursor
    at = start.copy()
    head = run.read(AUTHENTICATION, at)
    authenticated = (head["kind"] == 1) & (at + AUTHENTICATION.itemsize <= items.end)
    size = AUTHENTICATION_FIXED + head["id_length"].astype(np.int64) + head["value_length"]
    at += np.where(authenticated, size, 0)
    at = np.minimum(at, items.end)
    origin = (run.read(AUTHENTICATION, at)["kind"] == 0) & (at + ORIGIN_SIZE <= items.end)
    at += np.where(origin, ORIGIN_SIZE, 0)
    good = at + IPV6.itemsize <= items.end
    at = np.where(good, at, start)
    header = run.read(IPV6, at)
    payload = header["payload"]
    good &= (header["version"] >> 4 == 6) & (at + IPV6_SIZE + payload <= items.wire)
    # A question to a name server from this port could pass for a header with one byte behind it.
    good &= can_carry(run, header["next"]) & ((payload == 0) | (payload >= SHORTEST))
    items, at = run.keep(items, good, datagram, at)
    items.cursor = at
    run.mark(items, LABEL)
    run.forward(ipv6, items)
