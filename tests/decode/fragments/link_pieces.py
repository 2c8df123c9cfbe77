"""Fragments of link layers, cut as the standards say: 802.11, CAPWAP, batman-adv."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

from tests.helpers.headers import ethernet, udp_packet

STATION, ACCESS_POINT = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
SNAP_IP = b"\xaa\xaa\3\0\0\0\x08\0"


def parts(body: bytes, at: Sequence[int]) -> list[bytes]:
    """A body cut at places."""
    return [body[a:b] for a, b in pairwise([0, *at, len(body)])]


def wlan_pieces(
    packet: bytes,
    at: Sequence[int],
    *,
    number: int = 1,
    sender: bytes = STATION,
    priority: int | None = None,
    mesh: bytes = b"",
    check: bytes = b"",
) -> list[bytes]:
    """An IP packet in 802.11 fragments; `mesh` is the mesh control field, `check` stands behind each."""
    cut = parts(mesh + SNAP_IP + packet, at)
    qos = b"" if priority is None else bytes([priority, bool(mesh)])
    return [
        bytes([0x88 if qos else 8, (2 if mesh else 1) | (4 if i + 1 < len(cut) else 0)])
        + bytes(2)
        + ACCESS_POINT
        + sender
        + bytes(6)
        + struct.pack("<H", number << 4 | i)
        + qos
        + part
        + check
        for i, part in enumerate(cut)
    ]


def capwap_pieces(
    frame: bytes, at: Sequence[int], *, number: int = 1, native: bool = False, port: int = 40_000
) -> list[bytes]:
    """A frame in CAPWAP fragments, cut at multiples of 8."""
    out, place = [], 0
    cut = parts(frame, at)
    for i, part in enumerate(cut):
        flags = 1 << 9 | native << 8 | 0x80 | (i + 1 == len(cut)) << 6
        head = struct.pack("!BBHHH", 0, 2 << 3, flags, number, place)
        out.append(ethernet(udp_packet(("192.0.2.1", port), ("192.0.2.2", 5247), head + part)))
        place += len(part)
    return out


def batman_pieces(frame: bytes, most: int, *, number: int = 1, sender: bytes = STATION) -> list[bytes]:
    """A frame in a batman-adv 15 unicast packet, in fragments of at most so many bytes.

    As the kernel cuts (net/batman-adv/fragmentation.c): equal pieces from the end on, the rest is the head.
    """
    body = b"\x40\x0f\x32\1" + ACCESS_POINT + frame
    size = -(-len(body) // -(-len(body) // most))
    ends = range(len(body), 0, -size)
    return [
        ethernet(
            struct.pack("!BBBB", 0x41, 15, 50, i << 4)
            + ACCESS_POINT
            + sender
            + struct.pack("!HH", number, len(body))
            + body[max(end - size, 0) : end],
            ethertype=0x4305,
        )
        for i, end in enumerate(ends)
    ]


def batman_14_pieces(frame: bytes, at: int, *, number: int = 1, sender: bytes = STATION) -> list[bytes]:
    """A frame in the two fragments of batman-adv 14."""
    return [
        ethernet(
            struct.pack("!BBBB", 6, 14, 50, 1)
            + ACCESS_POINT
            + bytes([flags, 0])
            + sender
            + struct.pack("!H", number + i & 0xFFFF)
            + part,
            ethertype=0x4305,
        )
        for i, (flags, part) in enumerate(zip((1, 0), parts(frame, [at]), strict=True))
    ]
