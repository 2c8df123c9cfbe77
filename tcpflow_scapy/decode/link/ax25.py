"""AX.25: amateur packet radio, as it is and behind the byte of a KISS modem."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

ADDRESS = np.dtype([("call", "V6"), ("station", "u1")])
CONTROL = np.dtype([("control", "u1"), ("protocol", "u1")])

LAST = 1
"""Set in the last byte of the last address"""
MAX_ADDRESSES = 10
"""Destination, source, eight repeaters"""

UNNUMBERED, POLL = 0x03, 0x10
NUMBERED = 0x01
"""Not set in the control field of information frames"""

PROTOCOL_IP = 0xCC
KISS_COMMAND, KISS_DATA = 0x0F, 0

LABEL = Label("ax25", ethernet=True)

_U1 = np.dtype("u1")


def ax25(run: Run, items: Items) -> None:
    """Step over the addresses; information frames, numbered or not, say what they carry."""
    run.mark(items, LABEL)
    for _ in range(MAX_ADDRESSES):
        items, address = run.take(items, ADDRESS)
        items.cursor = items.cursor + ADDRESS.itemsize
        last = address["station"] & LAST != 0
        _information(run, items.pick(last))
        items = items.pick(~last)
    run.drop(items, Reason.OTHER_ETHERTYPE)


def _information(run: Run, items: Items) -> None:
    items, header = run.take(items, CONTROL)
    items.cursor = items.cursor + CONTROL.itemsize
    control = header["control"]
    good = (control & NUMBERED == 0) | (control & ~np.uint8(POLL) == UNNUMBERED)
    good &= header["protocol"] == PROTOCOL_IP
    (items,) = run.keep(items, good, Reason.OTHER_ETHERTYPE)
    run.forward(ip, items)


def ax25_kiss(run: Run, items: Items) -> None:
    """LINKTYPE_AX25_KISS: a byte with port and command; command 0 is data."""
    items, kind = run.take(items, _U1)
    (items,) = run.keep(items, kind & KISS_COMMAND == KISS_DATA, Reason.NOT_DATA)
    items.cursor = items.cursor + _U1.itemsize
    run.forward(ax25, items)
