"""GTP, the user plane of mobile networks: version 1 (3GPP TS 29.281) and version 0 (GSM 09.60)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import first_byte, looks_ethernet
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.ip.udp import datagram
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.link.ethernet import ethernet
from tcpflow_scapy.decode.link.ppp import ppp
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype([("flags", "u1"), ("kind", "u1"), ("length", ">u2"), ("teid", ">u4")])
OPTIONAL = np.dtype([("sequence", ">u2"), ("pdu", "u1"), ("next", "u1")])

HEADER_0 = np.dtype(
    [("flags", "u1"), ("kind", "u1"), ("length", ">u2"), ("sequence", ">u2"), ("flow", ">u2")]
    + [("sndcp", "V4"), ("tunnel_high", ">u4"), ("tunnel_low", ">u4")]
)

VERSION_1 = 1
PROTOCOL_GTP = 0x10
EXTENSION, OPTIONS = 0x04, 0x07
PACKET = 255

MAX_EXTENSIONS = 16

LABEL = Label("gtp", key="value")
"""Each direction has a tunnel endpoint id of its own"""
LABEL_0, LABEL_0_HIGH = Label("gtp0", key="value"), Label("gtp0", key="value", hidden=True)
"""The tunnel id is the subscriber's number: 64 bits, the same in both directions"""

PPP_FRAMING = 0xFF03

_U1, _U2 = np.dtype("u1"), np.dtype(">u2")


def gtp(run: Run, items: Items) -> None:
    """User packets go on as IP or Ethernet; signalling is a datagram."""
    (items,) = run.keep(items, items.cursor + HEADER.itemsize <= items.end, datagram)
    header = run.read(HEADER, items.cursor)
    flags = header["flags"]
    good = (flags >> 5 == VERSION_1) & (flags & PROTOCOL_GTP != 0) & (header["kind"] == PACKET)
    items, header, flags = run.keep(items, good, datagram, header, flags)
    items.cursor = items.cursor + HEADER.itemsize
    items.limit(items.cursor + header["length"])
    run.mark(items, LABEL, header["teid"])
    optional = flags & OPTIONS != 0
    good = ~optional | (items.cursor + OPTIONAL.itemsize <= items.end)
    items, flags, optional = run.keep(items, good, Reason.TRUNCATED_LINK, flags, optional)
    following = run.read(OPTIONAL, items.cursor)["next"]
    items.cursor = items.cursor + OPTIONAL.itemsize * optional
    _extensions(run, items, np.where(flags & EXTENSION != 0, following, np.uint8(0)))


def gtp0(run: Run, items: Items) -> None:
    """Version 0: what is not a user packet (signalling, charging by GTP') is a datagram."""
    (items,) = run.keep(items, items.cursor + HEADER_0.itemsize <= items.end, datagram)
    header = run.read(HEADER_0, items.cursor)
    flags = header["flags"]
    good = (flags >> 5 == 0) & (flags & PROTOCOL_GTP != 0) & (header["kind"] == PACKET)
    items, header = run.keep(items, good, datagram, header)
    items.cursor = items.cursor + HEADER_0.itemsize
    items.limit(items.cursor + header["length"])
    run.mark(items, LABEL_0_HIGH, header["tunnel_high"])
    run.mark(items, LABEL_0, header["tunnel_low"])
    _payload(run, items)


def _extensions(run: Run, items: Items, following: Array) -> None:
    """Step over extension headers: length in words, content, type of the next."""
    for _ in range(MAX_EXTENSIONS):
        more = following != 0
        _payload(run, items.pick(~more))
        items = items.pick(more)
        items, words = run.take(items, _U1)
        if not len(items):
            return
        step = words.astype(np.int64) << 2
        good = (step > 0) & (items.cursor + step <= items.end)
        items, step = run.keep(items, good, Reason.TRUNCATED_LINK, step)
        items.cursor = items.cursor + step
        following = run.read(_U1, items.cursor - 1)
    run.drop(items, Reason.TOO_DEEP)


def _payload(run: Run, items: Items) -> None:
    version = first_byte(run, items) >> 4
    is_ip = (version == 4) | (version == 6)
    serial = ~is_ip & (items.cursor + 2 <= items.end) & (run.read(_U2, items.cursor) == PPP_FRAMING)
    framed = ~is_ip & ~serial & looks_ethernet(run, items)
    run.forward(ip, items.pick(is_ip))
    run.forward(ppp, items.pick(serial))
    run.forward(ethernet, items.pick(framed))
    run.drop(items.pick(~(is_ip | serial | framed)), Reason.OTHER_IP)
