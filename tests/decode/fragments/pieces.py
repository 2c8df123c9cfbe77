"""Fragments of packets, cut as a test likes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

from tests.decode.segments import V4, V6
from tests.helpers.headers import ethernet, ipv4_packet, packed


def piece4(
    data: bytes, offset: int, *, more: bool, ident: int = 1, protocol: int = 6, hosts: tuple[str, str] = V4
) -> bytes:
    """One IPv4 fragment in an Ethernet frame."""
    return ethernet(
        ipv4_packet(*hosts, protocol, data, identification=ident, fragment_offset=offset, more_fragments=more)
    )


def piece6(
    data: bytes, offset: int, *, more: bool, ident: int = 1, protocol: int = 6, hosts: tuple[str, str] = V6
) -> bytes:
    """One IPv6 fragment in an Ethernet frame."""
    body = struct.pack("!BBHI", protocol, 0, offset | more, ident) + data
    head = struct.pack("!IHBB", 6 << 28, len(body), 44, 64) + packed(hosts[0]) + packed(hosts[1])
    return ethernet(head + body)


def cut(
    payload: bytes, at: Sequence[int], *, six: bool = False, ident: int = 1, protocol: int = 6
) -> list[bytes]:
    """The payload of one IP packet as fragments, cut at those places (multiples of 8)."""
    edges = [0, *at, len(payload)]
    make = piece6 if six else piece4
    return [
        make(payload[a:b], a, more=b < len(payload), ident=ident, protocol=protocol)
        for a, b in pairwise(edges)
    ]
