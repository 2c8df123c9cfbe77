from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpflow_scapy.decode import Reason
from tests.helpers.headers import ethernet, ip_packet, link_frame, tcp_segment, udp_packet

from .batches import batch, decode, scapy_segment

HOSTS = ["10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"]
LINK_TYPES = [0, 1, 12, 14, 101, 108, 113, 228, 229, 276]


def segment(
    source: str = "10.0.0.1", destination: str = "10.0.0.2", payload: bytes = b"hello", **fields: int
) -> bytes:
    ports = fields.get("sport", 1024), fields.get("dport", 80)
    tcp = tcp_segment(
        (source, ports[0]),
        (destination, ports[1]),
        fields.get("seq", 1),
        fields.get("ack", 2),
        fields.get("flags", 0x18),
        payload,
    )
    return ip_packet(source, destination, 6, tcp)


def test_every_column_of_a_plain_segment() -> None:
    frame = ethernet(segment(seq=0xFFFFFFF0, ack=7, flags=0x1FF))
    result = decode([frame])
    packets = result.packets
    assert result.reasons == [Reason.TCP]
    assert result.rows[0][1:] == (
        "10.0.0.1 1024",
        "10.0.0.2 80",
        0xFFFFFFF0,
        7,
        0x1FF,
        65535,
        5,
        5,
        b"hello",
        "eth/ip",
    )
    assert packets.data_offset[0] == 20
    assert packets.source[0] == int.from_bytes(bytes([10, 0, 0, 1])) << 16 | 1024
    assert result.keys == [()]


@pytest.mark.parametrize("linktype", LINK_TYPES)
@pytest.mark.parametrize("hosts", [HOSTS[:2], HOSTS[2:]])
def test_every_link_type_of_either_version(linktype: int, hosts: list[str]) -> None:
    frame = link_frame(linktype, segment(*hosts))
    result = decode([frame, frame[:-2], frame], linktype)
    assert [row.payload for row in result.rows] == [b"hello", b"hel", b"hello"]
    assert [row.frame for row in result.rows] == [0, 1, 2]
    assert {row.source for row in result.rows} == {f"{hosts[0]} 1024"}
    assert result.keys == [()] * 3


def test_mixed_link_types_in_one_batch_keep_capture_order() -> None:
    types = [1, 12, 113, 0, 1, 147, 276]
    frames = [b"\0" * 60 if t == 147 else link_frame(t, segment(seq=i)) for i, t in enumerate(types)]
    result = decode(frames, types)
    assert [row.sequence for row in result.rows] == [0, 1, 2, 3, 4, 6]
    assert result.reasons[5] is Reason.UNKNOWN_LINKTYPE


def test_an_ipv4_packet_of_length_zero_ends_with_its_frame() -> None:
    packet = bytearray(segment(payload=b"x" * 3000))
    packet[2:4] = b"\0\0"
    result = decode([ethernet(bytes(packet))])
    assert result.rows[0].length == result.rows[0].wire_length == 3000


def test_a_frame_that_lies_about_its_original_length_is_believed_within_reason() -> None:
    packet = bytearray(segment())
    packet[2:4] = b"\0\0"
    result = decode([ethernet(bytes(packet))], wire=[0xFFFFFFFF])
    assert result.rows[0].wire_length == (1 << 20) - 40


def test_padding_trailer_and_fcs_are_no_data() -> None:
    result = decode([ethernet(segment(payload=b"a")) + b"\xff" * 30, ethernet(segment(payload=b"")) + b"pad"])
    assert [row.payload for row in result.rows] == [b"a", b""]
    assert [row.wire_length for row in result.rows] == [1, 0]


@pytest.mark.parametrize("linktype", [1, 113])
@pytest.mark.parametrize("kept", range(0, 60, 3))
def test_a_cut_frame_says_how_much_is_missing_or_where_it_was_cut(linktype: int, kept: int) -> None:
    frame = link_frame(linktype, segment(payload=b"0123456789"))
    headers = len(frame) - 10
    result = decode([frame[:kept]], linktype, wire=[len(frame)])
    if kept >= headers - 4:
        # Without checksum and urgent pointer all is known that matters.
        row = result.rows[0]
        assert (row.length, row.wire_length) == (max(kept - headers, 0), 10)
        return
    assert not result.rows
    link = len(frame) - 50
    expected = (
        Reason.EMPTY
        if not kept
        else Reason.TRUNCATED_LINK
        if kept < link
        else Reason.TRUNCATED_IP
        if kept < link + 20
        else Reason.TRUNCATED_TCP
    )
    assert result.reasons == [expected]


def test_each_frame_that_is_no_segment_gets_its_reason() -> None:
    def ipv4(protocol: int, payload: bytes = b"\0" * 40) -> bytes:
        return ethernet(ip_packet("10.0.0.1", "10.0.0.2", protocol, payload))

    cases = {
        ethernet(b"\0" * 46, ethertype=0x0806): Reason.ARP,
        ethernet(udp_packet(("10.0.0.1", 53), ("10.0.0.2", 53), b"x")): Reason.UDP,
        ipv4(1): Reason.ICMP,
        ipv4(2): Reason.IGMP,
        ipv4(58): Reason.ICMPV6,
        ipv4(132): Reason.SCTP,
        ipv4(89): Reason.OTHER_IP,
        ipv4(50): Reason.ENCRYPTED,
        ethernet(b"\0" * 46, ethertype=0x88CC): Reason.OTHER_ETHERTYPE,
        ipv4(1, b"\3\1\0\0\0\0\0\0" + segment()[:28]): Reason.ICMP_ERROR,
        ethernet(ip_packet(*HOSTS[2:], 58, b"\1\0\0\0\0\0\0\0" + segment(*HOSTS[2:]))): Reason.ICMP_ERROR,
        b"": Reason.EMPTY,
    }
    result = decode(list(cases))
    assert result.reasons == list(cases.values())
    assert not result.rows


