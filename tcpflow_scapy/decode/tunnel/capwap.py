"""CAPWAP data channel between access points and their controller (RFC 5415, 4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import looks_ethernet
from tcpflow_scapy.decode.ip.udp import datagram
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.link.ethernet import ethernet
from tcpflow_scapy.decode.link.ieee80211 import wlan, wlan_swapped
from tcpflow_scapy.decode.pieces import Kind, tagged
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype([("preamble", "u1"), ("bits", "u1"), ("flags", ">u2"), ("fragment", ">u4")])

PORTS = np.dtype([("source", ">u2"), ("destination", ">u2")])
UDP_SIZE = 8
CONTROL = np.dtype([("first", "u1"), ("second", "u1")])

CLEAR, ENCRYPTED = 0, 1
"""Preamble: version 0, and the kind of header that follows"""

NATIVE, PIECE, LAST, KEEP_ALIVE, RESERVED = 0x0100, 0x0080, 0x0040, 0x0008, 0x0007
OPTIONAL = 0x0030
"""Flags of what may stand in the header behind its fixed part: the radio's address, facts of reception"""

SEALED_SIZE = 4
RECORD = np.dtype([("kind", "u1"), ("version", "u1")])
RECORD_KINDS, RECORD_VERSION = range(20, 26), 0xFE
"""Behind its own header, what is encrypted is a record of DTLS (RFC 6347, 4.1)"""

FRAME_VERSION = 0x03
"""Of 802.11, in the first byte of a frame"""

FRAGMENT_OFFSET = 0xFFF8
"""In bytes, as its unit is eight and it stands above three reserved bits"""

PORT = 5247

DATA_FRAME = 0x08

LABEL = Label("capwap", key="name")


def capwap(run: Run, items: Items) -> None:
    """Step over the header, go on as 802.3 or 802.11; fragments wait for each other."""
    (items,) = run.keep(items, items.cursor + HEADER.itemsize <= items.end, datagram)
    header = run.read(HEADER, items.cursor)
    record = run.read(RECORD, items.cursor + SEALED_SIZE)
    sealed = (header["preamble"] == ENCRYPTED) & np.isin(record["kind"], RECORD_KINDS)
    sealed &= record["version"] == RECORD_VERSION
    items, header = run.keep(items, ~sealed, Reason.ENCRYPTED, header)
    size = (header["bits"] >> 3).astype(np.int64) << 2
    flags = header["flags"]
    good = (header["preamble"] == CLEAR) & (flags & np.uint16(KEEP_ALIVE | RESERVED) == 0)
    good &= (size >= HEADER.itemsize) & (items.cursor + size < items.end)
    good &= (size > HEADER.itemsize) == (flags & np.uint16(OPTIONAL) != 0)
    good &= _carries_a_frame(run, replace(items, cursor=np.minimum(items.cursor + size, items.end)), flags)
    items, header, size = run.keep(items, good, datagram, header, size)
    ports = run.read(PORTS, items.cursor - UDP_SIZE)
    items.cursor = items.cursor + size
    run.mark(items, LABEL)
    native = header["flags"] & np.uint16(NATIVE) != 0
    piece = header["flags"] & np.uint16(PIECE) != 0
    if piece.any():
        _piece(run, items.pick(piece), header[piece], ports[piece])
        items, native = items.pick(~piece), native[~piece]
    run.forward(ethernet, items.pick(~native))
    run.forward(capwap_native, items.pick(native))


def _carries_a_frame(run: Run, items: Items, flags: Array) -> Array:
    """Whether what follows can be what the flags say; any program may use the port."""
    control = run.read(CONTROL, items.cursor)
    native = (control["first"] & FRAME_VERSION == 0) | (control["second"] & FRAME_VERSION == 0)
    piece = flags & np.uint16(PIECE) != 0
    found: Array = piece | np.where(flags & np.uint16(NATIVE) != 0, native, looks_ethernet(run, items))
    return found


def _piece(run: Run, items: Items, header: Array, ports: Array) -> None:
    """A fragment (RFC 5415, 3.4). Access points behind one address are told apart by their ports."""
    native = header["flags"] & np.uint16(NATIVE) != 0
    port = np.where(ports["source"] == PORT, ports["destination"], ports["source"]).astype(np.uint32)
    run.fragment(
        items,
        protocol=np.zeros(len(items), np.uint8),
        identification=port << 16 | header["fragment"] >> 16,
        offset=(header["fragment"] & np.uint32(FRAGMENT_OFFSET)).astype(np.int64),
        more=header["flags"] & np.uint16(LAST) == 0,
        ends=(tagged(np.where(native, Kind.CAPWAP_NATIVE, Kind.CAPWAP), items.source), items.destination),
    )


def capwap_native(run: Run, items: Items) -> None:
    """An 802.11 frame. Many controllers send 16-bit fields of its header in the wrong byte order."""
    items, control = run.take(items, CONTROL)
    # Where both bytes are the same, the sequence control decides, which the swapped path looks at.
    swapped = (control["first"] & 0x0F != DATA_FRAME) | (control["first"] == control["second"])
    swapped &= control["second"] & 0x0F == DATA_FRAME
    run.forward(wlan_swapped, items.pick(swapped))
    run.forward(wlan, items.pick(~swapped))
