from __future__ import annotations

import struct

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import V4, V6, tcp
from tests.helpers.headers import (
    checksum,
    ethernet,
    ip_fragments,
    ipv4_packet,
    ipv6_packet,
    packed,
)

BIG = b"0123456789" * 300


def offloaded(payload: bytes, *, with_length: bool) -> bytes:
    """A segment whose checksum field holds the sum of the pseudo header, for the card to complete."""
    segment = tcp(payload=payload)
    length = len(segment) if with_length else 0
    pseudo = ~checksum(packed(V4[0]) + packed(V4[1]) + struct.pack("!BBH", 0, 6, length)) & 0xFFFF
    return segment[:16] + struct.pack("!H", pseudo) + segment[18:]


@pytest.mark.parametrize("total", [1, 19, 20, 21, 39])
@pytest.mark.parametrize(
    "segment", [tcp(payload=BIG), offloaded(BIG, with_length=True), offloaded(BIG, with_length=False)]
)
def test_a_length_too_short_for_tcp_is_not_believed_where_the_checksum_proves_it(
    total: int, segment: bytes
) -> None:
    result = decode([ethernet(ipv4_packet(*V4, 6, segment, total_length=total))])
    assert [(row.payload, row.wire_length) for row in result.rows] == [(BIG, len(BIG))]


@pytest.mark.parametrize("total", [20, 39])
def test_it_is_believed_where_it_does_not(total: int) -> None:
    wrong = bytearray(tcp(payload=BIG))
    wrong[30] ^= 4
    good = ipv4_packet(*V4, 6, tcp(payload=BIG), total_length=total)
    frames = [
        ethernet(ipv4_packet(*V4, 6, bytes(wrong), total_length=total)),
        ethernet(good) + b"trailer",
        ethernet(good)[:200],
        ethernet(ipv4_packet(*V4, 6, tcp()[:19], total_length=total)),
    ]
    result = decode(frames, wire=[None, None, len(good) + 14, None])
    assert result.reasons == [Reason.MALFORMED_TCP] * 4


@pytest.mark.parametrize("length", [1, 19])
def test_likewise_in_ipv6(length: int) -> None:
    good = ipv6_packet(*V6, 6, tcp(V6, BIG), payload_length=length)
    result = decode([ethernet(good), ethernet(good) + b"x"])
    assert [(row.frame, row.payload) for row in result.rows] == [(0, BIG)]
    assert result.reasons[1] == Reason.MALFORMED_TCP


@pytest.mark.parametrize("payload", [b"", b"a", b"abcde"])
def test_padding_that_the_length_counts_is_no_data(payload: bytes) -> None:
    padded = tcp(payload=payload).ljust(26, b"\0")
    frames = [ethernet(ipv4_packet(*V4, 6, padded)), ethernet(ipv4_packet(*V4, 6, padded), (5,))]
    result = decode(frames)
    # Where data are padded only the receiver knows: it discards the segment.
    expected = b"" if not payload else payload.ljust(6, b"\0")
    assert [row.payload for row in result.rows] == [expected] * 2
    assert [row.wire_length for row in result.rows] == [len(expected)] * 2


def test_zeros_that_the_checksum_knows_are_data() -> None:
    for payload in (bytes(6), b"abcdef", bytes(5)):
        assert [
            row.payload for row in decode([ethernet(ipv4_packet(*V4, 6, tcp(payload=payload)))]).rows
        ] == [payload]


def test_inside_fragments_of_a_tunnel() -> None:
    inner = ipv4_packet(*V4, 6, tcp(payload=BIG[:400]), total_length=20)
    outer = ipv4_packet("192.0.2.1", "192.0.2.2", 4, inner)
    whole = decode([ethernet(outer)])
    assert [row.payload for row in whole.rows] == [BIG[:400]]
    # There the bytes lie in several places: nothing is proved, nothing is read beyond its end.
    frames = [ethernet(part) for part in ip_fragments(outer, 64, identification=1)]
    assert decode(frames).reasons[0] == Reason.MALFORMED_TCP
