"""Ethernet II and IEEE 802.3."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .llc import llc

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype([("destination", ">u4"), ("addresses", "V8"), ("type", ">u2")])

MAX_LENGTH = 1500
"""Numbers up to here in the type field are the length of an 802.3 frame (IEEE 802.3, 3.2.6)."""

ISL_DESTINATIONS = (0x01000C00, 0x03000C00)
"""Where Cisco's inter-switch link frames go: a VLAN tag in front of the whole frame"""
ISL = np.dtype(
    [("destination", "V4"), ("last", "u1"), ("kind", "V9"), ("snap", ">u2"), ("control", "u1")]
    + [("vendor", "V3"), ("vlan", ">u2"), ("index", "V4")]
)

LABEL = Label("eth", ethernet=True)
ISL_LABEL = Label("isl", key="value", vlan=True)


def ethernet(run: Run, items: Items) -> None:
    """Go on by Ethernet type, or to LLC where the field is a length."""
    items, header = run.take(items, HEADER)
    switched = np.isin(header["destination"], ISL_DESTINATIONS)
    if switched.any():
        items, header = run.keep(items, ~switched, inter_switch, header)
    items.cursor = items.cursor + HEADER.itemsize
    run.mark(items, LABEL)
    by_type_or_length(run, items, header["type"].astype(np.int64))


def inter_switch(run: Run, items: Items) -> None:
    """Cisco ISL: SNAP in the header, then VLAN id, then the frame as it was."""
    fits = items.cursor + ISL.itemsize <= items.end
    at = np.where(fits, items.cursor, 0)
    header = run.read(ISL, at)
    good = fits & (header["last"] == 0) & (header["snap"] == 0xAAAA) & (header["control"] == 3)
    items, header = run.keep(items, good, Reason.OTHER_ETHERTYPE, header)
    items.cursor = items.cursor + ISL.itemsize
    run.mark(items, LABEL)
    run.mark(items, ISL_LABEL, header["vlan"] >> 1)
    run.forward(framed, items)


def framed(run: Run, items: Items) -> None:
    """The Ethernet frame inside a link header that has named the VLAN already."""
    items, header = run.take(items, HEADER)
    items.cursor = items.cursor + HEADER.itemsize
    by_type_or_length(run, items, header["type"].astype(np.int64))


def by_type_or_length(run: Run, items: Items, number: Array) -> None:
    """Go on behind an Ethernet header or a tag, by a field that is a type or a length."""
    is_length = number <= MAX_LENGTH
    if is_length.any():
        index = np.flatnonzero(is_length)
        part = items.pick(index)
        part.limit(part.cursor + number[index])
        run.forward(llc, part)
        rest = np.flatnonzero(~is_length)
        items, number = items.pick(rest), number[rest]
    run.ethertype(number, items)
