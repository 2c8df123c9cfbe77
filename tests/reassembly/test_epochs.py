"""One pair of ports, used again and again: numbers first, then the clock."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.helpers.answers import flows_of
from tests.helpers.traffic import SYN, Capture, Conversation, Frame, play

SECOND = 1_000_000_000
TALK = "> SYN\n< SYN ACK\n> ACK\n> 'GET {0}'\n< 'OK {0}'\n> FIN\n< FIN\n> ACK"


def following(
    number: random.Random, kind: str, isn: tuple[int, int], sent: tuple[int, int]
) -> tuple[int, int]:
    """ISNs of the next connection, as stacks choose them."""
    if kind == "random":
        return number.randrange(1 << 32), number.randrange(1 << 32)
    steps = {
        "fixed": (0, 0),
        "fixed client": (0, number.randrange(1 << 32)),
        "64,000 more": (64_000, 64_000),
        "clock": (number.randrange(1, 60) * 250_000, number.randrange(1, 60) * 250_000),
        "inside": (max(1, sent[0] // 2), max(1, sent[1] // 2)),
        "lower": (-number.randrange(1, 200_000), -number.randrange(1, 200_000)),
    }[kind]
    return (isn[0] + steps[0]) % (1 << 32), (isn[1] + steps[1]) % (1 << 32)


def series(seed: int, kind: str, count: int) -> list[list[Frame]]:
    """Connections one after the other, all captured whole."""
    number = random.Random(seed)
    isn = number.randrange(1 << 32), number.randrange(1 << 32)
    time, parts = 1_700_000_000 * SECOND, []
    for index in range(count):
        c = Conversation(isn=isn[0], server_isn=isn[1])
        c.handshake()
        sent = [0, 0]
        for _ in range(number.randrange(1, 6)):
            for way, side in enumerate(("client", "server")):
                size = number.choice((3, 100, 1400, 5000))
                c.send(side, bytes([65 + index % 26 + 32 * way]) * size)
                sent[way] += size
                if number.random() < 0.5:
                    c.ack("server" if side == "client" else "client")
        c.close(number.choice(("client", "server")))
        for frame in c.frames:
            frame.time = time
            time += number.randrange(1, 20) * 1_000_000
        time += number.choice((2, 60, 300)) * SECOND
        parts.append(c.frames)
        isn = following(number, kind, isn, (sent[0], sent[1]))
    return parts


def spaced(parts: list[list[Frame]], pause: int = 60 * SECOND) -> None:
    time = 1_700_000_000 * SECOND
    for part in parts:
        for frame in part:
            frame.time = time
            time += 1_000_000
        time += pause


def check(parts: list[list[Frame]], shuffle: int | None = None) -> None:
    """Each flow has the frames of one connection, and each connection one flow."""
    number = {id(frame): index for index, part in enumerate(parts) for frame in part}
    capture = Capture([frame for part in parts for frame in part])
    if shuffle is not None:
        capture = capture.shuffle(shuffle)
    owner = [number[id(frame)] for frame in capture]
    packets = flows_of(capture).packets
    flows, owners = defaultdict(set), defaultdict(set)
    for frame, flow in zip(packets["frame"], packets["flow"], strict=True):
        flows[owner[frame - 1]].add(flow)
        owners[flow].add(owner[frame - 1])
    assert len(packets) == len(capture.frames)
    assert {o: f for o, f in flows.items() if len(f) > 1} == {}
    assert {f: o for f, o in owners.items() if len(o) > 1} == {}


@pytest.mark.parametrize(
    "kind", ["random", "fixed", "fixed client", "64,000 more", "clock", "inside", "lower"]
)
@pytest.mark.parametrize("seed", range(12))
def test_however_the_isns_are_chosen(kind: str, seed: int) -> None:
    parts = series(seed, kind, (2, 3, 20)[seed % 3])
    check(parts)
    check(parts, shuffle=seed)


@pytest.mark.parametrize("kind", ["random", "64,000 more", "clock", "lower"])
@pytest.mark.parametrize("gone", [0, 1])
def test_a_syn_or_its_answer_was_lost(kind: str, gone: int) -> None:
    for seed in range(8):
        parts = series(seed, kind, 4)
        del parts[2][gone]
        check(parts, shuffle=seed)


@pytest.mark.parametrize("kind", ["random", "64,000 more", "clock", "lower"])
def test_packets_that_come_after_the_next_syn_are_still_of_their_connection(kind: str) -> None:
    for seed in range(8):
        parts = series(seed, kind, 4)
        for old, new in pairwise(parts):
            old.append(replace(old[-2], time=new[3].time))
        check(parts)


@pytest.mark.parametrize("count", [2500, 5000])
def test_no_part_of_the_circle_is_left_empty(count: int) -> None:
    number, time, frames = random.Random(count), 1_700_000_000 * SECOND, []
    for index in range(count):
        isns = number.randrange(1 << 32), number.randrange(1 << 32)
        c = play(TALK.replace("{0}", str(index)), Conversation(isn=isns[0], server_isn=isns[1]))
        for frame in c:
            frame.time = time = time + SECOND // 100
        time += 30 * SECOND
        frames += c.frames
    for capture in (Capture(frames), Capture(frames).shuffle(count)):
        flows = flows_of(capture)
        assert len(flows) == count
        assert set(flows.state) == {"SF"}
        assert flows.complete.all()
        assert (flows.packets["flow"].value_counts() == 8).all()


def test_the_same_isns_soon_after_are_copies() -> None:
    """A second tap gives copies of everything, with a clock a little off."""
    c = Capture(play(TALK.replace("{0}", "it")))
    copies = [replace(f, time=f.time + SECOND // 2) for f in c]
    assert len(flows_of(Capture([*c, *copies]))) == 1
    later = [replace(f, time=f.time + 2 * SECOND) for f in c]
    assert len(flows_of(Capture([*c, *later]))) == 2


def test_the_same_syn_again_before_the_end_starts_nothing() -> None:
    c = play("> SYN\n< SYN ACK\n> ACK\n> 'hello'\n< 'there'")
    again = replace(c.frames[0])
    play("> 'more'\n> FIN\n< FIN\n> ACK", c)
    frames = [*c.frames[:5], again, *c.frames[5:]]
    for index, frame in enumerate(frames):
        frame.time = index * 5 * SECOND
    (flow,) = flows_of(Capture(frames))
    assert (flow.client.data, flow.server.data, flow.state) == (b"hellomore", b"there", "SF")


def test_simultaneous_open_is_one_connection() -> None:
    """RFC 9293, 3.5, figure 8."""
    c = play("> SYN\n< SYN\n> SYN ACK\n< SYN ACK\n> 'a'\n< 'b'\n> FIN\n< FIN\n> ACK")
    c.frames[2].ack, c.frames[3].ack = c.frames[1].seq + 1, c.frames[0].seq + 1
    again = play("> SYN\n< SYN ACK\n> 'c'", Conversation(isn=9_000_000, server_isn=7_000_000))
    found = flows_of(c, again)
    assert [(f.client.data, f.server.data) for f in found] in (
        [(b"a", b"b"), (b"c", b"")],
        [(b"b", b"a"), (b"c", b"")],
    )


@pytest.mark.parametrize("clock", [True, False])
def test_forged_syns_take_nothing_away(clock: bool) -> None:
    """At the next number, near it, far away; from either side, thousands of them."""
    number = random.Random(5)
    c = play("> SYN\n< SYN ACK\n> ACK\n> 'GET'")
    for _ in range(300):
        c.server(b"0123456789")
        c.ack("client")
    frames: list[Frame] = []
    for frame in c.frames:
        frames.append(frame)
        if len(frames) > 8:
            end = frame.seq + len(frame.payload)
            for seq in (end, end - 1, end + 64_000, number.randrange(1 << 32)):
                frames.append(replace(frame, flags=SYN, seq=seq, ack=0, payload=b""))
    capture = Capture([replace(f, time=None) for f in frames])
    if not clock:
        capture = capture.without_times()
    data = [(f.client.data, f.server.data) for f in flows_of(capture)]
    assert (b"GET", b"0123456789" * 300) in data
    assert [d for d in data if d != (b"", b"")] == [(b"GET", b"0123456789" * 300)]


@pytest.mark.parametrize("clock", [True, False])
def test_a_closed_port_after_a_connection_without_an_end(clock: bool) -> None:
    """The refusal belongs to the SYN, whose number it acknowledges; its own is 0 (RFC 9293, 3.10.7.1)."""
    parts = [
        play(
            "> SYN\n< SYN ACK\n> ACK\n> 'hello'\n< 'there'\n> FIN\n< ACK",
            Conversation(isn=1, server_isn=1 << 30),
        ).frames,
        play("> SYN\n< RST ACK seq=0", Conversation(isn=1 << 29)).frames,
        play("> SYN\n< RST ACK seq=0", Conversation(isn=1 << 31)).frames,
        play(TALK.format(1), Conversation(isn=3 << 29, server_isn=7)).frames,
    ]
    if clock:
        spaced(parts)
    check(parts)
    check(parts, shuffle=3)


def test_a_reset_without_data_of_its_side_stays_where_it_is_acknowledged() -> None:
    """No handshake was captured of the connection, and its server sent nothing but acknowledgments."""
    middle = play(
        "> SYN\n< SYN ACK\n> ACK\n> 'hello'\n< ACK\n< RST ACK", Conversation(isn=1 << 27, server_isn=1 << 31)
    )
    parts = [
        play(TALK.format(1), Conversation(isn=4_294_909_618, server_isn=4_294_965_825)).frames,
        middle.frames[2:],
        play(
            TALK.format(2).partition("> FIN")[0], Conversation(isn=4_072_846_431, server_isn=3_678_394_084)
        ).frames,
    ]
    spaced(parts)
    check(parts)


def test_a_lost_syn_near_the_old_numbers_is_told_by_what_its_client_acknowledges() -> None:
    first = play(
        "> SYN\n< SYN ACK\n> ACK\n> 'hello'\n< 'there'\n> ACK", Conversation(isn=1000, server_isn=17_152)
    )
    second = play(TALK.format(2), Conversation(isn=50_000, server_isn=2_611_241_232))
    parts = [first.frames, second.frames[1:]]
    spaced(parts)
    check(parts)
    check(parts, shuffle=5)


def test_numbers_that_meet_on_one_side_only() -> None:
    """Handshakes were lost; the clients' numbers are near each other, the servers' are not."""
    first = play(TALK.format("first"), Conversation(isn=4_294_926_327, server_isn=358_666_533))
    second = play(TALK.format("second"), Conversation(isn=51_701, server_isn=2_826_915_260))
    for c in (first, second):
        play("> RST ACK", c)
    between = play(TALK.format("between"), Conversation(isn=1 << 31, server_isn=1 << 30))
    parts = [first.frames[2:], between.frames[2:], second.frames[2:]]
    spaced(parts)
    check(parts)
    check(parts, shuffle=2)


@pytest.mark.parametrize("forged", ["< SYN ACK seq=5001 ack=1001", "> RST seq=1006\n> SYN seq=1006"])
def test_forged_where_the_stream_goes_on(forged: str) -> None:
    """A second answer before the server's first byte; a SYN after a reset that nobody obeyed."""
    c = play("> SYN\n< SYN ACK\n> ACK\n> 'hello'", Conversation(isn=1000, server_isn=5000))
    play(forged, c)
    play("< ACK\n< 'a'*536\n< 'b'*536\n> ACK\n> ' and more'\n< ACK", c)
    spaced([[frame] for frame in c.frames], 1_000_000)
    for capture in (Capture(c), Capture(c).shuffle(4)):
        streams = [[stream.data for stream in flow.streams] for flow in flows_of(capture)]
        assert [b"hello and more", b"a" * 536 + b"b" * 536] in streams


