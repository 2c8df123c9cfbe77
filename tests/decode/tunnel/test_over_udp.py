"""Datagrams on a tunnel's port that are no tunnel stay datagrams, with all their bytes."""

from __future__ import annotations

import struct

import pytest

from tcpflow_scapy.decode import Reason
from tcpflow_scapy.decode.tables import UDP_PORTS
from tests.decode.batches import decode
from tests.decode.segments import packet
from tests.decode.zoo import udp
from tests.helpers.headers import ethernet

IN_DOUBT = {4754, 6635}
"""GRE and MPLS have no signature: what comes to their port is theirs"""


@pytest.mark.parametrize("port", sorted(set(UDP_PORTS) - IN_DOUBT))
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
        (5247, b"\1\0\0\0" + bytes(60), Reason.ENCRYPTED),
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
