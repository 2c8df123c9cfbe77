"""Conversations over a line that compresses headers: what went over it, and what was in them."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.helpers.headers import ACK, FIN, PSH, SYN, ipv4_packet, tcp_segment

from .compressor import Compressor

HOSTS = ("10.0.0.1", "10.0.0.2")
SERVER_PORT = 80

PPP, PPP_WITH_DIRECTION = 9, 204


@dataclass
class Talk:
    """One connection: packets with their direction, and the bytes of both sides."""

    port: int
    packets: list[tuple[int, bytes]] = field(default_factory=list)
    data: list[bytes] = field(default_factory=lambda: [b"", b""])


def talk(rng: random.Random, port: int, windows: tuple[int, int] = (8192, 65535), turns: int = 20) -> Talk:
    """A connection of random sizes, windows and identifications."""
    made = Talk(port)
    ends = ((HOSTS[0], port), (HOSTS[1], SERVER_PORT))
    number = [rng.randrange(1 << 32) for _ in ends]
    identification = [rng.randrange(1 << 16) for _ in ends]
    window = list(windows)

    def send(side: int, flags: int, payload: bytes = b"") -> None:
        identification[side] = (identification[side] + rng.choice([1, 1, 1, 2, 300])) & 0xFFFF
        acknowledgment = number[1 - side] if flags & ACK else 0
        segment = tcp_segment(
            ends[side], ends[1 - side], number[side], acknowledgment, flags, payload, window=window[side]
        )
        packet = ipv4_packet(
            ends[side][0], ends[1 - side][0], 6, segment, identification=identification[side]
        )
        made.packets.append((side, packet))
        made.data[side] += payload
        number[side] = (number[side] + len(payload) + (flags & (SYN | FIN) != 0)) & 0xFFFFFFFF

    send(0, SYN)
    send(1, SYN | ACK)
    send(0, ACK)
    for _ in range(turns):
        side = rng.randrange(2)
        if rng.random() < 0.2:
            window[side] = rng.randrange(1000, 65535)
        send(side, ACK | rng.choice([0, PSH]), rng.randbytes(rng.choice([0, 1, 1, 5, 100, 300, 512])))
        if rng.random() < 0.4:
            send(1 - side, ACK, rng.choice([b"", b"x"]))
    send(0, FIN | ACK)
    send(1, FIN | ACK)
    send(0, ACK)
    return made


def mixed(rng: random.Random, talks: Sequence[Talk]) -> list[tuple[int, bytes]]:
    """The packets of all, each connection in its order."""
    left = [list(each.packets) for each in talks]
    found = []
    while any(left):
        found.append(rng.choice([packets for packets in left if packets]).pop(0))
    return found


def line_frames(
    packets: Sequence[tuple[int, bytes]], compressors: Sequence[Compressor], linktype: int
) -> list[bytes]:
    """PPP frames of packets, with the direction in front where the link type has one."""
    frames = []
    for side, packet in packets:
        protocol, body = compressors[side].send(packet)
        direction = bytes([side]) if linktype == PPP_WITH_DIRECTION else b""
        frames.append(direction + struct.pack("!H", protocol) + body)
    return frames
