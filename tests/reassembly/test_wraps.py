"""Streams that went round the circle while nothing was captured."""

from __future__ import annotations

import pytest

from tests.helpers.answers import flow_of, flows_of
from tests.helpers.headers import option_timestamps
from tests.helpers.traffic import Capture, Conversation, Frame

SECOND = 1_000_000_000
LAP = 1 << 32


def stamped(frames: list[Frame], pause: int, *, timestamps: bool = True, at: int = 9) -> Capture:
    """A second between frames, and a pause before one of them; timestamps in milliseconds."""
    time = 1_700_000_000 * SECOND
    for index, frame in enumerate(frames):
        time += pause if index == at else SECOND // 100
        frame.time = time
        if timestamps:
            frame.options = option_timestamps(time // 1_000_000 % LAP, 0)
    return Capture(frames)


def round_again(hole: int = LAP, after: int = 3) -> Conversation:
    c = Conversation()
    c.handshake()
    c.client(b"GET")
    for index in range(2):
        c.server(bytes([65 + index]) * 1000)
        c.ack()
    c.ack()
    c.skip("server", hole - 2000)
    for index in range(after):
        c.server(bytes([97 + index]) * 1000)
        c.ack()
    return c


@pytest.mark.parametrize("hole", [LAP, LAP + 500, LAP - 700])
def test_timestamps_and_time_tell_a_lap(hole: int) -> None:
    c = round_again(hole)
    for capture in (stamped(c.frames, 60 * SECOND), stamped(c.frames, 60 * SECOND).shuffle(1)):
        flow = flow_of(capture)
        assert flow.server.size == hole + 3000
        assert flow.server.captured == 5000
        assert not len(flow.conflicts)
        assert flow.server.read(0, 1000) == b"A" * 1000
        assert flow.server.read(hole, 1000) == b"a" * 1000
        assert flow.server.gaps[["start", "end", "cause"]].to_numpy().tolist() == [
            [2000, hole, "not_captured"]
        ]
        assert flow.server.at(hole).frame


def test_time_alone_tells_nothing() -> None:
    """Captures put together by hand have pauses, too."""
    flow = flow_of(stamped(round_again().frames, 300 * SECOND, timestamps=False))
    assert flow.server.size == 3000
    assert len(flow.conflicts)


def test_what_is_sent_again_with_other_bytes_is_a_conflict() -> None:
    """An injector, or a middlebox: the stream goes on where it was."""
    c = round_again(2000 + LAP - LAP, after=0)
    c.server(b"x" * 1000, at=0)
    c.server(b"y" * 1000, at=1000)
    c.server(b"z" * 1000, at=2000 + 90_000)
    flow = flow_of(stamped(c.frames, 60 * SECOND))
    assert flow.server.size < LAP
    assert len(flow.conflicts)


def test_a_single_segment_proves_nothing() -> None:
    c = round_again(after=1)
    flow = flow_of(stamped(c.frames, 60 * SECOND))
    assert flow.server.size == 2000
    assert len(flow.conflicts)


def test_the_same_bytes_again_are_a_retransmission() -> None:
    c = round_again(after=0)
    for index in range(2):
        c.server(bytes([65 + index]) * 1000, at=index * 1000)
    (flow,) = flows_of(stamped(c.frames, 60 * SECOND))
    assert flow.server.data == b"A" * 1000 + b"B" * 1000
    assert not len(flow.conflicts)


def test_the_byte_of_a_keep_alive_is_no_lap() -> None:
    """A minute of silence, a byte that means nothing with a newer timestamp, and the stream goes on."""
    c = round_again(2000, after=0)
    c.server(b"\0", at=1999)
    c.ack()
    for index in range(3):
        c.server(bytes([97 + index]) * 1000)
        c.ack()
    flow = flow_of(stamped(c.frames, 60 * SECOND))
    assert (flow.server.size, flow.server.missing, len(flow.conflicts)) == (5000, 0, 0)
    assert flow.server.read(1999, 2) == b"Ba"


@pytest.mark.parametrize("acknowledged", [True, False])
def test_a_forged_segment_does_not_hide_behind_a_lap(acknowledged: bool) -> None:
    """What was forged is contradicted a second later by the retransmission of what was meant."""
    c = Conversation()
    c.handshake()
    c.server(b"A" * 1000)
    c.ack()
    c.server(b"forged" * 100)
    if acknowledged:
        c.ack()
    at = len(c.frames)
    c.server(b"HONEST" * 100, at=1000)
    c.server(b"and on", at=1600)
    c.ack()
    flow = flow_of(stamped(c.frames, 2 * SECOND, at=at))
    assert (flow.server.size, flow.server.missing, len(flow.conflicts)) == (1606, 0, 1)
