"""More packets never mean fewer bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.traffic import Capture, Conversation

from .effort import kin, law
from .scripts import captures, contradicting, conversations, seeds
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
