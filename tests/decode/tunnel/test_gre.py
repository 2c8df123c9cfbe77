from __future__ import annotations

import struct

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import packet
from tests.decode.zoo import gre


def test_what_carries_nothing() -> None:
    frames = [
        gre(0, 0x0800, b""),  # keep-alive
        gre(2, 0x0800, packet()),  # version 2
        gre(0, 0x1234, packet()),
        gre(0xB000, 0x0800, b"", bytes(8)),
        gre(0x4000, 0x0800, b"", bytes(4) + b"\x08\0\0\4" * 200),
        gre(0x1000, 0x22EB, packet(), bytes(4) + struct.pack("!HHIHH", 0x2005, 3, 0, 0, 0x7C00)),
    ]
    assert decode(frames).reasons == [
        Reason.TEREDO_OR_OTHER_BUBBLE,
        Reason.OTHER_IP,
        Reason.OTHER_ETHERTYPE,
        Reason.TRUNCATED_LINK,
        Reason.TOO_DEEP,
        Reason.OTHER_ETHERTYPE,
    ]


def test_keyed_and_unkeyed_in_one_batch() -> None:
    frames = [gre(0x2000, 0x0800, packet(), struct.pack("!I", n)) for n in (1, 2, 1)] + [
        gre(0, 0x0800, packet())
    ]
    result = decode(frames)
    assert result.keys == [("gre:1",), ("gre:2",), ("gre:1",), ("gre",)]
