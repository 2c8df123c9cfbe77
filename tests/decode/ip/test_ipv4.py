from __future__ import annotations

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import PAYLOAD, V4, packet, tcp
from tests.helpers.headers import ethernet, ipv4_packet


@pytest.mark.parametrize("size", range(4, 44, 4))
def test_options_are_stepped_over(size: int) -> None:
    result = decode([ethernet(ipv4_packet(*V4, 6, tcp(), options=b"\1" * size))])
    assert [row.payload for row in result.rows] == [PAYLOAD]


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, 0x65),  # version 6
        (0, 0x44),  # header of 16 bytes
        (3, 19),  # total length shorter than the header
    ],
)
def test_headers_that_cannot_be(at: int, value: int) -> None:
    octets = bytearray(packet())
    octets[at] = value
    octets[-1] ^= 1  # so that no checksum says otherwise
    assert decode([ethernet(bytes(octets), ethertype=0x0800)]).reasons == [Reason.MALFORMED_IP]


def test_options_cut_off() -> None:
    octets = ipv4_packet(*V4, 6, tcp(), options=b"\1" * 40)
    assert decode([ethernet(octets)[:50]], wire=[200]).reasons == [Reason.TRUNCATED_IP]


def test_a_total_length_beyond_the_frame_is_a_cut_frame() -> None:
    result = decode([ethernet(ipv4_packet(*V4, 6, tcp(), total_length=140))])
    assert (result.rows[0].length, result.rows[0].wire_length) == (5, 100)


def test_a_total_length_that_ends_inside_the_tcp_header() -> None:
    octets = ipv4_packet(*V4, 6, tcp(), total_length=39) + b"x"
    result = decode([ethernet(octets)])
    assert result.reasons == [Reason.MALFORMED_TCP]


def test_fragments_are_told_from_whole_packets() -> None:
    frames = [
        ethernet(ipv4_packet(*V4, 6, tcp(), more_fragments=True)),
        ethernet(ipv4_packet(*V4, 6, tcp(), fragment_offset=8)),
        ethernet(packet()),
    ]
    octets = bytearray(frames[2])
    octets[20] |= 0x40  # do not fragment
    result = decode([*frames, bytes(octets)])
    assert result.reasons[2:] == [Reason.TCP, Reason.TCP]
