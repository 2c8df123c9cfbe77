"""Round trips of handshakes."""

from __future__ import annotations

import math

import pytest

from tests.helpers.answers import flow_of, flows_of
from tests.helpers.traffic import Capture, Conversation, play

OPEN = "> SYN\n< SYN ACK\n> ACK\n"
START = 1_700_000_000_000_000_000
MS = 1_000_000


def rtt(*steps: tuple[str, float]) -> float:
    c = Conversation()
    for line, when in steps:
        play(line, c)
        c.frames[-1].time = START + round(when * MS)
    return float(flow_of(c).summary["rtt_ms"])


def test_the_round_trip_is_from_the_syn_to_the_ack_of_the_answer() -> None:
    assert rtt(("> SYN", 0), ("< SYN ACK", 20), ("> ACK", 30.5)) == 30.5


def test_data_can_be_that_ack() -> None:
    assert rtt(("> SYN", 0), ("< SYN ACK", 20), ("> 'data'", 31)) == 31


def test_of_several_syns_the_last_before_the_answer_counts() -> None:
    assert rtt(("> SYN", 0), ("> SYN", 1000), ("< SYN ACK", 1020), ("> ACK", 1030)) == 30
    # This one was sent because the answer was lost behind the capture.
    assert rtt(("> SYN", 0), ("< SYN ACK", 20), ("> SYN", 1000), ("< SYN ACK", 1020), ("> ACK", 1030)) == 30


def test_of_several_synacks_the_last_before_the_ack_counts() -> None:
    assert rtt(("> SYN", 0), ("< SYN ACK", 20), ("< SYN ACK", 1020), ("> ACK", 1030)) == 30


def stamp(value: int, echo: int = 0) -> bytes:
    return b"\1\1\x08\x0a" + value.to_bytes(4, "big") + echo.to_bytes(4, "big")


@pytest.mark.parametrize(("echo", "expected"), [(7, 1030), (8, 30), (9, 30)])
def test_of_several_syns_the_one_counts_whose_timestamp_was_echoed(echo: int, expected: int) -> None:
    """RFC 7323, 4.1; an echo of neither tells nothing."""
    c = play("> SYN\n> SYN\n< SYN ACK\n> ACK")
    for frame, when, option in zip(
        c.frames, (0, 1000, 1020, 1030), (stamp(7), stamp(8), stamp(1, echo), stamp(9, 1)), strict=True
    ):
        frame.time, frame.options = START + when * MS, option
    assert flow_of(c).summary["rtt_ms"] == expected
    assert flow_of(Capture(c).reverse()).summary["rtt_ms"] == expected


@pytest.mark.parametrize(
    "steps",
    [
        (("> SYN", 0),),
        (("> SYN", 0), ("< SYN ACK", 20)),
        (("< SYN ACK", 20), ("> ACK", 30)),
        (("> SYN", 0), ("> ACK", 30)),
        (("> 'a'", 0), ("< 'b'", 20)),
        # A clock that runs backwards measures nothing.
        (("> SYN", 50), ("< SYN ACK", 20), ("> ACK", 30)),
        (("> SYN", 0), ("< SYN ACK", 20), ("> ACK", 10)),
    ],
)
def test_no_handshake_no_round_trip(steps: tuple[tuple[str, float], ...]) -> None:
    assert math.isnan(rtt(*steps))


def test_round_trips_of_many() -> None:
    frames = []
    for n in range(5):
        c = play(OPEN if n != 2 else "> SYN\n< SYN ACK", Conversation(f"10.0.0.1:{2000 + n}"))
        for i, frame in enumerate(c.frames):
            frame.time = START + i * (n + 1) * MS
        frames += c.frames
    found = flows_of(Capture(frames).interleave(3)).df.sort_values("client_port")["rtt_ms"].tolist()
    assert found[:2] + found[3:] == [2, 4, 8, 10]
    assert math.isnan(found[2])
