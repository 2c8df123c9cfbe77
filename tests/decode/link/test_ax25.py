from __future__ import annotations

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import packet

CALL = b"\x82" * 6


def frame(control: int, protocol: int, hops: int = 1) -> bytes:
    return (CALL + b"\x60") * hops + CALL + b"\x61" + bytes([control, protocol]) + packet()


@pytest.mark.parametrize("hops", [1, 2, 9])
@pytest.mark.parametrize("control", [0x03, 0x13, 0x00, 0x42, 0x10])
def test_information_frames(control: int, hops: int) -> None:
    assert decode([frame(control, 0xCC, hops)], 3).paths == ["ax25/ip"]


def test_others() -> None:
    frames = [frame(0x01, 0xCC), frame(0x2F, 0xCC), frame(0x03, 0xF0), frame(0x03, 0xCC, 10)]
    assert decode(frames, 3).reasons == [Reason.OTHER_ETHERTYPE] * 4
    kiss = [b"\0" + frame(3, 0xCC), b"\x50" + frame(3, 0xCC), b"\1" + frame(3, 0xCC), b"\0"]
    assert decode(kiss, 202).reasons == [Reason.TCP, Reason.TCP, Reason.NOT_DATA, Reason.TRUNCATED_LINK]
