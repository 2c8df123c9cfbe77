"""Several connections of one pair of ports: told apart by their numbers, by arrival only as a last resort."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.helpers.answers import flows_of
from tests.helpers.traffic import ACK, PSH, SYN, Capture, Conversation, Frame, play

FAR = 1 << 28

TALK = "> SYN\n< SYN ACK\n> ACK\n> 'GET {0}'\n< 'body of {0}'\n> ACK\n> FIN\n< FIN\n> ACK"
SHORT = "> SYN\n< SYN ACK\n> ACK\n> 'GET {0}'\n< 'body of {0}'"
MIDSTREAM = "> 'GET {0}'\n< 'body of {0}'\n> ACK"


def talk(name: str, isn: int, server_isn: int, script: str = TALK) -> Conversation:
    return play(script.replace("{0}", name), Conversation(isn=isn, server_isn=server_isn))


def said(name: str) -> tuple[bytes, bytes]:
    return f"GET {name}".encode(), f"body of {name}".encode()


def datas(*parts: Capture | Conversation, **options: object) -> list[tuple[bytes, bytes]]:
    return [(f.client.data, f.server.data) for f in flows_of(*parts, **options)]


@pytest.mark.parametrize("script", [TALK, SHORT])
@pytest.mark.parametrize(
    ("apart", "server_apart"),
    [
        (FAR, FAR),
        (FAR, 3000),
        (3000, FAR),
        (3000, 3000),
        (-3000, -3000),
        (-FAR, 5000),
        (1 << 31, 1 << 31),
        (64_000, 128_000),
    ],
)
def test_new_isns_on_both_sides(script: str, apart: int, server_apart: int) -> None:
    """Far from the old ones, near them (older systems counted up by 64,000), or lower."""
    one, two = talk("one", 10_000, 50_000, script), talk("two", 10_000 + apart, 50_000 + server_apart, script)
    assert datas(one, two) == [said("one"), said("two")]
    for seed in range(4):
        assert sorted(datas(Capture(one, two).shuffle(seed))) == [said("one"), said("two")]


@pytest.mark.parametrize("isn", [2**32 - 5, 2**32 - 1, 0, 2**31 - 4])
def test_numbers_that_wrap_inside_each_connection(isn: int) -> None:
    parts = [talk(str(i), isn + i * 4000, isn + i * 4000 - 3) for i in range(5)]
    wanted = sorted(said(str(i)) for i in range(5))
    assert sorted(datas(*parts)) == wanted
    assert sorted(datas(Capture(*parts).shuffle(1))) == wanted


def test_many_connections_in_order_of_first_packet() -> None:
    parts = [talk(str(i), i * FAR + 17, i * FAR + 99) for i in range(12)]
    assert datas(*parts) == [said(str(i)) for i in range(12)]


def test_a_server_that_always_takes_the_same_isn() -> None:
    parts = [talk(str(i), 1000 + i * FAR, 7) for i in range(4)]
    assert datas(*parts) == [said(str(i)) for i in range(4)]
    # Shuffled, the acknowledgments still name the client's connection.
    assert sorted(datas(Capture(*parts).shuffle(5))) == sorted(said(str(i)) for i in range(4))


def test_a_shared_isn_and_packets_that_acknowledge_nothing() -> None:
    """Their own numbers fit every connection and no other number is there: arrival is all that is left."""
    one = talk("one", 1000, 7, SHORT)
    two = talk("two", 1000 + FAR, 7, SHORT)
    for c in (one, two):
        c.send("server", b" and more", flags=PSH)
    assert datas(one, two) == [(q, a + b" and more") for q, a in (said("one"), said("two"))]


def test_a_client_that_always_takes_the_same_isn() -> None:
    parts = [talk(str(i), 1000, 7 + i * FAR) for i in range(3)]
    assert datas(*parts) == [said(str(i)) for i in range(3)]


def test_a_retransmitted_syn_starts_nothing() -> None:
    c = play("> SYN\n> SYN\n< SYN ACK\n< SYN ACK\n> 'hello'\n< 'there'\n> SYN")
    for seed in range(4):
        assert datas(Capture(c).shuffle(seed)) == [(b"hello", b"there")]


def test_a_syn_tried_again_with_another_isn() -> None:
    """Nobody answered the first: it is a flow of its own, and takes nothing from the second."""
    lost = play("> SYN", Conversation(isn=9_000_000))
    c = talk("x", 1000, 5000)
    assert datas(lost, c) == [(b"", b""), said("x")]
    for seed in range(4):
        found = flows_of(Capture(lost, c).shuffle(seed))
        assert sorted((f.client.data, f.server.data) for f in found) == [(b"", b""), said("x")]
        assert sorted(f.state for f in found) == ["S0", "SF"]


def test_a_syn_that_arrives_late_belongs_to_its_flow() -> None:
    one, two = talk("one", 10_000, 50_000), talk("two", 20_000, 90_000)
    frames = [*one.frames[1:], *two.frames, one.frames[0]]
    found = flows_of(Capture(frames))
    assert [(f.client.data, f.server.data) for f in found] == [said("one"), said("two")]
    assert [f.client.isn for f in found] == [10_000, 20_000]


def test_the_syn_of_either_side_may_be_missing() -> None:
    for gone in (0, 1):
        one, two = talk("one", 10_000, 50_000), talk("two", 10_000 + FAR, 50_000 + FAR)
        del two.frames[gone]
        assert datas(one, two) == [said("one"), said("two")]


@pytest.mark.parametrize("apart", [FAR, 1 << 31, -FAR])
def test_no_syn_at_all(apart: int) -> None:
    one = talk("one", 10_000, 50_000, MIDSTREAM)
    two = talk("two", 10_000 + apart, 50_000 - apart, MIDSTREAM)
    assert datas(one, two) == [said("one"), said("two")]
    for seed in range(4):
        assert sorted(datas(Capture(one, two).shuffle(seed))) == [said("one"), said("two")]


def test_one_direction_only() -> None:
    one, two = talk("one", 10_000, 50_000), talk("two", 10_000 + FAR, 50_000 + FAR)
    frames = [f for f in (*one, *two) if f.source[1] == 80]
    assert datas(Capture(frames)) == [(b"", said("one")[1]), (b"", said("two")[1])]


def test_data_before_the_syn_is_the_end_of_an_older_connection() -> None:
    """The older connection's numbers lie just below the newer ISN."""
    old = Conversation(isn=900, server_isn=4000)
    old.client(b"the end")
    old.server(b"bye")
    new = talk("new", 1000, 5000)
    assert datas(old, new) == [(b"the end", b"bye"), said("new")]
    for seed in range(4):
        assert sorted(datas(Capture(old, new).shuffle(seed))) == sorted([(b"the end", b"bye"), said("new")])


