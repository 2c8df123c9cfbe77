"""Sequence numbers to stream offsets: where offset 0 is, and how far numbers are followed."""

from __future__ import annotations

import numpy as np
import pytest

from tcpflow_scapy.reassembly.offsets import CONTRADICTED, Offsets, fin_offsets, highest_fins, place_packets
from tests.helpers.answers import flow_of, flows_of
from tests.helpers.traffic import ACK, FIN, RST, SYN, Capture, Conversation, play

from .grouped import MAX_GAP, Packets, group, packets_of

EDGES = [0, 1, 1000, 2**31 - 3, 2**31, 2**32 - 6, 2**32 - 2, 2**32 - 1]


def placed(c: Conversation | Capture) -> tuple[Packets, Offsets, list[list[int]]]:
    """Offsets of one connection's packets: client's, server's."""
    packets = packets_of(c)
    grouping = group(packets)
    assert grouping.count == 1
    offsets = place_packets(packets.table, packets.times, grouping.order, grouping.packet_start, MAX_GAP)
    return packets, offsets, [part.tolist() for part in np.split(offsets.start, grouping.packet_start[1:-1])]


# -- offset 0 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("isn", EDGES)
def test_offset_0_follows_the_isn(isn: int) -> None:
    c = play("> SYN\n< SYN ACK\n> 'hello'\n> ' world'\n< 'ok'", Conversation(isn=isn, server_isn=isn ^ 5))
    _, offsets, (client, server) = placed(c)
    assert client == [0, 0, 5]
    assert server == [0, 0]
    assert offsets.isn.tolist() == [isn, isn ^ 5]
    assert offsets.base.tolist() == [(isn + 1) % 2**32, ((isn ^ 5) + 1) % 2**32]


@pytest.mark.parametrize("isn", EDGES)
@pytest.mark.parametrize("seed", range(3))
def test_without_a_syn_it_is_the_lowest_byte_also_when_that_comes_late(isn: int, seed: int) -> None:
    c = play("x> 'lost'\n> 'soon'\n> 'late'\n> 8:'late'", Conversation(isn=isn))
    flow = flow_of(Capture(c).shuffle(seed))
    assert flow.client.data == b"soonlate"
    assert flow.client.isn is None
    assert flow.client.at(0).frame in {n for n, f in enumerate(Capture(c).shuffle(seed), 1) if f.offset == 4}


def test_acks_and_resets_do_not_set_offset_0() -> None:
    c = play("x> 'lost'\n> ACK seq=1001\n> 'soon'\n> RST seq=900")
    assert flow_of(c).client.data == b"soon"


def test_a_syn_that_comes_last_sets_it() -> None:
    c = play("> SYN\nx> 'lost'\n> 'soon'")
    flow = flow_of(Capture(c).reverse())
    assert flow.client.data == b"\0\0\0\0soon"
    assert flow.client.isn == 1000


def test_data_in_a_syn_is_data() -> None:
    """TCP Fast Open (RFC 7413)."""
    c = Conversation()
    c.client(b"GET /", flags=SYN)
    c.server(b"200", flags=SYN | ACK)
    c.client(b" HTTP/1.1")
    c.server(b" OK")
    flow = flow_of(c)
    assert (flow.client.data, flow.server.data) == (b"GET / HTTP/1.1", b"200 OK")
    assert flow.client.segments["class"].tolist() == ["new", "new"]


def test_data_in_a_syn_that_was_not_accepted_is_sent_again() -> None:
    c = Conversation()
    c.client(b"GET /", flags=SYN)
    c.server(flags=SYN | ACK, ack=1001)
    c.client(b"GET /", at=0)
    flow = flow_of(c)
    assert flow.client.data == b"GET /"
    assert flow.client.segments["class"].tolist() == ["new", "retransmission"]


def test_a_silent_stream_begins_at_the_lowest_acknowledged_byte() -> None:
    c = play("> 'a' ack=5000\n> 'b' ack=5100\n> 'c' ack=5070")
    flow = flow_of(c)
    assert (flow.server.size, flow.server.missing, flow.server.data) == (100, 100, b"")
    assert flow.server.gaps["cause"].tolist() == ["not_captured"]


# -- far numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("isn", EDGES)
def test_numbers_wrap_in_the_middle_of_a_segment(isn: int) -> None:
    payload = bytes(range(256))
    c = Conversation(isn=isn)
    c.handshake()
    for i in range(0, 256, 7):
        c.client(payload[i : i + 7])
    for seed in range(3):
        assert flow_of(Capture(c).shuffle(seed)).client.data == payload


SEGMENT = 1_000_000


def stamp(at: int) -> bytes:
    """The bytes captured at a segment's beginning."""
    return at.to_bytes(8, "big")


def long_segment(c: Conversation, at: int) -> None:
    """An IP length of 0 stands for an offloaded segment: its length is the frame's."""
    frame = c.client(stamp(at), at=at, ip_length=0, wire_length=54 + SEGMENT)
    c.skip("client", SEGMENT - len(frame.payload))


def long(c: Conversation, total: int) -> Capture:
    """That many bytes on the wire, in segments of a million of which eight bytes were captured."""
    for at in range(0, total, SEGMENT):
        long_segment(c, at)
    return Capture(c)


@pytest.mark.parametrize("syn", [True, False])
def test_a_stream_longer_than_4_gib(syn: bool) -> None:
    """Sequence numbers go round more than twice."""
    c = Conversation(isn=2**32 - 1_000_000)
    if syn:
        c.handshake()
    total = 9_000_000_000
    count = total // SEGMENT
    flow = flow_of(long(c, total))
    assert flow.client.size == total
    assert flow.client.captured == 8 * count
    assert set(flow.client.gaps["cause"]) == {"truncated"}
    for at in range(0, total, SEGMENT):
        assert flow.client.read(at, 8) == stamp(at)
    segments = flow.client.segments[flow.client.segments["length"] > 0]
    assert segments["offset"].tolist() == list(range(0, total, SEGMENT))
    origin = flow.client.at(total - SEGMENT + 7)
    assert origin is not None
    assert origin.frame == len(c)


