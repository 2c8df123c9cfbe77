"""Datagrams on a tunnel's port that are no tunnel stay datagrams, with all their bytes."""

from __future__ import annotations

import struct

import pytest

from tcpflow_scapy.decode import Reason
from tcpflow_scapy.decode.tables import UDP_PORTS
from tests.decode.batches import decode
from tests.decode.segments import packet
from tests.decode.zoo import udp

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