def test_bytes_below_the_isn_that_arrive_after_the_syn_are_trimmed() -> None:
    """A stack never sends them; a segment that begins before offset 0 is no other connection."""
    c = play("> SYN\n< SYN ACK\n> -4:'xxxxhello'\n< 'there'")
    assert datas(c) == [(b"hello", b"there")]


def test_a_connection_that_runs_past_the_next_ones_isn() -> None:
    """100 KB are sent; the next ISN lies in the middle of them. The server's numbers tell them apart."""
    one = Conversation(isn=1000, server_isn=5000)
    one.handshake()
    big = bytes(i * 7 & 0xFF for i in range(100_000))
    one.segments("client", big, 1000)
    one.ack("server")
    two = talk("two", 40_000, 900_000_000)
    assert datas(one, two) == [(big, b""), said("two")]


def test_a_new_isn_inside_the_old_window_with_arrival_as_the_only_evidence() -> None:
    """Both sides' numbers overlap: what arrived after a SYN belongs to it."""
    one = talk("one" * 20, 1000, 5000)
    two = talk("two" * 20, 1010, 5010)
    assert datas(one, two) == [said("one" * 20), said("two" * 20)]


def test_the_same_isns_again() -> None:
    """A SYN with the same number is a retransmission: nothing can tell the connections apart."""
    one, two = talk("aaa", 1000, 5000), talk("aaa", 1000, 5000)
    assert datas(one, two) == [said("aaa")]


def test_stray_acknowledgments_join_the_connection_around_them() -> None:
    one, two = talk("one", 10_000, 50_000, SHORT), talk("two", 10_000 + FAR, 50_000 + FAR, SHORT)
    stray = play("> ACK seq=3000000000 ack=2000000000").frames
    for frames in (
        [*one, *stray, *two],
        [*stray, *one, *two],
        [*one, *two, *stray],
    ):
        found = flows_of(Capture(frames))
        assert [(f.client.data, f.server.data) for f in found] == [said("one"), said("two")]
        assert found.packets["flow"].isin([0, 1]).all()
        assert len(found.packets) == len(frames)


def test_only_stray_packets() -> None:
    c = play("> ACK seq=1\n> ACK seq=2000000000\n< RST seq=7\n< ACK seq=3000000000")
    assert datas(c) == [(b"", b"")]


def test_acknowledgments_of_what_was_not_captured() -> None:
    """Of two connections only one direction has data: the other's numbers are known from ACKs alone."""
    c = Conversation(isn=1000, server_isn=5000)
    c.client(b"one")
    d = Conversation(isn=1000 + FAR, server_isn=5000 + FAR)
    d.client(b"two")
    frames = [*c, *d]
    for server_isn, source in ((5000, c), (5000 + FAR, d)):
        source.skip("server", 100)
        frames.append(source.client(flags=ACK))
        assert frames[-1].ack == server_isn + 101
    for order in permutations(frames):
        found = flows_of(Capture(order))
        assert sorted(f.client.data for f in found) == [b"one", b"two"]
        assert [f.server.size for f in found] == [100, 100]


def test_interleaved_connections_of_one_pair() -> None:
    """Two capture points, or a carver's harvest: their frames come in turns."""
    one, two = talk("one", 10_000, 50_000), talk("two", 10_000 + FAR, 50_000 + FAR)
    frames: list[Frame] = [f for both in zip(one, two, strict=True) for f in both]
    assert datas(Capture(frames)) == [said("one"), said("two")]


def test_a_handshake_hijack_is_two_flows_with_one_client() -> None:
    """Two SYN-ACKs with different ISNs answer one SYN: an injector and the server. Both answers are kept."""
    c = play("> SYN\n< SYN ACK\n> ACK\n> 'GET'\n< 'real'")
    forged = Conversation(isn=1000, server_isn=3_000_000_000)
    forged.send("client", flags=SYN)
    forged.frames.clear()
    forged.send("server", flags=SYN | ACK)
    forged.send("server", b"fake", ack=1004)
    found = datas(Capture([c.frames[0], *forged, *c.frames[1:]]))
    assert sorted(server for _, server in found) == [b"fake", b"real"]
    assert b"GET" in [client for client, _ in found]


def test_a_flood_of_syns() -> None:
    """Every one a flow, in one go."""
    frames = [play("> SYN", Conversation(isn=i * 1_000_003)).frames[0] for i in range(3000)]
    found = flows_of(Capture(frames))
    assert len(found) == 3000
    assert set(found.state) == {"S0"}
