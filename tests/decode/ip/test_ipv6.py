from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpflow_scapy.decode import Reason
from tcpflow_scapy.decode.ip.ipv6 import MAX_EXTENSIONS
from tests.decode.batches import decode, scapy_segment
from tests.decode.segments import PAYLOAD, V6, packet, tcp
from tests.helpers.headers import ethernet, ipv6_packet, packed

HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60


def chain(kinds: list[int]) -> bytes:
    """Extension headers of those kinds, the last followed by TCP."""
    out = b""
    for kind, following in zip(kinds, [*kinds[1:], 6], strict=False):
        if kind == FRAGMENT:
            out += struct.pack("!BBHI", following, 0, 0, 7)
        elif kind == AUTHENTICATION:
            out += struct.pack("!BBHII", following, 4, 0, 1, 2) + bytes(12)
        elif kind == ROUTING:
            out += struct.pack("!BBBB", following, 2, 4, 0) + bytes(20)
        else:
            out += struct.pack("!BB", following, 1) + b"\1\x0c" + bytes(12)
    return out


def extended(kinds: list[int]) -> bytes:
    first = kinds[0] if kinds else 6
    return ethernet(ipv6_packet(*V6, 6, tcp(V6), extensions=chain(kinds), next_header=first))


extension = st.sampled_from([HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(extension, max_size=MAX_EXTENSIONS), min_size=1, max_size=5))
def test_extension_headers_in_any_order(chains: list[list[int]]) -> None:
    result = decode([extended(kinds) for kinds in chains])
    assert [row.payload for row in result.rows] == [PAYLOAD] * len(chains)


def test_extension_headers_as_scapy_reads_them() -> None:
    from scapy.layers.l2 import Ether

    frames = [extended([HOP_BY_HOP, DESTINATION, ROUTING]), extended([FRAGMENT, DESTINATION]), extended([])]
    result = decode(frames)
    assert [(r.source, r.destination, *r[3:7], r.payload) for r in result.rows] == [
        scapy_segment(frame, Ether) for frame in frames
    ]


def test_a_chain_without_end() -> None:
    octets = ethernet(ipv6_packet(*V6, 6, bytes(8) * 500, next_header=HOP_BY_HOP))
    assert decode([octets, extended([DESTINATION] * (MAX_EXTENSIONS + 1))]).reasons == [Reason.TOO_DEEP] * 2


@pytest.mark.parametrize("cut", [54, 57, 61, 62, 64])
def test_a_chain_cut_off(cut: int) -> None:
    frame = extended([HOP_BY_HOP, DESTINATION])
    assert decode([frame[:cut]], wire=[len(frame)]).reasons == [Reason.TRUNCATED_IP]


def test_esp_is_encrypted() -> None:
    octets = ipv6_packet(*V6, 50, bytes(40), extensions=b"\x32\0" + bytes(6), next_header=DESTINATION)
    assert decode([ethernet(octets)]).reasons == [Reason.ENCRYPTED]


def test_a_wrong_version() -> None:
    assert decode([ethernet(b"\x40" + packet(V6)[1:], ethertype=0x86DD)]).reasons == [Reason.MALFORMED_IP]


@pytest.mark.parametrize("before", [b"", b"\0\0\0\0", b"\1\2\0\0"])
def test_a_jumbogram_says_its_length_in_an_option(before: bytes) -> None:
    data = b"x" * 70_000
    options = before + b"\xc2\4" + struct.pack("!I", 8 + len(before) + 20 + len(data))
    options += b"\0" * (-(2 + len(options)) % 8)
    segment = tcp(V6, data)
    length = 2 + len(options) + len(segment)
    options = options.replace(struct.pack("!I", 8 + len(before) + 20 + len(data)), struct.pack("!I", length))
    hop_by_hop = struct.pack("!BB", 6, (2 + len(options)) // 8 - 1) + options
    octets = ipv6_packet(*V6, 6, segment, extensions=hop_by_hop, next_header=0, payload_length=0)
    result = decode([ethernet(octets) + b"trailer"])
    assert (result.rows[0].length, result.rows[0].wire_length) == (70_000, 70_000)


def test_payload_length_zero_ends_with_the_frame() -> None:
    result = decode([ethernet(ipv6_packet(*V6, 6, tcp(V6, b"y" * 100), payload_length=0))])
    assert result.rows[0].wire_length == 100


@pytest.mark.parametrize(
    ("kind", "left", "expected"),
    [(0, 2, "2001:db8::b"), (4, 1, "2001:db8::a"), (2, 1, "2001:db8::a"), (4, 0, V6[1]), (9, 1, V6[1])],
)
def test_a_routed_packet_belongs_to_its_final_destination(kind: int, left: int, expected: str) -> None:
    route = struct.pack("!BBBBI", 6, 4, kind, left, 0) + packed("2001:db8::a") + packed("2001:db8::b")
    octets = ipv6_packet(*V6, 6, tcp(V6), extensions=route, next_header=ROUTING)
    assert decode([ethernet(octets)]).rows[0].destination == f"{expected} 80"


def test_ten_thousand_hosts() -> None:
    frames = [ethernet(packet((f"2001:db8::{i % 5000:x}", "2001:db8::1"))) for i in range(10_000)]
    result = decode(frames, per_batch=3000)
    assert len(set(result.packets.source.tolist())) == 5000
    assert len(result.packets.addresses.ipv6) == 5000
