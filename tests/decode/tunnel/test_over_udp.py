"""Datagrams on a tunnel's port that are no tunnel stay datagrams, with all their bytes."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import pytest

from tcpflow_scapy.decode import Reason
from tcpflow_scapy.decode.tables import UDP_PORTS
from tests.decode.batches import decode
from tests.decode.segments import packet
from tests.decode.zoo import label, udp
from tests.helpers.headers import ethernet


@pytest.mark.parametrize("port", UDP_PORTS)
@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff" * 40, b"plain text, and not so short", bytes(4)])
def test_not_a_tunnel(port: int, data: bytes) -> None:
    result = decode([udp(data, port)])
    assert result.reasons == [Reason.UDP]
    table = result.packets.datagrams
    assert table is not None
    assert result.store.read(int(table.address[0]), int(table.length[0])) == data
    assert int(table.destination[0]) & 0xFFFF == port


@pytest.mark.parametrize(
    ("port", "data", "reason"),
    [
        (2152, struct.pack("!BBHI", 0x32, 1, 4, 0) + bytes(4), Reason.UDP),  # echo
        (2152, struct.pack("!BBHI", 0x34, 255, 900, 0) + b"\0\0\0\x85" + b"\0" * 8, Reason.TRUNCATED_LINK),
        (2152, struct.pack("!BBHI", 0x34, 255, 900, 0) + b"\0\0\0\x85" + b"\1\0\0\x85" * 40, Reason.TOO_DEEP),
        (2152, struct.pack("!BBHI", 0x30, 255, 900, 0) + b"\x99" * 40, Reason.OTHER_IP),
        (1701, struct.pack("!HHHHHH", 0xC802, 12, 1, 2, 3, 4), Reason.UDP),  # control
        (1701, struct.pack("!HHI", 3, 0, 0) + bytes(40), Reason.UDP),
        (3544, packet(("2001:0:1::1", "2001:db8::1"), b"")[:40].replace(b"\0\x14\6", b"\0\0\x3b", 1), None),
        (5247, b"\1\0\0\0\x17\xfe\xfd" + bytes(60), Reason.ENCRYPTED),
        (5247, b"\1\1\0\x08\x21\x12\xa4\x42" + bytes(20), Reason.UDP),  # an answer of STUN
        (5247, struct.pack("!BBHI", 0, 2 << 3, 1 << 9 | 0x80, 8) + bytes(40), Reason.FRAGMENT),
        (5247, struct.pack("!BBHI", 0, 2 << 3, 1 << 9 | 8, 0) + bytes(40), Reason.UDP),  # keep-alive
        (37008, b"\1\0\0\1" + b"\0" * 100, Reason.TOO_DEEP),
    ],
)
def test_tunnels_without_traffic(port: int, data: bytes, reason: Reason | None) -> None:
    assert decode([udp(data, port)]).reasons == [reason or Reason.TEREDO_OR_OTHER_BUBBLE]


def test_a_tunnel_is_known_from_either_side() -> None:
    frame = udp(b"\x08\0\0\0\0\0\7\0" + udp(b"x", 9), 60_000, source=4789)
    table = decode([frame]).packets.datagrams
    assert table is not None
    assert str(table.encapsulations.rows[table.encapsulation[0]]) == "eth/ip/vxlan:7/eth/ip"


@pytest.mark.parametrize("head", [bytes(8), b"\x08\0\0\0\0\0\7\1", b"\x40\1\2\3\4\5\6\7"])
@pytest.mark.parametrize("port", [4789, 8472, 4790])
def test_vxlan_of_any_reserved_bits_if_a_frame_follows(head: bytes, port: int) -> None:
    frames = [udp(head + ethernet(packet()), port), udp(head + b"\5" * 60, port)]
    result = decode(frames)
    assert result.reasons == [Reason.TCP, Reason.UDP]
    assert result.paths[0].startswith("eth/ip/vxlan:")


def test_a_name_server_asked_from_the_port_of_vxlan() -> None:
    query = b"\x08\x1c\1\0\0\1\0\0\0\0\0\0\3www\7example\3org\0\0\1\0\1"
    assert decode([udp(query, 53, source=4789)]).reasons == [Reason.UDP]


def query(rng: random.Random) -> bytes:
    return rng.randbytes(2) + b"\1\0\0\1\0\0\0\0\0\0\3www\7example\3org\0\0\1\0\1"


def handshake(rng: random.Random) -> bytes:
    return struct.pack("<II", rng.choice([1, 2, 4]), rng.getrandbits(32)) + rng.randbytes(140)


def voice(rng: random.Random) -> bytes:
    return b"\x80\0" + rng.randbytes(10) + rng.randbytes(160)


def anything(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(8, 200))


@pytest.mark.parametrize("port", UDP_PORTS)
@pytest.mark.parametrize("talk", [query, handshake, voice, anything])
def test_other_programs_on_the_port_of_a_tunnel(port: int, talk: Callable[[random.Random], bytes]) -> None:
    rng = random.Random(port)
    other = 53 if talk is query else 40_000
    ends = [(port, other), (other, port)] * 400
    frames = [udp(talk(rng), there, source=here) for here, there in ends]
    result = decode(frames)
    assert not result.rows
    # Chance may build a header; a port alone must not make one.
    assert sum(reason is not Reason.UDP for reason in result.reasons) <= len(frames) // 100
    table = result.packets.datagrams
    assert table is not None
    assert table.frame.tolist() == [i for i, reason in enumerate(result.reasons) if reason is Reason.UDP]


@pytest.mark.parametrize(
    ("inner", "following"),
    [
        (label(5, bottom=False) + label(6, bottom=True) + packet(), 5),
        (struct.pack("!HBBI", 0x0FC6, 1, 3, 0x111 << 8 | 255) + bytes(16) + ethernet(packet()), 4),
        (struct.pack("!HBBI", 0x0FC2, 2, 1, 0x111 << 8 | 255) + packet(), 4),
    ],
)
def test_vxlan_gpe_with_labels_or_a_service_path(inner: bytes, following: int) -> None:
    heads = [b"\x0c\0\0" + bytes([following]) + b"\0\0\7\0", b"\x0c\1\2" + bytes([following]) + b"\0\0\7\3"]
    assert decode([udp(head + inner, 4790) for head in heads]).reasons == [Reason.TCP] * 2
    # With reserved bits, only what follows can tell.
    assert decode([udp(heads[1] + b"\x99" * 60, 4790)]).reasons == [Reason.UDP]
