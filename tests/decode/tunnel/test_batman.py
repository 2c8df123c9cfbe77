from __future__ import annotations

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import packet
from tests.decode.zoo import eth
from tests.helpers.headers import ethernet

FRAMED = ethernet(packet())


@pytest.mark.parametrize(
    "head",
    [
        b"\x40\x0e\x32\1" + bytes(6),  # the type of another version
        b"\3\x0f\x32\1" + bytes(6),
        b"\x40\x10\x32\1" + bytes(6),  # a version to come
        b"\0\x0f\x32\1" + bytes(20),  # originator messages
        b"\2\x0f\x32\1" + bytes(40),  # network coding: two frames in one
    ],
)
def test_others(head: bytes) -> None:
    assert decode([eth(head + FRAMED, 0x4305)]).reasons == [Reason.OTHER_ETHERTYPE]


def test_receivers_of_a_multicast() -> None:
    frames = [
        eth(b"\5\x0f\x32\0" + size.to_bytes(2, "big") + bytes(24) + FRAMED, 0x4305) for size in (24, 0xFFFF)
    ]
    assert decode(frames, wire=[200] * 2).reasons == [Reason.TCP, Reason.TRUNCATED_LINK]


def test_a_mesh_in_a_mesh() -> None:
    inner = eth(b"\x40\x0f\x32\1" + bytes(6) + FRAMED, 0x4305)
    assert decode([eth(b"\1\x0f\x32\0" + bytes(10) + inner, 0x4305)]).paths == [
        "eth/batman/eth/batman/eth/ip"
    ]