@pytest.mark.parametrize("syn", [True, False])
def test_a_stream_of_less_than_4_gib_does_not_depend_on_order(syn: bool) -> None:
    c = Conversation(isn=3_000_000_000)
    if syn:
        c.handshake()
    total = 4_200_000_000
    long(c, total)
    for upto in range(0, total + 1, 100_000_000):
        c.ack("server", upto)
    capture = Capture(c)
    for order in (capture.reverse(), capture.shuffle(1)):
        flow = flow_of(order)
        assert flow.client.size == total
        assert flow.client.captured == 8 * total // SEGMENT
        for at in range(0, total, SEGMENT):
            assert flow.client.read(at, 8) == stamp(at)
        assert set(flow.client.gaps["cause"]) == {"truncated"}


@pytest.mark.parametrize("total", [4_000_000_000, 5_000_000_000])
def test_acknowledgments_of_a_long_stream(total: int) -> None:
    c = Conversation(isn=3_000_000_000)
    c.handshake()
    for at in range(0, total, SEGMENT):
        long_segment(c, at)
        if at % 500_000_000 == 0:
            c.ack("server")
    c.skip("client", SEGMENT)
    c.ack("server")
    flow = flow_of(c)
    assert flow.client.size == total + SEGMENT
    assert flow.client.gaps["cause"].tolist()[-1] == "not_captured"


def sparse(total: int, syn: bool = True) -> Conversation:
    """Eight bytes every 15 million: almost all of the stream was lost."""
    c = Conversation(isn=2**32 - 77, server_isn=2**31)
    if syn:
        c.handshake()
    for at in range(0, total, 15_000_000):
        c.client(stamp(at), at=at)
    return c


def check_sparse(capture: Capture | Conversation, total: int) -> None:
    flow = flow_of(capture)
    places = range(0, total, 15_000_000)
    assert [(at, data) for at, _, data in flow.client.chunks()] == [(at, stamp(at)) for at in places]
    assert flow.client.size == places[-1] + 8
    assert flow.client.gaps["start"].tolist() == [at + 8 for at in places[:-1]]


@pytest.mark.parametrize("syn", [True, False])
def test_a_stream_with_little_data_that_reaches_far(syn: bool) -> None:
    for total in (2_300_000_000, 4_200_000_000):
        c = sparse(total, syn)
        check_sparse(c, total)
        check_sparse(Capture(c).reverse(), total)
        check_sparse(Capture(c).shuffle(1), total)
    check_sparse(sparse(13_000_000_000, syn), 13_000_000_000)


def test_what_lies_around_a_far_reaching_stream() -> None:
    """A keep-alive and a bare ACK from before the first byte, the FIN and a reset from after the last."""
    c = sparse(3_000_000_000)
    end = 2_985_000_008
    c.send("client", b"?", at=-1)
    c.send("client", flags=ACK, seq=2**32 - 77 - 5)
    c.send("client", flags=FIN | ACK, at=end)
    c.send("client", flags=RST | ACK, seq=c.frames[-1].seq + 1)
    table = flow_of(c).client.segments
    assert table["offset"].tolist()[-4:] == [-1, -6, end, end + 1]
    assert table["class"].tolist()[-4:] == ["before_start", "ack", "fin", "rst"]
    assert flow_of(c).client.size == end


def test_two_connections_of_3_gib_on_one_pair_of_ports() -> None:
    one, two = Conversation(isn=5, server_isn=5), Conversation(isn=1 << 30, server_isn=1 << 30)
    for c in (one, two):
        c.handshake()
        long(c, 3_000_000_000)
    assert [f.client.size for f in flows_of(one, two)] == [3_000_000_000] * 2


# -- the FIN ----------------------------------------------------------------------------------------


def fins(
    c: Conversation, acknowledged: tuple[int, int] = (-1, -1), data: tuple[int, int] = (0, 0)
) -> list[int]:
    offsets = placed(c)[1]
    return fin_offsets(offsets, highest_fins(offsets), np.array(data), np.array(acknowledged)).tolist()


def test_the_fin_is_where_the_data_ends() -> None:
    assert fins(play("> SYN\n< SYN ACK\n> 'hello'\n> 'bye' FIN\n< FIN")) == [8, 0]


def test_no_fin_and_a_fin_with_a_reset() -> None:
    c = play("> SYN\n< SYN ACK\n> 'hello'")
    assert fins(c) == [-1, -1]
    c.send("client", flags=FIN | RST | ACK)
    assert fins(c) == [-1, -1]


def test_of_several_fins_the_one_counts_that_was_acknowledged() -> None:
    c = play("> SYN\n< SYN ACK\n> FIN seq=1004\n> 'hello'\n> FIN seq=1007\n> FIN seq=1006")
    assert fins(c, (6, 0), (5, 0)) == [5, -1]
    assert fins(c, (4, 0), (5, 0)) == [3, -1]
    assert fins(c, (2, 0), (5, 0)) == [6, -1]


def test_a_fin_below_data_that_was_acknowledged_is_none() -> None:
    c = play("> SYN\n< SYN ACK\n> FIN seq=1004\n> 'hello'")
    assert fins(c, (5, 0), (5, 0)) == [CONTRADICTED, -1]
    assert fins(c, (4, 0), (5, 0)) == [3, -1]
