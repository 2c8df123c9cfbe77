"""Connections of which only packets without data were captured."""

from __future__ import annotations

from tests.helpers.answers import flows_of
from tests.helpers.traffic import Capture, Conversation, play

SECOND = 1_000_000_000


def at(c: Conversation, second: float) -> Conversation:
    for index, frame in enumerate(c.frames):
        frame.time = 1_700_000_000 * SECOND + int(second * SECOND) + index * 1_000_000
    return c


def whole(isn: int = 1_816_358_767, server_isn: int = 1_981_209_925) -> Conversation:
    return play(
        "> SYN\n< SYN ACK\n> ACK\n> 'question'\n< 'answer'\n> FIN\n< FIN\n> ACK",
        Conversation(isn=isn, server_isn=server_isn),
    )


def closing() -> Conversation:
    c = play("> ACK\n> FIN\n< ACK\n< FIN\n> ACK", Conversation(isn=3_558_301_037, server_isn=3_606_755_994))
    return at(c, 0)


def test_the_end_of_an_older_connection_is_not_of_the_one_that_follows() -> None:
    """The capture begins when one is closed; the same ports open the next one, minutes later."""
    for seed in (None, 1, 2):
        capture = Capture(closing(), at(whole(), 300))
        flows = flows_of(capture if seed is None else capture.shuffle(seed))
        assert len(flows) == 2
        (full,) = [flow for flow in flows if flow.state == "SF" and flow.client.size]
        assert [stream.data for stream in full.streams] == [b"question", b"answer"]
        assert sum(stream.missing for flow in flows for stream in flow.streams) == 0


def test_packets_that_know_each_other_between_two_connections() -> None:
    first, last = at(whole(), -600), at(whole(700_000_000, 2_900_000_000), 600)
    flows = flows_of(Capture(first, closing(), last))
    assert [len(flow.packets) for flow in flows] == [8, 5, 8]
    assert flows.df["missing_bytes"].sum() == 0


def test_one_packet_alone_opens_nothing() -> None:
    stray = closing()
    del stray.frames[1:]
    flows = flows_of(Capture(at(whole(), -600), stray, at(whole(700_000_000, 2_900_000_000), 600)))
    assert len(flows) == 2
    assert flows.df["missing_bytes"].sum() == 0
