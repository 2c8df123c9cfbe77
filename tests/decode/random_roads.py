"""Random roads: a segment in tunnels inside tunnels, cut into IP fragments on the way, on any link layer.

Built from the standards like `zoo`, but every field that may be anything is. Each function takes an IP
packet; those of `TUNNELS` give one back, those of `LINKS` a link type and a frame.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tests.helpers.headers import ip_packet, tcp_segment, udp_packet

T = TypeVar("T")
Random = random.Random
Tunnel = Callable[[Random, bytes], bytes]
Link = Callable[[Random, bytes], tuple[int, bytes]]

SNAP = b"\xaa\xaa\3\0\0\0"
PORTS = range(20_000, 29_000)
"""Of no tunnel"""
MOST_PIECES = 30


def _address(rng: Random, six: bool) -> str:
    if six:
        return f"2001:db8:{rng.randrange(1, 1 << 16):x}::{rng.randrange(1, 1 << 16):x}"
    return f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


def _hosts(rng: Random) -> tuple[str, str]:
    six = rng.random() < 0.4
    return _address(rng, six), _address(rng, six)


def _kind(packet: bytes) -> bytes:
    return b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\0"


def _ppp(rng: Random, packet: bytes) -> bytes:
    number = 0x57 if packet[0] >> 4 == 6 else 0x21
    return rng.choice([b"", b"\xff\3"]) + rng.choice([b"\0", b""]) + bytes([number]) + packet


def _protocol(packet: bytes) -> int:
    return 41 if packet[0] >> 4 == 6 else 4


def _mac(rng: Random) -> bytes:
    return b"\2" + rng.randbytes(5)


def _frame(rng: Random, packet: bytes) -> bytes:
    tags = b"".join(b"\x81\0" + rng.randbytes(2) for _ in range(rng.choice([0, 0, 1, 2])))
    return _mac(rng) + _mac(rng) + tags + _kind(packet) + packet


def _over(rng: Random, protocol: int, body: bytes) -> bytes:
    return ip_packet(*_hosts(rng), protocol, body)


def _udp(rng: Random, port: int, body: bytes) -> bytes:
    source, destination = _hosts(rng)
    return udp_packet((source, rng.randrange(50_000, 60_000)), (destination, port), body)


def _wlan(rng: Random, packet: bytes, *, swapped: bool = False) -> bytes:
    direction, quality = rng.randrange(4), rng.random() < 0.5
    meshed = quality and direction in (2, 3) and not swapped and rng.random() < 0.4
    ordered = quality and rng.random() < 0.3
    control = bytes([0x88 if quality else 8, direction | 0x80 * ordered])
    number = struct.pack("<H", rng.randrange(4096) << 4)
    head = (control[::-1] if swapped else control) + rng.randbytes(2) + rng.randbytes(18)
    head += (number[::-1] if swapped else number) + rng.randbytes(6 * (direction == 3))
    head += bytes([rng.randrange(8), meshed]) * quality + rng.randbytes(4 * ordered)
    if meshed:
        addresses = rng.randrange(3)
        head += bytes([addresses, 31]) + rng.randbytes(4 + 6 * addresses)
    return head + SNAP + _kind(packet) + packet


def _gre(rng: Random, packet: bytes) -> bytes:
    flags = rng.choice([0, 0x8000]) | rng.choice([0, 0x2000]) | rng.choice([0, 0x1000])
    options = rng.randbytes(4 * flags.bit_count())
    aruba = struct.pack("!H", rng.randrange(0x8200, 0x8371, 0x10)) + _wlan(rng, packet)
    bodies = [_kind(packet) + packet, b"\x65\x58" + _frame(rng, packet), aruba]
    body = rng.choice(bodies)
    return _over(rng, 47, struct.pack("!H", flags) + body[:2] + options + body[2:])


def _vxlan(rng: Random, packet: bytes) -> bytes:
    return _udp(rng, rng.choice([4789, 8472]), rng.randbytes(8) + _frame(rng, packet))


def _geneve(rng: Random, packet: bytes) -> bytes:
    words = rng.choice([0, 1, 7, 63])
    head = bytes([words, rng.choice([0, 0x40])]) + b"\x65\x58" + rng.randbytes(4 + 4 * words)
    return _udp(rng, 6081, head + _frame(rng, packet))


def _gtp(rng: Random, packet: bytes) -> bytes:
    flags = rng.randrange(8)
    body = packet
    if flags:
        chain = rng.choices([0x85, 0x40, 0xC0], k=rng.randrange(4)) if flags & 4 else []
        sizes = [rng.randrange(1, 4) for _ in chain]
        parts = zip(sizes, [*chain[1:], 0], strict=False)
        extensions = b"".join(bytes([n]) + rng.randbytes(4 * n - 2) + bytes([after]) for n, after in parts)
        body = rng.randbytes(3) + bytes([*chain, 0][:1]) + extensions + packet
    return _udp(rng, 2152, struct.pack("!BBH", 0x30 | flags, 255, len(body)) + rng.randbytes(4) + body)


def _l2tp(rng: Random, packet: bytes) -> bytes:
    sized, numbered, padded = (rng.random() < 0.5 for _ in range(3))
    pad = rng.randrange(5)
    rest = (
        rng.randbytes(4 + 4 * numbered) + (struct.pack("!H", pad) + bytes(pad)) * padded + _ppp(rng, packet)
    )
    flags = 2 | 0x4000 * sized | 0x0800 * numbered | 0x0200 * padded
    length = struct.pack("!H", 4 + len(rest)) * sized
    return _udp(rng, 1701, struct.pack("!H", flags) + length + rest)


def _capwap(rng: Random, packet: bytes) -> bytes:
    native, address, facts = (rng.random() < 0.5 for _ in range(3))
    options = (b"\6" + rng.randbytes(6) + b"\0") * address + (b"\4" + rng.randbytes(4) + bytes(3)) * facts
    bits = (2 + len(options) // 4) << 19 | rng.randrange(32) << 14 | 1 << 9
    bits |= 0x100 * native | 0x10 * address | 0x20 * facts
    body = _wlan(rng, packet, swapped=rng.random() < 0.5) if native else _frame(rng, packet)
    return _udp(rng, 5247, struct.pack("!I", bits) + bytes(4) + options + body)


TUNNELS: tuple[Tunnel, ...] = (
    _gre,
    _vxlan,
    _geneve,
    _gtp,
    _l2tp,
    _capwap,
    lambda rng, p: _over(rng, _protocol(p), p),
    lambda rng, p: _over(rng, 97, b"\x30\0" + _frame(rng, p)),
    lambda rng, p: _over(rng, 51, bytes([_protocol(p), 4]) + bytes(2) + rng.randbytes(20) + p),
    lambda rng, p: _udp(rng, 3386, struct.pack("!BBH", 0x1E, 255, len(p)) + rng.randbytes(16) + p),
    lambda rng, p: _udp(rng, 4341, rng.randbytes(8) + p),
    lambda rng, p: _udp(rng, 4754, bytes(2) + _kind(p) + p),
    lambda rng, p: _udp(rng, 6635, rng.randbytes(2) + b"\x11\x40" + p),
    lambda rng, p: _udp(rng, 5072, b"\x41\x52\x11" + bytes([_protocol(p)]) + rng.randbytes(40) + p),
)


def _ethernet(rng: Random, packet: bytes) -> tuple[int, bytes]:
    kind = rng.choice([_kind(packet), b"\x08\0", b"\x86\xdd"])
    return 1, _mac(rng) + _mac(rng) + kind + packet


LINKS: tuple[Link, ...] = (
    _ethernet,
    lambda rng, p: (1, _frame(rng, p) + rng.randbytes(rng.choice([0, 4, 9]))),
    lambda rng, p: (1, _mac(rng) + _mac(rng) + b"\x43\5\x40\x0f" + rng.randbytes(8) + _frame(rng, p)),
    lambda rng, p: (9, _ppp(rng, p)),
    lambda rng, p: (101, p),
    lambda rng, p: (105, _wlan(rng, p)),
    lambda rng, p: (113, struct.pack("!HHH", 0, 1, 6) + rng.randbytes(8) + _kind(p) + p),
    lambda rng, p: (127, b"\0\0\x09\0\2\0\0\0\x10" + _wlan(rng, p) + rng.randbytes(4)),
    lambda rng, p: (100, SNAP[:3] + b"\0\x80\xc2\0\7\0\0" + _frame(rng, p)),
)


@dataclass(frozen=True)
class Road:
    """Frames that carry one segment."""

    linktype: int
    frames: list[bytes]
    port: int
    sequence: int
    payload: bytes


def _pieces(rng: Random, packet: bytes, identification: int) -> list[bytes]:
    """An IP packet as fragments."""
    six = packet[0] >> 4 == 6
    head, body = (packet[:40], packet[40:]) if six else (packet[:20], packet[20:])
    size = max(rng.choice([8, 16, 64, 400]), len(body) // 64 * 8)
    out = []
    for at in range(0, len(body), size):
        part, more = body[at : at + size], at + size < len(body)
        if six:
            fragment = struct.pack("!BBHI", head[6], 0, at | more, identification)
            out.append(head[:4] + struct.pack("!HB", 8 + len(part), 44) + head[7:] + fragment + part)
        else:
            lengths = struct.pack("!HHH", 20 + len(part), identification, at // 8 | more << 13)
            out.append(head[:2] + lengths + head[8:] + part)
    return out


def _alike(rng: Random, wrap: Callable[[bytes], T], packets: list[bytes]) -> list[T]:
    """Each packet wrapped with the same random fields."""
    state, out = rng.getstate(), []
    for packet in packets:
        rng.setstate(state)
        out.append(wrap(packet))
    return out


def road(rng: Random, number: int, *, depth: int, pieces: bool) -> Road:
    """One of them, with its number as sequence number."""
    source, destination = _hosts(rng)
    payload = rng.randbytes(rng.choice([0, 1, 6, 20, 100, 700]))
    port = rng.choice(PORTS)
    segment = tcp_segment((source, port), (destination, 40_000), number, 1, 0x18, payload)
    packets = [ip_packet(source, destination, 6, segment)]
    for level in range(depth + 1):
        if pieces and rng.random() < 0.6:
            # Different fragments of one pair of hosts need different numbers.
            cut = [part for i, p in enumerate(packets) for part in _pieces(rng, p, 100 * level + i + 1)]
            packets = cut if len(cut) <= MOST_PIECES else packets
        if level < depth:
            tunnel = rng.choice(TUNNELS)
            packets = _alike(rng, lambda p: tunnel(rng, p), packets)  # noqa: B023
    link = rng.choice(LINKS)
    framed = _alike(rng, lambda p: link(rng, p), packets)
    return Road(framed[0][0], [frame for _, frame in framed], port, number, payload)
