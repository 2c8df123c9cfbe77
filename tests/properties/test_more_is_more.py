"""More packets never mean fewer bytes."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.traffic import ACK, FIN, PSH, RST, Capture, Conversation, Frame

from .effort import kin, law
from .scripts import captures, contradicting, conversations, isns, seeds
from .view import captured, reassembled


@law
@given(captures(), st.data())
def test_frames_taken_away_add_nothing(capture: Capture, data: st.DataObject) -> None:
    kept = sorted(data.draw(st.sets(st.integers(0, len(capture) - 1))))
    assert captured(reassembled(capture.order(kept))) <= captured(reassembled(capture))


@kin
@given(contradicting(), st.data())
def test_nor_where_bytes_contradict_each_other(conversation: Conversation, data: st.DataObject) -> None:
    capture = Capture(conversation)
    kept = sorted(data.draw(st.sets(st.integers(0, len(capture) - 1))))
    assert captured(reassembled(capture.order(kept))) <= captured(reassembled(capture))


@kin
@given(conversations(isn=1000, handshake=True), conversations(isn=1 << 31, handshake=True), seeds, st.data())
def test_nor_where_ports_are_used_again(
    first: Conversation, second: Conversation, seed: int, data: st.DataObject
) -> None:
    capture = Capture(first, second).shuffle(seed)
    kept = sorted(data.draw(st.sets(st.integers(0, len(capture) - 1))))
    assert captured(reassembled(capture.order(kept))) <= captured(reassembled(capture))


strays = st.builds(
    Frame,
    seq=isns,
    ack=isns,
    flags=st.sampled_from([ACK, ACK | PSH, RST, RST | ACK, FIN | ACK, 0]),
    payload=st.sampled_from([b"", b"?", b"stray", b"strange" * 9]),
)


@kin
@given(
    conversations(), st.lists(st.tuples(strays, st.booleans(), st.integers(0, 40)), min_size=1, max_size=4)
)
def test_nor_do_strays_take_anything_away(
    conversation: Conversation, found: list[tuple[Frame, bool, int]]
) -> None:
    """Frames of any number between the same ports: scans, forgeries, remains of other connections.

    Not SYNs: they say where a stream begins, and what lies before is none of it.
    """
    honest = Capture(conversation)
    frames = list(honest)
    for frame, backwards, place in found:
        ends = frame.source, frame.destination
        stray = replace(
            frame, source=ends[backwards], destination=ends[not backwards], time=1_700_000_000 * 10**9
        )
        frames.insert(place % (len(frames) + 1), stray)
    assert captured(reassembled(Capture(frames))) >= captured(reassembled(honest))
