from __future__ import annotations

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import packet
from tests.decode.zoo import SNAP
from tests.helpers.headers import ethernet


@pytest.mark.parametrize("cookie", [0, 2, 4, 8, 10])
@pytest.mark.parametrize("linktype", [130, 132, 136, 194])
def test_service_cards_put_a_cookie_in_front(cookie: int, linktype: int) -> None:
    assert decode([b"MGC\0" + b"\x11" * cookie + packet()], linktype).paths == ["juniper/ip"]


@pytest.mark.parametrize("cookie", [4, 8])
def test_atm(cookie: int) -> None:
    frames = [b"MGC\0" + bytes(cookie) + SNAP + b"\x08\0" + packet(), b"MGC\0" + bytes(cookie) + packet()]
    assert decode(frames, 135).paths == ["juniper/llc/ip", "juniper/ip"]


def test_damaged_headers() -> None:
    frames = [b"XGC\0" + packet(), b"MGC\x80\xff\xff" + packet(), b"MGC\0" + bytes(60), b"MG"]
    assert decode(frames, 130, wire=[200] * 4).reasons == [
        Reason.MALFORMED,
        Reason.TRUNCATED_LINK,
        Reason.OTHER_ETHERTYPE,
        Reason.TRUNCATED_LINK,
    ]


@pytest.mark.parametrize("cookie", [4, 8])
@pytest.mark.parametrize("padding", [0, 2])
def test_bridged_frames_on_a_circuit_of_their_own(cookie: int, padding: int) -> None:
    head = b"MGC\0" + b"\xff" * 4 + bytes(cookie - 4 + padding)
    frames = [head + ethernet(packet()), head + b"\1" * 60]
    result = decode(frames, 135)
    assert result.paths == ["juniper/eth/ip"]
    assert result.reasons[1] == Reason.OTHER_ETHERTYPE


@pytest.mark.parametrize(("linktype", "cookie"), [(136, 12), (136, 16), (183, 18), (164, 0)])
def test_longer_cookies(linktype: int, cookie: int) -> None:
    assert decode([b"MGC\1" + b"\x11" * cookie + packet()], linktype).paths == ["juniper/ip"]
