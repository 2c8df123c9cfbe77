from __future__ import annotations

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import packet
from tests.helpers.headers import ethernet

FRAMED = ethernet(packet())
LLC = b"\xaa\xaa\3\0\0\0\x08\0"


def record(kind: int, body: bytes) -> bytes:
    return bytes(8) + bytes([kind, 0]) + bytes(6) + body


def test_types() -> None:
    frames = [
        *(record(kind, b"\0\0" + FRAMED) for kind in (2, 11, 16, 20)),
        *(record(kind, b"\xff\3\0\x21" + packet()) for kind in (1, 10, 15, 19)),
        *(record(kind, bytes(4) + b"\x0f\0\x08\0" + packet()) for kind in (5, 17)),
        record(4, bytes(4) + LLC + packet()),
        record(9, bytes(8) + LLC + packet()),
        record(22, packet()),
        record(23, packet()),
    ]
    paths = ["erf/eth/ip"] * 4 + ["erf/ppp/ip"] * 4 + ["erf/chdlc/ip"] * 2 + ["erf/atm/llc/ip"] * 2
    assert decode(frames, 197).paths == paths + ["erf/ip"] * 2


def test_extension_headers() -> None:
    chain = b"\x80" + bytes(7) + b"\x91" + bytes(7) + b"\3" + bytes(7)
    assert decode([record(0x82, chain + b"\0\0" + FRAMED)], 197).paths == ["erf/eth/ip"]


def test_padding_behind_a_frame_is_none_of_it() -> None:
    assert decode([record(2, b"\0\0" + FRAMED + bytes(7))], 197).paths == ["erf/eth/ip"]


def test_what_is_no_packet() -> None:
    frames = [record(kind, packet()) for kind in (3, 7, 13, 21, 27, 48)]
    frames += [record(0x82, b"\x80" * 8), record(2, b"\0\0\0")[:-2], bytes(9)]
    assert decode(frames, 197, wire=[300] * len(frames)).reasons == [
        Reason.OTHER_ETHERTYPE,
        Reason.OTHER_ETHERTYPE,
        Reason.NOT_DATA,
        Reason.OTHER_ETHERTYPE,
        Reason.NOT_DATA,
        Reason.NOT_DATA,
        Reason.TRUNCATED_LINK,
        Reason.TRUNCATED_LINK,
        Reason.TRUNCATED_LINK,
    ]
