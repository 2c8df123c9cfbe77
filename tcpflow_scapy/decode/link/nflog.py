"""Packets that Linux's netfilter hands to programs: logged (LINKTYPE_NFLOG) or queued, as attributes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .cooked import ARPHRD_NETLINK, V1

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype([("family", "u1"), ("version", "u1"), ("resource", ">u2")])
ATTRIBUTE = np.dtype([("length", "<u2"), ("kind", "<u2")])
ATTRIBUTE_BIG = np.dtype([("length", ">u2"), ("kind", ">u2")])
MESSAGE = np.dtype([("length", "V4"), ("low", "u1"), ("high", "u1"), ("rest", "V10")])

FAMILY_NETFILTER = 12
QUEUE, LOG = 3, 4
"""Netfilter's subsystems that hand out packets"""

LOG_PAYLOAD, QUEUE_PAYLOAD = 9, 10
FAMILIES = (2, 10)

MAX_ATTRIBUTES = 40

LABEL = Label("nflog", ethernet=True)
LABEL_NETLINK = Label("netlink", ethernet=True)


def nflog(run: Run, items: Items) -> None:
    """The log's header and attributes."""
    run.mark(items, LABEL)
    _message(run, items, LOG_PAYLOAD)


def nfqueue(run: Run, items: Items) -> None:
    """The queue's, which only differ in a number."""
    _message(run, items, QUEUE_PAYLOAD)


def nflog_message(run: Run, items: Items) -> None:
    """A log message inside netlink."""
    _message(run, items, LOG_PAYLOAD)


def netlink(run: Run, items: Items) -> None:
    """LINKTYPE_NETLINK: one cooked header, then a message in the byte order of the machine."""
    items, header = run.take(items, V1)
    good = (header["hardware"] == ARPHRD_NETLINK) & (header["protocol"] == FAMILY_NETFILTER)
    (items,) = run.keep(items, good, Reason.OTHER_ETHERTYPE)
    items.cursor = items.cursor + V1.itemsize
    items, message = run.take(items, MESSAGE)
    items.cursor = items.cursor + MESSAGE.itemsize
    run.mark(items, LABEL_NETLINK)
    # The type is subsystem << 8 | message, and the messages that hold packets have number 0.
    low, high = message["low"], message["high"]
    subsystem = low | high
    packet = ((low == 0) | (high == 0)) & ((subsystem == QUEUE) | (subsystem == LOG))
    items, subsystem = run.keep(items, packet, Reason.OTHER_ETHERTYPE, subsystem)
    run.forward(nfqueue, items.pick(subsystem == QUEUE))
    run.forward(nflog_message, items.pick(subsystem == LOG))


def _message(run: Run, items: Items, payload: int) -> None:
    """Find the payload attribute; attributes are in the byte order of the machine that captured."""
    items, header = run.take(items, HEADER)
    good = (header["version"] == 0) & np.isin(header["family"], FAMILIES)
    (items,) = run.keep(items, good, Reason.OTHER_ETHERTYPE)
    items.cursor = items.cursor + HEADER.itemsize
    for _ in range(MAX_ATTRIBUTES):
        items, little = run.take(items, ATTRIBUTE)
        if not len(items):
            return
        items, length, kind = _attribute(run, items, little)
        found = kind == payload
        packet = items.pick(found)
        packet.cursor = packet.cursor + ATTRIBUTE.itemsize
        packet.limit(packet.cursor + length[found] - ATTRIBUTE.itemsize)
        run.forward(ip, packet)
        items, length = items.pick(~found), length[~found]
        items.cursor = items.cursor + (length + 3 & ~3)
    run.drop(items, Reason.TOO_DEEP)


def _attribute(run: Run, items: Items, little: Array) -> tuple[Any, ...]:
    """Length and kind of each attribute. Kinds are small, so their high byte tells the byte order."""
    big = run.read(ATTRIBUTE_BIG, items.cursor)
    swapped = little["kind"] > 0xFF
    length = np.where(swapped, big["length"], little["length"]).astype(np.int64)
    kind = np.where(swapped, big["kind"], little["kind"])
    return run.keep(items, length >= ATTRIBUTE.itemsize, Reason.MALFORMED, length, kind)
