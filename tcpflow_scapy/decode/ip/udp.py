"""UDP header (RFC 768): a datagram, or the outside of a tunnel."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.guess import TEREDO_PORT, looks_teredo
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype([("source", ">u2"), ("destination", ">u2"), ("length", ">u2"), ("checksum", ">u2")])


def udp(run: Run, items: Items) -> None:
    """Go on by port: the destination's if a tunnel is known there, else the source's."""
    items, header = run.take(items, HEADER, Reason.UDP)
    if not len(items):
        return
    length = header["length"].astype(np.int64)
    # Length 0 stands for more than 16 bits can say (RFC 2675, 4, and segmentation offload).
    wire = np.where(length >= HEADER.itemsize, np.minimum(items.wire, items.cursor + length), items.wire)
    items = Items(
        items.unit,
        items.cursor + HEADER.itemsize,
        np.minimum(items.end, wire),
        wire,
        items.state,
        items.source,
        items.destination,
    )
    ports = run.context.switches.udp_ports
    port = header["destination"]
    port = np.where(ports.codes[port] != 0, port, header["source"])
    unknown = np.flatnonzero(ports.codes[port] == 0)
    if len(unknown):
        port[unknown[looks_teredo(run, items.pick(unknown))]] = TEREDO_PORT
    run.switch(ports, port, items)


def datagram(run: Run, items: Items) -> None:
    """Packets whose cursor stands behind a UDP header become rows of the datagram table."""
    run.drop(items, Reason.UDP)
    header = run.read(HEADER, items.cursor - HEADER.itemsize)
    captured = np.minimum(items.end, items.wire)
    run.datagrams.append(
        {
            "unit": items.unit,
            "source": items.source << np.uint64(16) | header["source"],
            "destination": items.destination << np.uint64(16) | header["destination"],
            "state": items.state,
            "address": run.address(items),
            "length": np.maximum(captured - items.cursor, 0).astype(np.uint32),
            "wire_length": np.maximum(items.wire - items.cursor, 0).astype(np.uint32),
        }
    )
