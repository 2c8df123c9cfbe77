"""Generic routing encapsulation (RFC 2784, RFC 2890; version 1: RFC 2637)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import looks_ip
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.ip.udp import datagram
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.link.ethernet import ethernet
from tcpflow_scapy.decode.link.ieee80211 import wlan
from tcpflow_scapy.decode.link.ppp import ppp
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .erspan import erspan, erspan_bare, erspan_iii

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype([("flags", ">u2"), ("type", ">u2")])
KEY = np.dtype(">u4")
ROUTE = np.dtype([("family", ">u2"), ("offset", "u1"), ("length", "u1")])

CHECKSUM, ROUTING, HAS_KEY, SEQUENCE, ACKNOWLEDGMENT = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
VERSION = 7

TYPE_PPP = 0x880B
TYPE_ERSPAN = 0x88BE
TYPE_ERSPAN_III = 0x22EB
TYPE_WCCP = 0x883E
TYPE_EOIP = 0x6400
"""MikroTik's Ethernet over IP: version 1, the key field holds length and tunnel id"""
TYPES_ARUBA = range(0x8200, 0x8371, 0x10)
"""802.11 frames between Aruba's access points and their controller, a number for each of their queues"""

MAX_ROUTES = 16

LABEL = Label("gre", key="value")
LABEL_UNKEYED = Label("gre", key="name")
LABEL_PPTP = Label("pptp", key="name")
"""Call ids differ between the directions"""


def gre(run: Run, items: Items) -> None:
    """Step over the optional fields, go on by type."""
    items, header = run.take(items, HEADER)
    flags, kind = header["flags"].astype(np.int64), header["type"].astype(np.int64)
    good = (flags & VERSION) <= 1
    items, flags, kind = run.keep(items, good, Reason.OTHER_IP, flags, kind)
    has_sum = (flags & (CHECKSUM | ROUTING)) != 0
    has_key = (flags & HAS_KEY) != 0
    key_at = items.cursor + HEADER.itemsize + 4 * has_sum
    after = key_at + 4 * has_key + 4 * ((flags & SEQUENCE) != 0)
    after += 4 * (((flags & ACKNOWLEDGMENT) != 0) & ((flags & VERSION) == 1))
    good = after <= items.end
    items, flags, kind, key_at, after = run.keep(
        items, good, Reason.TRUNCATED_LINK, flags, kind, key_at, after
    )
    items.cursor = after
    routed = (flags & ROUTING) != 0
    if routed.any():
        items, routed, flags, kind, key_at = _skip_routes(run, items, routed, flags, kind, key_at)
    _mark(run, items, flags, run.read(KEY, key_at))
    _go_on(run, items, flags, kind)


def gre_in_udp(run: Run, items: Items) -> None:
    """RFC 8086. Any program may use the port, so the header must be one without doubt."""
    (items,) = run.keep(items, items.cursor + HEADER.itemsize <= items.end, datagram)
    header = run.read(HEADER, items.cursor)
    known = run.context.switches.ethertypes.codes[header["type"]] != 0
    good = known & (header["flags"] & ~np.uint16(CHECKSUM | HAS_KEY | SEQUENCE) == 0)
    (items,) = run.keep(items, good, datagram)
    gre(run, items)


def _mark(run: Run, items: Items, flags: Array, key: Array) -> None:
    """Note the tunnel, with its key where it has one that is the same in both directions."""
    state = items.state
    if not len(state):
        return
    version1 = (flags & VERSION) == 1
    keyed = ~version1 & ((flags & HAS_KEY) != 0)
    states = run.context.states
    marked = states.extend(state, LABEL_UNKEYED)
    if version1.any():
        marked[version1] = states.extend(state[version1], LABEL_PPTP)
    if keyed.any():
        marked[keyed] = states.extend(state[keyed], LABEL, key[keyed])
    items.state = marked


def _skip_routes(run: Run, items: Items, routed: Array, *columns: Array) -> tuple[Any, ...]:
    """Step over source routes (RFC 1701), which end with an empty one."""
    for _ in range(MAX_ROUTES):
        inside = ~routed | (items.cursor + ROUTE.itemsize <= items.end)
        kept = run.keep(items, inside, Reason.TRUNCATED_LINK, routed, *columns)
        items, routed, columns = kept[0], kept[1], kept[2:]
        if not routed.any():
            break
        entry = run.read(ROUTE, items.cursor)
        step = ROUTE.itemsize + entry["length"].astype(np.int64)
        items.cursor = items.cursor + np.where(routed, step, 0)
        routed = routed & ((entry["family"] != 0) | (entry["length"] != 0))
    return run.keep(items, ~routed, Reason.TOO_DEEP, routed, *columns)


def _go_on(run: Run, items: Items, flags: Array, kind: Array) -> None:
    """By type: those that only GRE has first, then Ethernet types."""
    version1 = (flags & VERSION) == 1
    sequenced = (flags & SEQUENCE) != 0
    empty = items.cursor >= items.wire
    special = {
        ethernet: version1 & (kind == TYPE_EOIP),
        ppp: kind == TYPE_PPP,
        erspan: (kind == TYPE_ERSPAN) & sequenced,
        erspan_bare: (kind == TYPE_ERSPAN) & ~sequenced,
        erspan_iii: kind == TYPE_ERSPAN_III,
        wccp: kind == TYPE_WCCP,
        wlan: np.isin(kind, TYPES_ARUBA),
    }
    left = ~empty
    run.drop(items.pick(empty), Reason.TEREDO_OR_OTHER_BUBBLE)
    for layer, chosen in special.items():
        run.forward(layer, items.pick(chosen & left))
        left &= ~chosen
    run.ethertype(kind[left], items.pick(left))


def wccp(run: Run, items: Items) -> None:
    """Redirected packets (WCCP version 2 puts four bytes in front, version 1 none)."""
    bare = looks_ip(run, items)
    items.cursor = items.cursor + np.where(bare, 0, 4)
    run.forward(ip, items)
