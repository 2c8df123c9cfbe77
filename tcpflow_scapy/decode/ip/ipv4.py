"""IPv4 header (RFC 791, 3.1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.checksum import header_is_bad
from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .ipv6 import ipv6
from .lengths import MIN_PAYLOAD, TCP_SIZE, padding, too_short, unstated_end
from .version import other_version

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype(
    [
        ("version_length", "u1"),
        ("service", "u1"),
        ("total", ">u2"),
        ("id", ">u2"),
        ("fragment", ">u2"),
        ("ttl", "u1"),
        ("protocol", "u1"),
        ("checksum", ">u2"),
        ("source", ">u4"),
        ("destination", ">u4"),
    ]
)

MORE_FRAGMENTS = 0x2000
OFFSET_MASK = 0x1FFF
OFFSET_UNIT = 8

PROTOCOL_TCP = 6

LABEL = Label("ip")

_BYTE = np.dtype("u1")


def ip(run: Run, items: Items) -> None:
    """An IP header of either version, told by its first four bits."""
    items, first = run.take(items, _BYTE, Reason.TRUNCATED_IP)
    four = first >> 4 == 4
    # Called, not forwarded: telling versions apart is no header, and depth counts headers.
    if four.any():
        ipv4(run, items.pick(four))
    if not four.all():
        ipv6(run, items.pick(~four))


def ipv4(run: Run, items: Items, protocol: int | None = None) -> None:
    """Go on by protocol; fragments wait for each other.

    Parameters
    ----------
    run : Run
    items : Items
    protocol : int, optional
        What the packets carry, where something else stands in the field for it since the checksum was made.
    """
    items, header = run.take(items, HEADER, Reason.TRUNCATED_IP)
    items, header = run.keep(items, header["version_length"] >> 4 == 4, other_version, header)
    if not len(items):
        return
    length = (header["version_length"] & 15).astype(np.int64) << 2
    total = header["total"].astype(np.int64)
    total = _believed(run, items, header, length, total)
    good = length >= HEADER.itemsize
    # Total length 0: the card was to cut this into segments (TSO), so it ends where the frame does.
    good &= (total >= length) | (total == 0)
    items, header, length, total = run.keep(items, good, Reason.MALFORMED_IP, header, length, total)
    good = items.cursor + length <= items.end
    items, header, length, total = run.keep(items, good, Reason.TRUNCATED_IP, header, length, total)
    if run.context.verify_checksums:
        good = ~header_is_bad(
            run,
            items.cursor,
            length,
            0 if protocol is None else protocol - header["protocol"].astype(np.int64),
        )
        items, header, length, total = run.keep(items, good, Reason.BAD_CHECKSUM, header, length, total)
    wire = np.where(total == 0, unstated_end(items), items.cursor + total)
    _carry(
        run,
        Items(
            items.unit,
            items.cursor + length,
            np.minimum(items.end, wire),
            wire,
            run.context.states.extend(items.state, LABEL),
            header["source"].astype(np.uint64),
            header["destination"].astype(np.uint64),
        ),
        header,
        header["protocol"] if protocol is None else np.full(len(items), protocol, np.uint8),
    )


def _believed(run: Run, items: Items, header: Array, length: Array, total: Array) -> Array:
    """Total lengths: 0 where one is too short for TCP and the frame proves it, and without padding."""
    odd = (total < length + TCP_SIZE) & (total != 0) | (total == MIN_PAYLOAD)
    if not odd.any():
        return total
    odd &= (header["protocol"] == PROTOCOL_TCP) & (header["fragment"] & (MORE_FRAGMENTS | OFFSET_MASK) == 0)
    odd &= (length >= HEADER.itemsize) & (items.cursor + length <= items.end)
    index = np.flatnonzero(odd)
    some, stated = items.pick(index), total[index]
    end = some.cursor + stated
    some.cursor = some.cursor + length[index]
    some.source = header["source"][index].astype(np.uint64)
    some.destination = header["destination"][index].astype(np.uint64)
    short = stated < length[index] + TCP_SIZE
    stated[short] = np.where(too_short(run, some.pick(short)), 0, stated[short])
    some.limit(end)
    stated[~short] -= padding(run, some.pick(~short))
    total = total.copy()
    total[index] = stated
    return total


def _carry(run: Run, items: Items, header: Array, protocol: Array) -> None:
    """Hand on what an IPv4 header carries."""
    fragment = header["fragment"] & (MORE_FRAGMENTS | OFFSET_MASK)
    pieces = fragment != 0
    if pieces.any():
        index = np.flatnonzero(pieces)
        run.fragment(
            items.pick(index),
            protocol=protocol[index],
            identification=header["id"][index].astype(np.uint32),
            offset=(fragment[index] & OFFSET_MASK).astype(np.int64) * OFFSET_UNIT,
            more=(fragment[index] & MORE_FRAGMENTS) != 0,
        )
        whole = np.flatnonzero(~pieces)
        items, protocol = items.pick(whole), protocol[whole]
    run.ip_protocol(protocol, items)
