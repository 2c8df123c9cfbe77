"""Packets that Linux's netfilter hands to programs: logged (LINKTYPE_NFLOG) or queued, as attributes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import looks_ethernet, looks_ip
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .ethernet import ethernet

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype([("family", "u1"), ("version", "u1"), ("resource", ">u2")])
ATTRIBUTE = np.dtype([("length", "<u2"), ("kind", "<u2")])
ATTRIBUTE_BIG = np.dtype([("length", ">u2"), ("kind", ">u2")])
MESSAGE = np.dtype([("length", "<u4"), ("kind", "<u2"), ("rest", "V10")])
MESSAGE_BIG = np.dtype([("length", ">u4"), ("kind", ">u2"), ("rest", "V10")])

QUEUE, LOG = 0x0300, 0x0400
"""Messages that hold packets: subsystem << 8 | 0"""

PACKET_HEADER, LOG_PAYLOAD, QUEUE_PAYLOAD = 1, 9, 10
LOG_PROTOCOL_AT, QUEUE_PROTOCOL_AT = 0, 4
"""Where the Ethernet type stands in the packet header"""
KIND = 0x3FFF
"""Without the bits for nested attributes and for network byte order"""

FAMILIES_IP = (2, 10)
FAMILIES = (0, 1, *FAMILIES_IP, 3, 5, 7)
"""Where the rule stood: IP, ARP, a device's own hooks, a bridge"""

MAX_ATTRIBUTES = 40

MAX_MESSAGES = 2048
"""Of one frame; the kernel hands out at most 128 KiB together, and a packet needs 72 bytes"""

LABEL = Label("nflog", ethernet=True)
LABEL_NETLINK = Label("netlink", ethernet=True)

_TYPE = np.dtype(">u2")
_TYPES_IP = (0, 0x0800, 0x86DD)
_MIN_TYPE = 0x0600


def nflog(run: Run, items: Items) -> None:
    """The log's header and attributes."""
    run.mark(items, LABEL)
    log_message(run, items)


def queue_message(run: Run, items: Items) -> None:
    """A queued packet, which only differs in numbers."""
    _message(run, items, QUEUE_PAYLOAD, QUEUE_PROTOCOL_AT)


def log_message(run: Run, items: Items) -> None:
    """A logged packet."""
    _message(run, items, LOG_PAYLOAD, LOG_PROTOCOL_AT)


def messages(run: Run, items: Items) -> None:
    """Netfilter's messages in a netlink frame: the kernel hands out several at once."""
    items, _ = run.take(items, MESSAGE)
    run.mark(items, LABEL_NETLINK)
    for _ in range(MAX_MESSAGES):
        if not len(items):
            return
        little, big = run.read(MESSAGE, items.cursor), run.read(MESSAGE_BIG, items.cursor)
        # In the byte order of the machine that captured; in the other one a length is enormous.
        swapped = little["length"] > big["length"]
        length = np.where(swapped, big["length"], little["length"]).astype(np.int64)
        kind = np.where(swapped, big["kind"], little["kind"])
        good = length >= MESSAGE.itemsize
        items, length, kind = run.keep(items, good, Reason.MALFORMED, length, kind)
        inner = items.pick(np.arange(len(items)))
        inner.limit(items.cursor + length)
        inner.cursor = items.cursor + MESSAGE.itemsize
        run.forward(queue_message, inner.pick(kind == QUEUE))
        run.forward(log_message, inner.pick(kind == LOG))
        run.drop(inner.pick((kind != QUEUE) & (kind != LOG)), Reason.OTHER_ETHERTYPE)
        items.cursor = items.cursor + (length + 3 & ~3)
        items = items.pick(items.cursor + MESSAGE.itemsize <= items.end)
    run.drop(items, Reason.TOO_DEEP)


def _message(run: Run, items: Items, payload: int, protocol_at: int) -> None:
    """Find the payload attribute; attributes are in the byte order of the machine that captured."""
    items, header = run.take(items, HEADER)
    family = header["family"]
    good = (header["version"] == 0) & np.isin(family, FAMILIES)
    items, family = run.keep(items, good, Reason.OTHER_ETHERTYPE, family)
    items.cursor = items.cursor + HEADER.itemsize
    protocol = np.zeros(len(items), np.int64)
    for _ in range(MAX_ATTRIBUTES):
        there = items.cursor + ATTRIBUTE.itemsize <= items.end
        items, family, protocol = run.keep(items, there, Reason.TRUNCATED_LINK, family, protocol)
        if not len(items):
            return
        items, length, kind, family, protocol = _attribute(run, items, family, protocol)
        start, stop = items.cursor + ATTRIBUTE.itemsize, items.cursor + length
        described = (kind == PACKET_HEADER) & (stop >= start + protocol_at + _TYPE.itemsize)
        protocol = np.where(described, run.read(_TYPE, start + protocol_at), protocol)
        found = kind == payload
        packet = items.pick(found)
        packet.cursor = start[found]
        packet.limit(stop[found])
        _packet(run, packet, family[found], protocol[found])
        items, family, protocol = items.pick(~found), family[~found], protocol[~found]
        items.cursor = items.cursor + (length[~found] + 3 & ~3)
    run.drop(items, Reason.TOO_DEEP)


def _attribute(run: Run, items: Items, *columns: Array) -> tuple[Any, ...]:
    """Length and kind of each attribute. Kinds are small, so their high byte tells the byte order."""
    little, big = run.read(ATTRIBUTE, items.cursor), run.read(ATTRIBUTE_BIG, items.cursor)
    swapped = little["kind"] & np.uint16(KIND) > 0xFF
    length = np.where(swapped, big["length"], little["length"]).astype(np.int64)
    kind = np.where(swapped, big["kind"], little["kind"]) & np.uint16(KIND)
    return run.keep(items, length >= ATTRIBUTE.itemsize, Reason.MALFORMED, length, kind, *columns)


def _packet(run: Run, items: Items, family: Array, protocol: Array) -> None:
    """What a rule saw: from the IP header on, or what the Ethernet type says, or the whole frame."""
    known = np.isin(family, FAMILIES_IP)
    run.forward(ip, items.pick(known))
    items, protocol = items.pick(~known), protocol[~known]
    # On its way out of a device a packet has its link header already.
    unclear = np.isin(protocol, _TYPES_IP)
    packet = unclear & looks_ip(run, items)
    framed = unclear & ~packet & looks_ethernet(run, items)
    run.forward(ip, items.pick(packet))
    run.forward(ethernet, items.pick(framed))
    left = ~packet & ~framed
    typed = left & (protocol >= _MIN_TYPE)
    run.ethertype(protocol[typed], items.pick(typed))
    run.drop(items.pick(left & ~typed), Reason.OTHER_ETHERTYPE)
