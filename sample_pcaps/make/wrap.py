"""What a road adds to a frame: tags, labels, tunnels, fragments. Each turns one Ethernet frame into frames.

The frame goes in as the client's or server's kernel made it; out comes what a capture on that road shows.
`up` says that the frame goes from the client to the server.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import count

from .headers import IPV4, IPV6, ethertype, ip_header, with_length

ROUTERS = (bytes([192, 168, 100, 2]), bytes([192, 168, 100, 1]))
"""Tunnel ends: of the server's and of the client's side."""

ROUTER_MACS = (b"\x02\x00\x00\x00\x64\x02", b"\x02\x00\x00\x00\x64\x01")

_ids = count(1)

Wrap = Callable[[bytes, bool], list[bytes]]


def plain(frame: bytes, up: bool) -> list[bytes]:
    """The frame as it is."""
    return [frame]


def vlan(frame: bytes, up: bool) -> list[bytes]:
    """IEEE 802.1Q, VLAN 42."""
    return [_tagged(frame, (0x8100, 42))]


def qinq(frame: bytes, up: bool) -> list[bytes]:
    """IEEE 802.1ad: service tag 100 around customer tag 7."""
    return [_tagged(frame, (0x88A8, 100), (0x8100, 7))]


def _tagged(frame: bytes, *tags: tuple[int, int]) -> bytes:
    return frame[:12] + b"".join(struct.pack(">HH", *tag) for tag in tags) + frame[12:]


def mpls(frame: bytes, up: bool) -> list[bytes]:
    """Two labels (RFC 3032): a transport label, another one each way, and a VPN label."""
    if ethertype(frame) not in (IPV4, IPV6):
        return [frame]
    labels = ((16_001 if up else 16_002, 0), (24_005, 1))
    stack = b"".join(struct.pack(">I", label << 12 | bottom << 8 | 62) for label, bottom in labels)
    return [_between_routers(up, 0x8847) + stack + frame[14:]]


def pppoe(frame: bytes, up: bool) -> list[bytes]:
    """A PPPoE session (RFC 2516)."""
    protocol = {IPV4: 0x0021, IPV6: 0x0057}.get(ethertype(frame))
    if protocol is None:
        return [frame]
    body = struct.pack(">H", protocol) + frame[14:]
    return [_between_routers(up, 0x8864) + struct.pack(">BBHH", 0x11, 0, 0x1A2B, len(body)) + body]


def gre(frame: bytes, up: bool) -> list[bytes]:
    """GRE with key and sequence number (RFC 2890)."""
    if ethertype(frame) != IPV4:
        return [frame]
    number = next(_ids)
    header = struct.pack(">HHII", 0x3000, IPV4, 4242, number)
    return [_tunnelled(up, 47, header + frame[14:])]


def sixinfour(frame: bytes, up: bool) -> list[bytes]:
    """IPv6 in IPv4 (RFC 4213)."""
    return [_tunnelled(up, 41, frame[14:])] if ethertype(frame) == IPV6 else [frame]


def vxlan(frame: bytes, up: bool) -> list[bytes]:
    """VXLAN (RFC 7348), network 5001; the source port follows the inner addresses."""
    port = 49_152 + (sum(frame[26:34]) & 0x3FFF)
    header = struct.pack(">HHHHII", port, 4789, 16 + len(frame), 0, 0x08000000, 5001 << 8)
    return [_tunnelled(up, 17, header + frame)]


def _between_routers(up: bool, kind: int) -> bytes:
    return ROUTER_MACS[not up] + ROUTER_MACS[up] + struct.pack(">H", kind)


def _tunnelled(up: bool, protocol: int, payload: bytes) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 0, next(_ids) & 0xFFFF, 0x4000, 64, protocol, 0)
    ip = with_length(head + ROUTERS[up] + ROUTERS[not up], len(payload))
    return _between_routers(up, IPV4) + ip + payload


def fragments(frame: bytes, up: bool, size: int = 576) -> list[bytes]:
    """IP fragments of at most `size` bytes (RFC 791, 3.2; RFC 8200, 4.5); short datagrams stay whole."""
    ip = ip_header(frame)
    if not ip or len(frame) - 14 <= size:
        return [frame]
    number = next(_ids)
    body = frame[14 + len(ip) :]
    room = size - len(ip) - (8 if len(ip) == 40 else 0) & ~7
    return [
        frame[:14] + _fragment(ip, number, at, body[at : at + room], at + room < len(body))
        for at in range(0, len(body), room)
    ]


def _fragment(ip: bytes, number: int, at: int, piece: bytes, more: bool) -> bytes:
    if len(ip) == 40:
        extension = struct.pack(">BBHI", ip[6], 0, at | more, number)
        return with_length(ip[:6] + b"\x2c" + ip[7:], 8 + len(piece)) + extension + piece
    field = struct.pack(">HH", number & 0xFFFF, more << 13 | at // 8)
    return with_length(ip[:4] + field + ip[8:], len(piece)) + piece


def fragment_length(frame: bytes) -> int:
    """Bytes of the datagram that a piece of `fragments` carries."""
    ip = ip_header(frame)
    return int.from_bytes(ip[4:6], "big") - 8 if len(ip) == 40 else int.from_bytes(ip[2:4], "big") - len(ip)


WRAPS: dict[str, Wrap] = {
    "plain": plain,
    "vlan": vlan,
    "qinq": qinq,
    "mpls": mpls,
    "pppoe": pppoe,
    "gre": gre,
    "6in4": sixinfour,
    "vxlan": vxlan,
    "fragments": fragments,
}
"""By name: what the bridge can be told."""

OVERHEAD = {"gre": 32, "6in4": 20, "vxlan": 50, "pppoe": 8, "mpls": 8}
"""Bytes that the link loses to the wrapping: the programs' devices get a smaller MTU."""
