"""Which packets are one connection, who is its client, and in which order connections come."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.reassembly.tables import ClientEvidence
from tests.helpers.answers import flow_of, flows_of
from tests.helpers.traffic import ACK, FIN, RST, SYN, Capture, Conversation, play

from .grouped import group, packets_of, sides

SECOND = 10**9


def datas(*parts: Capture | Conversation, **options: object) -> list[tuple[bytes, bytes]]:
    return [(f.client.data, f.server.data) for f in flows_of(*parts, **options)]


# -- who is the client ------------------------------------------------------------------------------


def evidence(script: str, client: str = "10.0.0.1:40000", server: str = "10.0.0.2:40001") -> tuple[str, str]:
    """Address of the client that was found, and from what."""
    flow = flow_of(play(script, Conversation(client, server)))
    return f"{flow.client.address}:{flow.client.port}", flow.client_evidence


def test_the_side_that_sent_the_syn_is_the_client() -> None:
    assert evidence("> SYN\n< SYN ACK\n> ACK", "10.0.0.1:80", "10.0.0.2:40001") == ("10.0.0.1:80", "syn")


def test_a_syn_that_comes_last_says_so_too() -> None:
    assert evidence("< 'hello'\n> 'hi'\n< SYN ACK\n> SYN") == ("10.0.0.1:40000", "syn")


def test_the_side_that_sent_the_syn_ack_is_the_server() -> None:
    assert evidence("< SYN ACK\n< 'hello'") == ("10.0.0.1:40000", "syn_ack")
    assert evidence("< 'hello'\n> 'x'\n< SYN ACK", server="10.0.0.2:9") == ("10.0.0.1:40000", "syn_ack")


@pytest.mark.parametrize(
    ("client", "server"),
    [
        (40000, 80),
        (1024, 443),
        (5000 - 1, 1023),
        (40000, 3306),
        (1025, 8080),
        (40000, 12345),
        (20000 - 1, 22),
    ],
)
def test_without_a_handshake_the_ports_tell(client: int, server: int) -> None:
    ends = f"10.0.0.1:{client}", f"10.0.0.2:{server}"
    assert evidence("> 'a'\n< 'b'", *ends) == (ends[0], "port")
    assert evidence("< 'b'\n> 'a'", *ends) == (ends[0], "port")
    assert evidence("< 'b'", *ends) == (ends[0], "port")


@pytest.mark.parametrize(("one", "two"), [(80, 443), (40000, 50001), (80, 80), (1234, 2345)])
def test_where_ports_say_nothing_the_first_packet_does(one: int, two: int) -> None:
    ends = f"10.0.0.1:{one}", f"10.0.0.2:{two}"
    assert evidence("> 'a'\n< 'b'", *ends) == (ends[0], "first_packet")
    assert evidence("< 'b'\n> 'a'", *ends) == (ends[1], "first_packet")


def test_a_syn_with_a_reset_is_no_syn() -> None:
    assert evidence("> SYN RST\n> 'a'")[1] == "first_packet"


def test_both_sides_open_at_once() -> None:
    """RFC 9293, figure 8: the first SYN names the client; it is one connection."""
    c = Conversation("10.0.0.1:4000", "10.0.0.2:5000")
    c.send("client", flags=SYN)
    c.send("server", flags=SYN)
    c.send("client", flags=SYN | ACK)
    c.send("server", flags=SYN | ACK)
    c.client(b"one")
    c.server(b"two")
    for seed in range(6):
        flow = flow_of(Capture(c).shuffle(seed) if seed else Capture(c))
        assert {(s.port, s.isn, s.data) for s in flow.streams} == {(4000, 1000, b"one"), (5000, 5000, b"two")}
        assert flow.client_evidence == "syn"
    assert flow_of(c).client.port == 4000
    assert flow_of(c).state == "S1"


# -- order ------------------------------------------------------------------------------------------


def test_connections_come_in_order_of_first_packet_client_before_server() -> None:
    one = play("< 'b'\n> 'a'", Conversation("10.0.0.9:40000", "10.0.0.1:80"))
    two = play("> SYN\n< SYN ACK", Conversation("10.0.0.1:40000", "10.0.0.2:80"))
    capture = Capture(one.frames[0], two.frames[0], one.frames[1], two.frames[1])
    grouping = group(packets_of(capture))
    assert grouping.count == 2
    assert sides(grouping) == [[2], [0], [1], [3]]
    assert grouping.client_evidence.tolist() == [ClientEvidence.PORT, ClientEvidence.SYN]
    assert grouping.pair.tolist() == [0, 1]


def test_connections_of_one_pair_have_its_number() -> None:
    first = play("> SYN\n> 'one'", Conversation(isn=1000))
    second = play("> SYN\n> 'two'", Conversation(isn=1 << 30))
    other = play("> SYN", Conversation("10.9.9.9:1", "10.9.9.8:2"))
    grouping = group(packets_of(Capture(first, other, second)))
    assert grouping.pair.tolist() == [0, 1, 0]
    assert sides(grouping)[::2] == [[0, 1], [2], [3, 4]]


def test_a_packet_is_in_one_stream_only() -> None:
    parts = [play("> SYN\n< SYN ACK\n> 'a'", Conversation(isn=i << 28, server_isn=i << 27)) for i in range(9)]
    grouping = group(packets_of(Capture(*parts).shuffle(3)))
    assert sorted(row for side in sides(grouping) for row in side) == list(range(27))


def test_nothing() -> None:
    grouping = group(packets_of(Capture()))
    assert (grouping.count, len(grouping.order), grouping.packet_start.tolist()) == (0, 0, [0])
    assert group(packets_of(Capture()), timeout=1).count == 0


# -- keys -------------------------------------------------------------------------------------------


def test_vlan_ids_are_part_of_the_key() -> None:
    parts = [play("> SYN\n> 'same'", Conversation(vlans=vlans)) for vlans in ((), (42,), (43,), (42, 43))]
    flows = flows_of(*parts)
    assert [f.vlan for f in flows] == [(), (42,), (43,), (42, 43)]
    assert flows.vlan.tolist() == ["", "42", "43", "42.43"]
    assert len(flows_of(*parts, ignore_vlan=True)) == 1


def test_a_capture_that_tags_one_direction_only() -> None:
    c = play("> SYN\n< SYN ACK\n> 'question'\n< 'answer'")
    for frame in c:
        frame.vlans = (42,) if frame.source[1] == 80 else ()
    for options in ({}, {"ignore_vlan": True}, {"ignore_encapsulation": True}):
        assert datas(c, **options) == [(b"question", b"answer")]


def test_ipv4_and_ipv6_and_mapped_addresses_are_different_endpoints() -> None:
    ends = [("10.0.0.1:9", "10.0.0.2:80"), ("[::10.0.0.1]:9", "[::10.0.0.2]:80")]
    ends.append(("[::ffff:10.0.0.1]:9", "[::ffff:10.0.0.2]:80"))
    flows = flows_of(*(play("> SYN\n> 'x'", Conversation(*e)) for e in ends))
    found = [ip_address(a) for a in flows.client]
    assert found == [ip_address(a) for a in ("10.0.0.1", "::10.0.0.1", "::ffff:10.0.0.1")]


def test_an_endpoint_that_connects_to_itself_loses_nothing() -> None:
    c = Conversation("10.0.0.1:80", "10.0.0.1:80")
    c.handshake()
    c.client(b"abc")
    c.server(b"xyz")
    found = b"".join(s.data for f in flows_of(c) for s in f.streams)
    assert sorted(found) == sorted(b"abcxyz")


def test_a_socket_connected_to_itself_has_one_stream() -> None:
    """A simultaneous open with oneself (RFC 9293, figure 8): one ISN, and every ACK is of the own bytes."""
    c = Conversation("127.0.0.1:5000", "127.0.0.1:5000", isn=1000, server_isn=1000)
    c.send("client", flags=SYN)
    c.send("server", flags=SYN | ACK)
    c.client(b"abc", ack=1001)
    c.client(flags=ACK, ack=1004)
    c.client(b"def", ack=1004)
    c.client(flags=ACK, ack=1010)
    for seed in range(3):
        flow = flow_of(Capture(c).shuffle(seed) if seed else Capture(c))
        assert (flow.client.data, flow.client.size, flow.client.missing) == (b"abcdef", 9, 3)
        assert flow.client.gaps["cause"].tolist() == ["not_captured"]
        assert (flow.server.data, flow.server.size, flow.server.missing) == (b"", 0, 0)


# -- jumps ------------------------------------------------------------------------------------------


def test_a_jump_in_data_of_more_than_max_gap_starts_a_new_flow() -> None:
    c = play("> SYN\n> 'one'")
    c.client(b"two", at=3 + 1000)
    assert datas(c, max_gap=1000) == [(b"one" + bytes(1000) + b"two", b"")]
    assert datas(c, max_gap=999) == [(b"one", b""), (b"two", b"")]


@pytest.mark.parametrize("isn", [1000, 2**32 - 500, 2**31 - 3])
def test_the_default_jump_is_16_mib(isn: int) -> None:
    for extra, count in ((0, 1), (1, 2)):
        c = play("> SYN\n> 'one'", Conversation(isn=isn))
        c.client(b"two", at=3 + (16 << 20) + extra)
        for seed in range(3):
            assert len(flows_of(Capture(c).shuffle(seed))) == count


def test_the_first_data_far_behind_the_syn_is_a_jump_too() -> None:
    c = play("> SYN\n> 2000:'far'")
    assert len(flows_of(c, max_gap=1999)) == 2
    assert len(flows_of(c, max_gap=2000)) == 1


def test_a_jump_backwards() -> None:
    c = play("> 'late'")
    c.client(b"early", at=-5000)
    assert datas(c, max_gap=4995) == [(b"early" + bytes(4995) + b"late", b"")]
    assert sorted(datas(c, max_gap=4994)) == [(b"early", b""), (b"late", b"")]


def test_many_small_holes_are_no_jump() -> None:
    c = play("> SYN")
    for i in range(1, 20):
        c.client(b"x", at=i * 900)
    assert len(flows_of(c, max_gap=1000)) == 1


def test_without_room_for_gaps_every_hole_is_a_new_flow() -> None:
    c = play("> SYN\n> 'one'\n> 4:'two'\n> 7:'more'")
    assert datas(c, max_gap=0) == [(b"one", b""), (b"twomore", b"")]


@pytest.mark.parametrize("flags", [ACK, RST, RST | ACK, FIN | ACK])
@pytest.mark.parametrize("jump", [17 << 20, 1 << 31, -(1 << 25)])
@pytest.mark.parametrize("side", ["client", "server"])
def test_what_carries_no_data_never_starts_a_flow(flags: int, jump: int, side: str) -> None:
    c = play("> SYN\n< SYN ACK\n> 'hello'\n< 'there'")
    c.send(side, flags=flags, seq=1006 + jump)
    play("> ' again'\n< ' too'", c)
    assert datas(c) == [(b"hello again", b"there too")]


def test_an_acknowledgment_from_nowhere_never_starts_a_flow_nor_a_gap() -> None:
    c = play("> SYN\n< SYN ACK\n> 'hello'\n< 'there'")
    c.send("server", flags=ACK, ack=1006 + (20 << 20))
    flow = flow_of(c)
    assert (flow.client.data, flow.client.size, flow.client.missing) == (b"hello", 5, 0)


# -- time -------------------------------------------------------------------------------------------


def timed(c: Conversation, *seconds: float) -> Capture:
    for frame, when in zip(c.frames, seconds, strict=True):
        frame.time = round(when * SECOND)
    return Capture(c)


def test_idleness_splits_only_when_asked() -> None:
    c = timed(play("> SYN\n> 'one'\n> 'two'"), 0, 1, 11.5)
    assert datas(c) == [(b"onetwo", b"")]
    assert datas(c, timeout=10.5) == [(b"onetwo", b"")]
    assert datas(c, timeout=10.4) == [(b"one", b""), (b"two", b"")]


def test_idleness_is_that_of_both_sides() -> None:
    c = timed(play("> SYN\n< SYN ACK\n> 'one'\n< 'answer'\n> 'two'"), 0, 0, 1, 9, 17)
    assert datas(c, timeout=10) == [(b"onetwo", b"answer")]


def test_idleness_goes_by_the_clock_not_by_the_order() -> None:
    c = timed(play("> SYN\n> 'one'\n> 'two'\n> 'three'"), 0, 1, 30, 31)
    for seed in range(5):
        assert sorted(datas(c.shuffle(seed), timeout=10)) == [(b"one", b""), (b"twothree", b"")]


def test_a_clock_that_runs_backwards_breaks_nothing() -> None:
    c = timed(play("> SYN\n< SYN ACK\n> 'one'\n> 'two'"), 1000, 900, 800, 5)
    assert datas(c) == [(b"onetwo", b"")]
    flow = flow_of(c)
    assert flow.duration.total_seconds() == 995
    assert flow.start < flow.end
    assert len(flows_of(c, timeout=2000)) == 1


def test_frames_without_a_time_are_never_idle() -> None:
    packets = packets_of(play("> SYN\n> 'one'\n> 'two'"))
    packets.times[:] = [NO_TIME, 5 * SECOND, NO_TIME]
    assert group(packets, timeout=SECOND).count == 1


def test_other_connections_do_not_keep_one_awake() -> None:
    one = timed(play("> SYN\n> 'one'\n> 'two'"), 0, 1, 20)
    busy = timed(play("> SYN" + "\n> 'x'" * 20, Conversation("10.0.0.9:9")), *range(21))
    assert len(flows_of(Capture(one, busy).by_time(), timeout=10)) == 3