def test_the_clock_tells_who_asked_first() -> None:
    c = play("> SYN\n< SYN ACK\n> ACK\n> 'hello'\n< 'there'\n< SYN seq=5000", Conversation(server_isn=5000))
    spaced([[frame] for frame in c.frames], 1_000_000)
    clients = {str(flows_of(Capture(c).shuffle(seed))[0].client.data) for seed in range(6)}
    assert clients == {str(b"hello")}


def test_a_pair_is_judged_without_its_neighbours() -> None:
    """Holes of all pairs are looked for at once; a wide one does not hide those of the next."""
    apart = []
    for host, (gap, pause) in enumerate(((1 << 30, 1), (100 << 20, 2), (1 << 30, 3), (20 << 20, 4))):
        first = play("> 'one'\n< 'uno'", Conversation(f"10.0.0.{host}:5000", isn=7, server_isn=9))
        second = play(
            "> 'two'\n< 'due'", Conversation(f"10.0.0.{host}:5000", isn=7 + gap, server_isn=9 + gap)
        )
        spaced([first.frames, second.frames], pause * SECOND)
        apart.append([*first.frames, *second.frames])
    alone = [sorted(flow.client.data for flow in flows_of(Capture(frames))) for frames in apart]
    flows = flows_of(Capture([frame for frames in apart for frame in frames]))
    together = sorted(flow.client.data for flow in flows)
    assert alone == [[b"one", b"two"]] * 4
    assert together == sorted(data for some in alone for data in some)
