"""IPv6 header and its extension headers (RFC 8200, 3 and 4)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.addresses import PACKED, intern_ipv6
from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .lengths import TCP_SIZE, too_short, unstated_end
from .version import other_version

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype(
    [
        ("version", "u1"),
        ("flow", "V3"),
        ("payload", ">u2"),
        ("next", "u1"),
        ("hop_limit", "u1"),
        ("source", PACKED),
        ("destination", PACKED),
    ]
)
EXTENSION = np.dtype([("next", "u1"), ("length", "u1"), ("a", "u1"), ("b", "u1"), ("c", ">u4")])
"""First 8 bytes of any extension header. Fragment header: a, b are offset and flags, c the
identification. Routing header: a is the type, b the segments left."""

MAX_EXTENSIONS = 16
"""Extension headers that may follow each other in one packet."""

VERSION = 6

TCP = 6
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60
MOBILITY, HIP, SHIM6 = 135, 139, 140

LABEL = Label("ipv6")

_IS_EXTENSION = np.zeros(256, bool)
_IS_EXTENSION[[HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, MOBILITY, HIP, SHIM6]] = True

_BYTE = np.dtype("u1")

_JUMBO = 0xC2
_JUMBO_OPTION = np.dtype([("type", "u1"), ("length", "u1"), ("payload", ">u4")])
_MAX_OPTIONS = 16


def ipv6(run: Run, items: Items) -> None:
    """Go on behind the extension headers; fragments wait for each other."""
    # A fragment of IPv4 may be shorter than any packet of version 6.
    items, first = run.take(items, _BYTE, Reason.TRUNCATED_IP)
    (items,) = run.keep(items, first >> 4 == VERSION, other_version)
    items, header = run.take(items, HEADER, Reason.TRUNCATED_IP)
    if not len(items):
        return
    payload = header["payload"].astype(np.int64)
    after = items.cursor + HEADER.itemsize
    # Payload length 0: a jumbogram (RFC 2675), or a card was to cut this into segments.
    following = header["next"]
    short = np.flatnonzero((payload > 0) & (payload < TCP_SIZE) & (following == TCP))
    addresses = intern_ipv6(run.context.addresses, np.concatenate([header["source"], header["destination"]]))
    n = len(items)
    moved = Items(
        items.unit,
        after,
        items.end,
        items.wire,
        run.context.states.extend(items.state, LABEL),
        addresses[:n],
        addresses[n:],
    )
    if len(short):
        payload[short[too_short(run, moved.pick(short))]] = 0
    moved.wire = np.where(payload == 0, unstated_end(moved), after + payload)
    moved.end = np.minimum(moved.end, moved.wire)
    jumbo = np.flatnonzero((payload == 0) & (following == HOP_BY_HOP))
    if len(jumbo):
        _apply_jumbo(run, moved, jumbo)
    payload_chain(run, moved, following)


def _apply_jumbo(run: Run, items: Items, index: Array) -> None:
    """Set the ends of jumbograms from the option in their hop-by-hop header."""
    start = items.cursor[index]
    fits = start + EXTENSION.itemsize <= items.end[index]
    index, start = index[fits], start[fits]
    size = (run.read(EXTENSION, start)["length"].astype(np.int64) + 1) << 3
    stop = np.minimum(start + size, items.end[index])
    at = start + 2
    for _ in range(_MAX_OPTIONS):
        inside = at + 2 <= stop
        index, start, stop, at = index[inside], start[inside], stop[inside], at[inside]
        if not len(index):
            return
        option = run.read(_JUMBO_OPTION, at)
        found = (option["type"] == _JUMBO) & (option["length"] == 4) & (at + 6 <= stop)
        if found.any():
            hit = index[found]
            stated = start[found] + option["payload"][found].astype(np.int64)
            items.wire[hit] = np.minimum(stated, unstated_end(items)[hit])
            items.end[hit] = np.minimum(items.end[hit], items.wire[hit])
        # Option 0 is one byte of padding, all others say their length.
        step = np.where(option["type"] == 0, 1, option["length"].astype(np.int64) + 2)
        at = np.where(found, stop, at + step)


def payload_chain(run: Run, items: Items, following: Array) -> None:
    """Step over extension headers, all packets in step, and go on by protocol.

    Parameters
    ----------
    run : Run
    items : Items
        The cursor stands behind an IPv6 header or an extension header.
    following : ndarray of uint8
        The protocol or extension header that each cursor stands on.
    """
    for _ in range(MAX_EXTENSIONS + 1):
        extended = _IS_EXTENSION[following]
        if not extended.all():
            done = np.flatnonzero(~extended)
            run.ip_protocol(following[done], items.pick(done))
            more = np.flatnonzero(extended)
            items, following = items.pick(more), following[more]
        if not len(items):
            return
        inside = items.cursor + EXTENSION.itemsize <= items.end
        items, following = run.keep(items, inside, Reason.TRUNCATED_IP, following)
        header = run.read(EXTENSION, items.cursor)
        routed = np.flatnonzero((following == ROUTING) & (header["b"] > 0))
        if len(routed):
            _final_destination(run, items, header, routed)
        items, header, following = _split_fragments(run, items, header, following)
        size = (header["length"].astype(np.int64) + 1) << 3
        # The authentication header counts in units of 4 bytes, less 2 (RFC 4302, 2.2).
        size = np.where(following == AUTHENTICATION, (header["length"].astype(np.int64) + 2) << 2, size)
        size[following == FRAGMENT] = EXTENSION.itemsize
        items.cursor = items.cursor + size
        following = header["next"]
        inside = items.cursor <= items.end
        items, following = run.keep(items, inside, Reason.TRUNCATED_IP, following)
    run.drop(items, Reason.TOO_DEEP)


def _split_fragments(run: Run, items: Items, header: Array, following: Array) -> tuple[Items, Array, Array]:
    """Put fragments aside. An atomic fragment (RFC 6946: no offset, nothing more) is whole."""
    pieces = (following == FRAGMENT) & ((header["a"] != 0) | (header["b"] & 0xF9 != 0))
    if not pieces.any():
        return items, header, following
    index = np.flatnonzero(pieces)
    part, head = items.pick(index), header[index]
    part.cursor = part.cursor + EXTENSION.itemsize
    run.fragment(
        part,
        protocol=head["next"],
        identification=head["c"].astype(np.uint32),
        offset=head["a"].astype(np.int64) << 8 | (head["b"] & 0xF8),
        more=(head["b"] & 1) != 0,
    )
    rest = np.flatnonzero(~pieces)
    return items.pick(rest), header[rest], following[rest]


def _final_destination(run: Run, items: Items, header: Array, index: Array) -> None:
    """A source-routed packet belongs to a connection with the last address of its route.

    Types 0 (RFC 2460, 4.4), 2 (RFC 6275, 6.4) and 4 (RFC 8754, 2: the list is reversed).
    """
    start = items.cursor[index]
    kind = header["a"][index]
    count = header["length"][index].astype(np.int64) >> 1
    last = np.where(kind == 0, count - 1, 0)
    at = start + 8 + 16 * last
    good = np.isin(kind, (0, 2, 4)) & (count > 0) & (at + 16 <= items.end[index])
    if good.any():
        packed = run.read(PACKED, at[good])
        items.destination[index[good]] = intern_ipv6(run.context.addresses, packed)
