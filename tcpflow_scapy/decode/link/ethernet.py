"""Ethernet II and IEEE 802.3."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.run import Run

from .llc import llc

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype([("destination", "V6"), ("source", "V6"), ("type", ">u2")])

MAX_LENGTH = 1500
"""Numbers up to here in the type field are the length of an 802.3 frame (IEEE 802.3, 3.2.6)."""

LABEL = Label("eth", ethernet=True)


def ethernet(run: Run, items: Items) -> None:
    """Go on by Ethernet type, or to LLC where the field is a length."""
    items, header = run.take(items, HEADER)
    items.cursor = items.cursor + HEADER.itemsize
    items.state = run.context.states.extend(items.state, LABEL)
    by_type_or_length(run, items, header["type"].astype(np.int64))


def by_type_or_length(run: Run, items: Items, number: Array) -> None:
    """Go on behind an Ethernet header or a tag, by a field that is a type or a length."""
    is_length = number <= MAX_LENGTH
    if is_length.any():
        index = np.flatnonzero(is_length)
        part = items.pick(index)
        part.wire = np.minimum(part.wire, part.cursor + number[index])
        part.end = np.minimum(part.end, part.wire)
        run.forward(llc, part)
        rest = np.flatnonzero(~is_length)
        items, number = items.pick(rest), number[rest]
    run.ethertype(number, items)
