"""Overtaken on the way, or lost before the capture and sent again."""

from __future__ import annotations

from tests.helpers.answers import flow_of
from tests.helpers.traffic import Capture, play

OPEN = "> SYN\n< SYN ACK\n> ACK\n"


def timed(
    script: str, *waits: float, options: list[bytes] | None = None, ids: list[int] | None = None
) -> list[str]:
    """Classes of the client's data where each line comes so many ms after the one before."""
    c = play(OPEN + script)
    now = 1_700_000_000_000_000_000
    for frame, wait in zip(c.frames, [0, 5, 5, *waits], strict=True):
        now += round(wait * 1e6)
        frame.time = now
    data = [frame for frame in c.frames if frame.payload]
    for frame, option in zip(data, options or [], strict=False):
        frame.options = option
    for frame, number in zip(data, ids or [], strict=False):
        frame.identification = number
    return flow_of(c).client.segments["class"].tolist()[2:]


LOST = "> 'abc'\nx> 'def'\n> 'ghi'\n> 3:'def'"


def stamp(value: int) -> bytes:
    return b"\1\1\x08\x0a" + value.to_bytes(4, "big") + bytes(4)


def test_lost_before_the_capture_and_sent_again_by_the_clock() -> None:
    """The receiver has to ask first: nothing comes again sooner than a round trip (10 ms here)."""
    assert timed(LOST, 1, 1, 9) == ["new", "new", "out_of_order"]
    assert timed(LOST, 1, 1, 10) == ["new", "new", "retransmission"]


def test_lost_before_the_capture_and_sent_again_by_the_senders_clock() -> None:
    assert timed(LOST, 1, 1, 1, options=[stamp(5), stamp(6), stamp(7)])[2] == "retransmission"
    assert timed(LOST, 1, 1, 99, options=[stamp(5), stamp(7), stamp(6)])[2] == "out_of_order"
    assert timed(LOST, 1, 1, 99, options=[stamp(5), stamp(7), stamp(7)])[2] == "retransmission"
    wrapped = [stamp(2**32 - 2), stamp(2**32 - 1), stamp(3)]
    assert timed(LOST, 1, 1, 1, options=wrapped)[2] == "retransmission"


def test_lost_before_the_capture_and_sent_again_by_the_counter_of_datagrams() -> None:
    assert timed(LOST, 1, 1, 1, ids=[20, 22, 25])[2] == "retransmission"
    assert timed(LOST, 1, 1, 99, ids=[20, 22, 21])[2] == "out_of_order"
    assert timed(LOST, 1, 1, 1, ids=[20, 65535, 4])[2] == "retransmission"
    # Random numbers say nothing.
    assert timed(LOST, 1, 1, 1, ids=[20, 9000, 31000])[2] == "out_of_order"


def test_without_a_clock_nobody_knows_whether_it_was_sent_again() -> None:
    flow = flow_of(Capture(play(OPEN + LOST)).without_times())
    assert flow.client.segments["class"].tolist()[2:] == ["new", "new", "out_of_order"]
