from __future__ import annotations

import struct

import pytest

from tcpflow_scapy.decode import Reason
from tcpflow_scapy.decode.link.nflog import MAX_ATTRIBUTES, MAX_MESSAGES
from tests.decode.batches import decode
from tests.decode.segments import PAYLOAD, packet
from tests.helpers.headers import ethernet, udp_packet

NETLINK = struct.pack("!HHH8sH", 4, 824, 0, bytes(8), 12)


def message(body: bytes, kind: int = 0x400, *, size: int | None = None) -> bytes:
    size = 16 + len(body) if size is None else size
    return struct.pack("<IHHII", size, kind, 0, 0, 0) + body + bytes(-len(body) % 4)


def logged(data: bytes, *, family: int = 2, protocol: int | None = None) -> bytes:
    head = b"" if protocol is None else attribute(1, struct.pack("!HBB", protocol, 1, 0))
    return bytes([family, 0, 0, 0]) + head + attribute(9, data)


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


@pytest.mark.parametrize(
    ("family", "protocol", "data", "reason"),
    [
        (1, 0x0800, packet(), Reason.TCP),
        (7, 0x0800, packet(), Reason.TCP),
        (7, None, packet(), Reason.TCP),
        (7, 0x8100, b"\0\5\x08\0" + packet(), Reason.TCP),
        (7, 0x8864, struct.pack("!BBHHH", 0x11, 0, 5, 42, 0x21) + packet(), Reason.TCP),
        (5, 0x0800, ethernet(packet()), Reason.TCP),
        (5, 0x86DD, bytes(60), Reason.MALFORMED_IP),
        (5, 0x0806, bytes(28), Reason.ARP),
        (3, 0x0806, bytes(28), Reason.ARP),
        (7, 0x0004, b"\x42\x42\3" + bytes(35), Reason.OTHER_ETHERTYPE),
    ],
)
def test_where_the_rule_stood(family: int, protocol: int | None, data: bytes, reason: Reason) -> None:
    assert decode([logged(data, family=family, protocol=protocol)], 239).reasons == [reason]


def test_every_message_of_a_frame_is_a_packet() -> None:
    datagram = udp_packet(("10.0.0.1", 1), ("10.0.0.2", 2), b"x")
    parts = [
        message(b"", 3),
        message(logged(packet(seq=1))),
        message(bytes(20), 0x100),
        message(logged(datagram)),
        message(b"\2\0\0\0" + attribute(10, packet(seq=2)), 0x300),
        message(logged(packet(seq=3))),
    ]
    result = decode([NETLINK + b"".join(parts), NETLINK + parts[3], NETLINK + parts[0]], 253)
    assert [(row.frame, row.sequence) for row in result.rows] == [(0, 1), (0, 2), (0, 3)]
    assert result.packets.datagrams is not None
    assert result.packets.datagrams.frame.tolist() == [0, 1]
    assert result.reasons == [Reason.TCP, Reason.UDP, Reason.OTHER_ETHERTYPE]


def test_a_batch_that_the_kernel_filled() -> None:
    count = (128 << 10) // len(message(logged(packet())))
    frame = NETLINK + b"".join(message(logged(packet(seq=i))) for i in range(count))
    for frames in ([frame], [frame] * 3, [ethernet(packet())] * 50 + [frame]):
        result = decode(frames, [253 if each is frame else 1 for each in frames])
        assert len(result.rows) == sum(count if each is frame else 1 for each in frames)


def test_messages_that_lie_about_their_length() -> None:
    good = message(logged(packet()))
    frames = [
        NETLINK + message(b"", size=0) + good,
        NETLINK + message(b"", size=15) + good,
        NETLINK + message(logged(packet()), size=4000),
        NETLINK + good + message(b"", size=0),
        NETLINK + good + b"\1",
        NETLINK + message(b"", 3) * (MAX_MESSAGES + 1) + good,
    ]
    assert decode(frames, 253).reasons == [
        Reason.MALFORMED,
        Reason.MALFORMED,
        *[Reason.TCP] * 3,
        Reason.TOO_DEEP,
    ]
