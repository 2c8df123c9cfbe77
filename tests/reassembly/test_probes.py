"""Keep-alives and window probes: when their byte means nothing."""

from __future__ import annotations

from tests.helpers.answers import flow_of
from tests.helpers.traffic import Capture, Conversation, play

OPEN = "> SYN\n< SYN ACK\n> ACK\n"


def conflicts(c: Conversation | Capture | str) -> int:
    return len(flow_of(c).conflicts)


def test_a_byte_that_was_acknowledged_contradicts_nobody() -> None:
    assert conflicts(OPEN + "> 'hello'\n< ACK\n> 4:'?'") == 0


def test_a_byte_sent_twice_before_anybody_had_it_is_a_conflict() -> None:
    """A decoy, then the byte meant: neither is a keep-alive (nor was anything idle)."""
    assert conflicts(OPEN + "> 'hell'\n< ACK\n> 'x'\n> 4:'o'\n< ACK") == 1


def test_where_only_one_side_was_captured_a_pause_tells() -> None:
    c = play("> 'hello'\n> 4:'?'\n> 'world'")
    assert conflicts(c) == 1
    c.frames[1].time = c.frames[2].time = 1_700_000_001_000_000_000
    assert conflicts(c) == 0


def test_a_byte_into_a_closed_window_may_be_any() -> None:
    script = (
        OPEN + "> 'abc'\n< ACK window=0\n> '?'\n< ACK window=0 ack=1004\n< ACK window=9 ack=1004\n> 3:'def'"
    )
    flow = flow_of(script)
    assert flow.client.data == b"abcdef"
    assert len(flow.conflicts) == 0
    assert flow.client.segments["class"].tolist()[3] == "zero_window_probe"


def test_the_clock_tells_a_keep_alive_in_whatever_order_it_was_written() -> None:
    """Files of one direction each, read one after the other; a probe that was written before its byte."""
    c = play(
        OPEN + "> 'hello'\n< ACK\n> 4:'?'\n< ACK\n< 'world'\n> ACK\n> 'abc'\n< ACK window=0\n> '?'\n"
        "< ACK window=0 ack=1009\n< ACK window=9 ack=1009\n> 8:'def'"
    )
    for index, frame in enumerate(c.frames):
        frame.time = 1_700_000_000_000_000_000 + index * 1_000_000_000
    wanted = [b"helloabcdef", b"world"]
    for seed in range(20):
        flow = flow_of(Capture(c).shuffle(seed))
        assert [stream.data for stream in flow.streams] == wanted
        assert len(flow.conflicts) == 0
        counts = flow.client.segments["class"].value_counts()
        assert counts["keep_alive"] == 1
