from __future__ import annotations

import struct

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import PAYLOAD, V6, packet
from tests.helpers.headers import ethernet


def test_ethernet_ii() -> None:
    assert decode([ethernet(packet()), ethernet(packet(V6))]).paths == ["eth/ip", "eth/ipv6"]


def test_an_802_3_length_ends_the_data() -> None:
    body = b"\xaa\xaa\3\0\0\0\x08\0" + packet()
    frame = bytes(12) + struct.pack("!H", len(body)) + body + b"padding"
    result = decode([frame])
    assert result.paths == ["eth/llc/ip"]
    assert result.rows[0].payload == PAYLOAD


def test_numbers_between_length_and_type_are_neither() -> None:
    assert decode([bytes(12) + b"\x05\xf0" + packet()]).reasons == [Reason.OTHER_ETHERTYPE]