def test_a_filter_leaves_frames_out() -> None:
    frames = [ethernet(segment(seq=i)) for i in range(5)]
    result = decode(frames, selected=[True, False, True, False, False])
    assert [row.sequence for row in result.rows] == [0, 2]
    assert [row.frame for row in result.rows] == [0, 2]
    assert result.reasons.count(Reason.FILTERED) == 3


def test_batches_make_no_difference() -> None:
    frames = [
        link_frame(1, segment(*HOSTS[2 * (i % 2) :][:2], seq=i), (i,) if i % 3 else ()) for i in range(40)
    ]
    whole, parts = decode(frames), decode(frames, per_batch=7)
    assert whole.rows == parts.rows
    assert whole.packets.addresses.ipv6 == parts.packets.addresses.ipv6


def test_no_frames_make_an_empty_table_of_the_right_types() -> None:
    packets = decode([]).packets
    assert len(packets) == 0
    assert packets.source.dtype == np.uint64
    assert packets.datagrams is not None
    assert len(packets.datagrams) == 0


def test_one_encapsulation_for_all_rows_costs_no_memory() -> None:
    packets = decode([ethernet(segment())] * 4).packets
    assert packets.encapsulation.strides == (0,)


def test_a_batch_may_lie_anywhere_in_its_buffer() -> None:
    from tcpflow_scapy.capture.store import Store
    from tcpflow_scapy.decode import Decoder

    decoder = Decoder(Store())
    part = batch([ethernet(segment())], base=10_000, first=500)
    decoder.decode(part)
    packets = decoder.finish()
    assert packets.header[0] == 10_000 + part.position[0] + 34
    assert packets.frame[0] == 500


ports = st.integers(0, 0xFFFF)
words = st.integers(0, 0xFFFFFFFF)


@st.composite
def tcp_frames(draw: st.DrawFn) -> bytes:
    """Ethernet frames with tags, IPv4 options or IPv6 extension headers, TCP options and padding."""
    six = draw(st.booleans())
    source, destination = (HOSTS[2:] if six else HOSTS[:2])[:: draw(st.sampled_from([1, -1]))]
    # NOPs: any list of them is well-formed.
    options = b"\1" * (4 * draw(st.integers(0, 10)))
    tcp = tcp_segment(
        (source, draw(ports)),
        (destination, draw(ports)),
        draw(words),
        draw(words),
        draw(st.integers(0, 0x1FF)),
        draw(st.binary(max_size=40)),
        window=draw(ports),
        options=options,
    )
    packet = bytearray(ip_packet(source, destination, 6, tcp))
    if not six and draw(st.booleans()):
        extra = 4 * draw(st.integers(1, 10))
        packet[0] += extra // 4
        packet[2:4] = struct.pack("!H", len(packet) + extra)
        packet[20:20] = b"\1" * extra
    vlans = draw(st.lists(st.integers(1, 4094), max_size=3))
    return ethernet(bytes(packet), vlans) + draw(st.binary(max_size=20))


@settings(max_examples=60, deadline=None)
@given(st.lists(tcp_frames(), min_size=1, max_size=6))
def test_segments_are_as_scapy_dissects_them(frames: list[bytes]) -> None:
    from scapy.layers.l2 import Ether

    result = decode(frames)
    mine = [(r.source, r.destination, *r[3:7], r.payload) for r in result.rows]
    assert mine == [scapy_segment(frame, Ether) for frame in frames]


@settings(max_examples=100, deadline=None)
@given(st.lists(tcp_frames(), min_size=1, max_size=5), st.data())
def test_the_short_cut_and_the_layers_agree_on_damaged_frames(
    frames: list[bytes], data: st.DataObject
) -> None:
    damaged = []
    for frame in frames:
        octets = bytearray(frame)
        for _ in range(data.draw(st.integers(0, 3))):
            octets[data.draw(st.integers(12, min(60, len(octets) - 1)))] = data.draw(st.integers(0, 255))
        damaged.append(bytes(octets[: data.draw(st.integers(0, len(octets)))]))
    short = decode(damaged, 1)
    # A frame of another link type sends all of them through the layers.
    layers = decode([*damaged, segment()], [1] * len(damaged) + [101])
    assert short.rows == layers.rows[:-1]
    assert short.reasons == layers.reasons[:-1]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.binary(max_size=120), min_size=1, max_size=6),
    st.sampled_from([*LINK_TYPES, 9, 105, 127, 192, 299]),
    st.booleans(),
)
def test_random_bytes_raise_nothing(frames: list[bytes], linktype: int, verify: bool) -> None:
    result = decode(frames, linktype, verify_checksums=verify)
    assert len(result.reasons) == len(frames)
    used = {row.frame for row in result.rows}
    assert used == {i for i, reason in enumerate(result.reasons) if reason is Reason.TCP}
