"""Layer 2 tunnelling: L2TP version 2 (RFC 2661) and version 3 (RFC 3931)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import looks_ethernet, looks_ip
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.ip.udp import datagram
from tcpflow_scapy.decode.layers import Items, Layer
from tcpflow_scapy.decode.link.ethernet import ethernet
from tcpflow_scapy.decode.link.hdlc import serial
from tcpflow_scapy.decode.link.ppp import looks_ppp, ppp
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

Array = np.ndarray[Any, np.dtype[Any]]

FLAGS = np.dtype(">u2")
SESSION = np.dtype(">u4")

CONTROL, HAS_LENGTH, HAS_SEQUENCE, HAS_OFFSET = 0x8000, 0x4000, 0x0800, 0x0200
VERSION, RESERVED = 0x000F, 0x34F0

BEFORE_FRAME = (4, 0, 8, 12)
"""Bytes of cookie (0, 4 or 8) and sublayer (0 or 4) that may stand in front of a version 3 frame, most
usual first; nothing in the packet says which."""

LABEL = Label("l2tp", key="value")
"""Tunnel and session ids differ between the directions"""


def l2tp(run: Run, items: Items) -> None:
    """Over UDP: data goes on as PPP (version 2) or by its looks (version 3)."""
    (items,) = run.keep(items, items.cursor + 6 <= items.end, datagram)
    flags = run.read(FLAGS, items.cursor).astype(np.int64)
    version = flags & VERSION
    data = (flags & CONTROL) == 0
    good = data & ((version == 2) | (version == 3))
    items, flags, version = run.keep(items, good, datagram, flags, version)
    three = version == 3
    behind = items.pick(three)
    behind.cursor = behind.cursor + 4
    _version_3(run, behind, datagram)
    _version_2(run, items.pick(~three), flags[~three])


def _version_2(run: Run, items: Items, flags: Array) -> None:
    """Optional length, ids, optional sequence numbers, optional padding, then PPP."""
    start = items.cursor
    has_length = (flags & HAS_LENGTH) != 0
    length = run.read(FLAGS, start + 2).astype(np.int64)
    at = start + 6 + 2 * has_length + 4 * ((flags & HAS_SEQUENCE) != 0)
    padded = (flags & HAS_OFFSET) != 0
    at = np.minimum(at, items.end)
    at += np.where(padded, 2 + run.read(FLAGS, at).astype(np.int64), 0)
    session = run.read(FLAGS, start + 4 + 2 * has_length)
    good = (at < items.end) & (~has_length | (length >= at - start)) & (flags & RESERVED == 0)
    good &= looks_ppp(run, replace(items, cursor=np.minimum(at, items.end)))
    items, start, at, has_length, length, session = run.keep(
        items, good, datagram, start, at, has_length, length, session
    )
    items.cursor = at
    items.limit(np.where(has_length, start + length, items.wire))
    run.mark(items, LABEL, session)
    run.forward(ppp, items)


def l2tp_over_ip(run: Run, items: Items) -> None:
    """Version 3 directly over IP; session 0 is control."""
    _version_3(run, items, Reason.OTHER_IP)


def _version_3(run: Run, items: Items, otherwise: Layer | Reason) -> None:
    fits = items.cursor + SESSION.itemsize <= items.end
    (items,) = run.keep(items, fits, otherwise)
    session = run.read(SESSION, items.cursor)
    # What does not look like traffic must reach `otherwise` untouched.
    left = session != 0
    for layer, test in ((ethernet, looks_ethernet), (ip, looks_ip), (serial, _looks_serial)):
        for skip in BEFORE_FRAME:
            found = np.flatnonzero(left & test(run, items, SESSION.itemsize + skip))
            if len(found):
                part = items.pick(found)
                part.cursor = part.cursor + SESSION.itemsize + skip
                run.mark(part, LABEL, session[found])
                run.forward(layer, part)
                left[found] = False
    run.send(otherwise, _back(items, otherwise).pick(left | (session == 0)))


def _back(items: Items, otherwise: Layer | Reason) -> Items:
    """Over UDP the cursor goes back to where the datagram's data begins."""
    if otherwise is datagram:
        items.cursor = items.cursor - 4
    return items


def _looks_serial(run: Run, items: Items, skip: int) -> Array:
    at = items.cursor + skip
    there = at + 4 <= items.end
    head = run.read(SESSION, np.where(there, at, items.cursor))
    found: Array = there & np.isin(head, (0xFF030021, 0xFF030057, 0x0F000800, 0x0F0086DD))
    return found
