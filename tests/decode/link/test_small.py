from __future__ import annotations

import struct

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import packet
from tests.helpers.headers import ethernet

FRAMED = ethernet(packet())


def test_preambles_and_switch_tags() -> None:
    frames = {241: bytes(12) + FRAMED, 259: bytes(8) + FRAMED, 282: bytes(4) + FRAMED}
    frames[285] = FRAMED[:12] + bytes(8) + FRAMED[12:]
    assert decode(list(frames.values()), list(frames)).paths == ["eth/ip"] * 3 + ["eth/dsa/ip"]


def test_what_is_no_packet() -> None:
    frames = [struct.pack("<III", 108, 2, 12) + bytes(200), b"\6\0\0\x20" + packet(), bytes(10)]
    assert decode(frames, [258, 123, 226], wire=[300] * 3).reasons == [
        Reason.NOT_DATA,
        Reason.OTHER_ETHERTYPE,
        Reason.TRUNCATED_LINK,
    ]


def test_usb_is_not_ip() -> None:
    assert decode([packet()] * 4, [186, 189, 220, 249]).reasons == [Reason.OTHER_ETHERTYPE] * 4


def test_headers_that_say_nothing() -> None:
    frames = {
        99: [bytes(44) + packet(), b"\1\2\3\4\0\0\x08\0\0\0\x08\0" + bytes(44) + packet(), bytes(12)],
        143: [b"\xc2\0\0\x40\0\0" + FRAMED, b"\1\xff\0\x40\0\0" + FRAMED],
        128: [b"\2\0\0\1\1" + FRAMED, b"\1\0\0\7\1" + FRAMED, b"\1"],
        123: [b"\0\0\0\x20" + packet()],
    }
    reasons = {
        99: [Reason.OTHER_ETHERTYPE] * 3,
        143: [Reason.NOT_DATA, Reason.TRUNCATED_LINK],
        128: [Reason.NOT_DATA] * 3,
        123: [Reason.OTHER_ETHERTYPE],
    }
    for linktype, some in frames.items():
        assert decode(some, linktype, wire=[400] * len(some)).reasons == reasons[linktype]
