"""TCP header (RFC 9293, 3.1): the end of a packet's way."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.checksum import tcp_is_bad
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype(
    [
        ("source", ">u2"),
        ("destination", ">u2"),
        ("sequence", ">u4"),
        ("acknowledgment", ">u4"),
        ("offset", "u1"),
        ("flags", "u1"),
        ("window", ">u2"),
        ("checksum", ">u2"),
        ("urgent", ">u2"),
    ]
)

ESSENTIAL = 16
"""Bytes before the checksum: they say all that is known of a segment without payload"""


def tcp(run: Run, items: Items) -> None:
    """Each packet becomes a row, unless its header cannot be."""
    long_enough = items.cursor + HEADER.itemsize <= items.wire
    (items,) = run.keep(items, long_enough, Reason.MALFORMED_TCP)
    (items,) = run.keep(items, items.cursor + ESSENTIAL <= items.end, Reason.TRUNCATED_TCP)
    if not len(items):
        return
    header = run.read(HEADER, items.cursor)
    data_offset = (header["offset"] >> 4).astype(np.int64) << 2
    good = (data_offset >= 20) & (items.cursor + data_offset <= items.wire)
    items, header, data_offset = run.keep(items, good, Reason.MALFORMED_TCP, header, data_offset)
    if run.context.verify_checksums and len(items):
        good = ~tcp_is_bad(run, items)
        items, header, data_offset = run.keep(items, good, Reason.BAD_CHECKSUM, header, data_offset)
    if len(items):
        emit(run, items, header, data_offset)


def emit(run: Run, items: Items, header: Array, data_offset: Array) -> None:
    """Add the rows of good headers (`header` has the fields of `HEADER`)."""
    start = items.cursor + data_offset
    captured = np.minimum(items.end, items.wire)
    run.segments.append(
        {
            "unit": items.unit,
            "source": items.source << np.uint64(16) | header["source"],
            "destination": items.destination << np.uint64(16) | header["destination"],
            "state": items.state,
            "header": run.address(items),
            # Options that snaplen cut off are not there to be read.
            "data_offset": np.minimum(data_offset, captured - items.cursor).astype(np.uint8),
            "sequence": header["sequence"].astype(np.uint32),
            "acknowledgment": header["acknowledgment"].astype(np.uint32),
            "flags": header["flags"] | (header["offset"] & np.uint16(1)) << np.uint16(8),
            "window": header["window"].astype(np.uint16),
            "length": np.maximum(captured - start, 0).astype(np.uint32),
            "wire_length": (items.wire - start).astype(np.uint32),
        }
    )
