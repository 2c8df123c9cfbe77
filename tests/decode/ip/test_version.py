from __future__ import annotations

import random

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import PAYLOAD, V6, packet
from tests.decode.zoo import eth


def test_the_version_field_decides_under_either_type() -> None:
    frames = [eth(packet(V6), 0x0800), eth(packet(), 0x86DD)]
    result = decode(frames)
    assert [row.payload for row in result.rows] == [PAYLOAD] * 2
    assert result.paths == ["eth/ipv6", "eth/ip"]


def test_one_flipped_bit_makes_no_other_version() -> None:
    rng = random.Random(4)
    frames = []
    for _ in range(500):
        octets = bytearray(packet(payload=rng.randbytes(rng.randrange(60))))
        octets[0] ^= 0x20
        octets[4:6] = rng.randrange(3).to_bytes(2, "big")  # identification, read as IPv6: payload length
        octets[6] = rng.choice([0, 0x40])
        frames.append(eth(bytes(octets), 0x0800))
    assert set(decode(frames).reasons) == {Reason.MALFORMED_IP}
