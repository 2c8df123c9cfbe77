from __future__ import annotations

import struct

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import PAYLOAD, V6, packet
from tests.helpers.headers import ethernet


def frame(body: bytes) -> bytes:
    return bytes(12) + struct.pack("!H", len(body)) + body


@pytest.mark.parametrize(
    "head",
    [
        b"\xaa\xaa\3\0\0\0\x08\0",  # SNAP, RFC 1042
        b"\xaa\xaa\3\0\0\xf8\x08\0",  # SNAP, 802.1H
        b"\6\6\3",  # IP in LLC, RFC 948
        b"\xaa\xaa\3\0\x80\xc2\0\7" + bytes(12) + b"\x08\0",  # a bridged frame, RFC 2684
    ],
)
def test_roads_to_ip(head: bytes) -> None:
    result = decode([frame(head + packet())])
    assert [row.payload for row in result.rows] == [PAYLOAD]


def test_ipv6_in_snap() -> None:
    assert decode([frame(b"\xaa\xaa\3\0\0\0\x86\xdd" + packet(V6))]).paths == ["eth/llc/ipv6"]


@pytest.mark.parametrize(
    "head",
    [
        b"\x42\x42\3",  # spanning tree
        b"\xff\xff",  # Novell raw 802.3
        b"\xaa\xaa\3\0\0\x0c\x20\0",  # Cisco discovery
        b"\xaa\xaa\1\0\0\0\x08\0",  # a supervisory frame
    ],
)
def test_others(head: bytes) -> None:
    assert decode([frame(head + packet())]).reasons == [Reason.OTHER_ETHERTYPE]


def test_cut_headers() -> None:
    whole = frame(b"\xaa\xaa\3\0\0\0\x08\0" + packet())
    result = decode([whole[:16], whole[:20], ethernet(packet())[:13]], wire=[len(whole)] * 3)
    assert result.reasons == [Reason.TRUNCATED_LINK] * 3


@pytest.mark.parametrize("kind", [1, 7])
@pytest.mark.parametrize("padding", [0, 2])
def test_bridged_frames_padded_or_not(kind: int, padding: int) -> None:
    head = b"\xaa\xaa\3\0\x80\xc2\0" + bytes([kind]) + bytes(padding)
    relay = b"\x18\x41\3\0\x80\0\x80\xc2\0" + bytes([kind]) + bytes(padding)
    frames = [
        head + ethernet(packet(), (5,)),
        relay + ethernet(packet(), (5,)),
        head + ethernet(b"", ethertype=9999),
    ]
    result = decode(frames, [100, 107, 100])
    assert result.paths == ["atm/llc/eth/vlan:5/ip", "fr/eth/vlan:5/ip"]
    assert result.reasons[2] in (Reason.OTHER_ETHERTYPE, Reason.TRUNCATED_LINK)
