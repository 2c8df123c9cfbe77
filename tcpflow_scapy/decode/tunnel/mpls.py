"""MPLS label stacks (RFC 3032) and the pseudowires behind them (RFC 4385, RFC 4448)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import first_byte, looks_ethernet, looks_ip
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.ip.udp import datagram
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.link.ethernet import ethernet
from tcpflow_scapy.decode.link.hdlc import serial
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

Array = np.ndarray[Any, np.dtype[Any]]

ENTRY = np.dtype(">u4")
"""Label (20 bits), traffic class (3), bottom of stack (1), time to live (8)"""

BOTTOM = 0x100

MAX_LABELS = 16

CONTROL_WORD = 4

ASSOCIATED_CHANNEL = 1
"""First bits of a pseudowire's maintenance channel (RFC 4385, 5)"""

LABEL = Label("mpls")

_SERIAL_HEADS = (0x0021, 0x0057, 0xFF03, 0x0F00, 0x8F00)


def mpls(run: Run, items: Items) -> None:
    """Step over the stack; labels differ between the directions, so they are not in the key."""
    for _ in range(MAX_LABELS):
        items, entry = run.take(items, ENTRY)
        if not len(items):
            return
        items.cursor = items.cursor + ENTRY.itemsize
        run.mark(items, LABEL, entry >> 12)
        bottom = (entry & BOTTOM) != 0
        _payload(run, items.pick(bottom))
        items = items.pick(~bottom)
    run.drop(items, Reason.TOO_DEEP)


def mpls_in_udp(run: Run, items: Items) -> None:
    """RFC 7510. Any program may use the port, so something must be recognised behind the stack."""
    (items,) = run.keep(items, looks_mpls(run, items), datagram)
    mpls(run, items)


def looks_mpls(run: Run, items: Items, skip: int = 0) -> Array:
    """Whether a label stack in front of IP or Ethernet, bare or behind a control word, can begin there."""
    behind = replace(items, cursor=items.cursor + skip)
    left = np.ones(len(items), bool)
    for _ in range(MAX_LABELS):
        left &= behind.cursor + ENTRY.itemsize <= items.end
        bottom = run.read(ENTRY, np.where(left, behind.cursor, items.cursor)) & BOTTOM != 0
        behind.cursor = behind.cursor + ENTRY.itemsize * left
        left &= ~bottom
        if not left.any():
            break
    found = np.zeros(len(items), bool)
    for size in (0, CONTROL_WORD):
        found |= looks_ip(run, behind, size) | looks_ethernet(run, behind, size)
    return found & ~left


def _payload(run: Run, items: Items) -> None:
    """The label says what follows to those who gave it out; others look at the bytes."""
    is_ip = looks_ip(run, items)
    run.forward(ip, items.pick(is_ip))
    items = items.pick(~is_ip)
    nibble = first_byte(run, items) >> 4
    # A control word begins with four zero bits, so an address like 00:... is the second guess.
    worded = (nibble == 0) & looks_ethernet(run, items, CONTROL_WORD)
    plain = ~worded & looks_ethernet(run, items)
    rest = ~worded & ~plain
    behind = items.pick(worded)
    behind.cursor = behind.cursor + CONTROL_WORD
    run.forward(ethernet, behind)
    run.forward(ethernet, items.pick(plain))
    _other_wires(run, items.pick(rest), nibble[rest])


def _other_wires(run: Run, items: Items, nibble: Array) -> None:
    """IP, PPP or HDLC behind a control word; IP that lies about its length; the unknown."""
    worded = (nibble == 0) & looks_ip(run, items, CONTROL_WORD)
    head = run.read(np.dtype(">u2"), items.cursor + CONTROL_WORD)
    serials = (nibble == 0) & ~worded & np.isin(head, _SERIAL_HEADS)
    serials &= items.cursor + CONTROL_WORD + 2 <= items.end
    damaged = (nibble == 4) | (nibble == 6)
    run.drop(items.pick(~(worded | serials | damaged)), Reason.OTHER_ETHERTYPE)
    run.forward(ip, items.pick(damaged))
    for layer, chosen in ((ip, worded), (serial, serials)):
        part = items.pick(chosen)
        part.cursor = part.cursor + CONTROL_WORD
        run.forward(layer, part)
