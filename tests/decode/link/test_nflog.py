from __future__ import annotations

import struct

from tcpflow_scapy.decode import Reason
from tcpflow_scapy.decode.link.nflog import MAX_ATTRIBUTES
from tests.decode.batches import decode
from tests.decode.segments import PAYLOAD, packet


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def test_attributes_of_any_length_before_the_packet() -> None:
    frames = [
        b"\2\0\0\0" + b"".join(attribute(1, bytes(n)) for n in range(k)) + attribute(9, packet())
        for k in range(6)
    ]
    assert [row.payload for row in decode(frames, 239).rows] == [PAYLOAD] * 6


def test_damaged_attributes() -> None:
    frames = [
        b"\2\0\0\0" + struct.pack("<HH", 3, 1) + bytes(60),
        b"\2\0\0\0" + attribute(1, b"") * (MAX_ATTRIBUTES + 1),
        b"\2\0\0\0" + attribute(1, bytes(8)),
        b"\x0c\0\0\0" + attribute(9, packet()),
    ]
    result = decode(frames, 239)
    assert result.reasons == [
        Reason.MALFORMED,
        Reason.TOO_DEEP,
        Reason.TRUNCATED_LINK,
        Reason.OTHER_ETHERTYPE,
    ]


def test_netlink_that_holds_no_packet() -> None:
    head = struct.pack("!HHH8sH", 4, 824, 0, bytes(8), 12)
    frames = [
        head + struct.pack("<IHHII", 40, 0x0100, 0, 0, 0) + bytes(24),  # connection tracking
        struct.pack("!HHH8sH", 4, 824, 0, bytes(8), 0) + bytes(40),  # routing
    ]
    assert decode(frames, 253).reasons == [Reason.OTHER_ETHERTYPE] * 2
