"""What one packet says does not change what all others say; what snaplen cut off was sent all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.traffic import ACK, FIN, PSH, Capture, Conversation, Frame

from .effort import kin, law
from .scripts import captures, conversations, seeds
from .view import reassembled, whole_view


def classes(flows: Any) -> dict[int, str]:
    packets = flows.packets
    return dict(zip(packets["frame"].tolist(), packets["class"].tolist(), strict=True))


@law
@given(captures(), seeds)
def test_classes_come_from_what_was_sent(capture: Capture, seed: int) -> None:
    """The same whether payload was captured or not, in any order."""
    whole = capture.shuffle(seed)
    cut = Capture([replace(f).cut(0) if isinstance(f, Frame) else f for f in whole])
    assert classes(reassembled(cut)) == classes(reassembled(whole))


far = st.one_of(st.integers(70_000, 2_000_000), st.sampled_from([1 << 20, 500 << 20, (1 << 31) - (1 << 20)]))


def forged(conversation: Conversation, side: str, place: int, **fields: Any) -> Capture:
    """The conversation with one more frame of that side, in order of time."""
    frames = list(Capture(conversation))
    before = frames[place % len(frames)]
    extra = conversation.send(side, fields.pop("payload", b""), fields.pop("flags", ACK), **fields)
    conversation.frames.pop()
    extra.time = before.time
    return Capture([*frames[: frames.index(before) + 1], extra, *frames[frames.index(before) + 1 :]])


@law
@given(conversations(handshake=True, both=True), st.booleans(), st.integers(0, 40), far, seeds)
def test_one_absurd_acknowledgment_changes_nothing(
    conversation: Conversation, server: bool, place: int, ahead: int, seed: int
) -> None:
    """Not even twice, where a capture has the same frame twice."""
    honest = whole_view(reassembled(Capture(conversation)))
    side = "server" if server else "client"
    last = conversation.send(side)
    conversation.frames.pop()
    false = forged(conversation, side, place, ack=last.ack + ahead)
    assert whole_view(reassembled(false)) == honest
    assert whole_view(reassembled(false.duplicate(seed=seed, count=3).shuffle(seed))) == honest


@kin
@given(
    conversations(handshake=True, both=True, lossy=False),
    st.booleans(),
    st.integers(140_000, 2_000_000),
    st.sampled_from([ACK | PSH, ACK | FIN]),
    seeds,
)
def test_one_segment_beyond_every_window_changes_nothing(
    conversation: Conversation, server: bool, ahead: int, flags: int, seed: int
) -> None:
    """If the receiver was heard afterwards."""
    for side in ("client", "server", "client"):
        conversation.ack(side)
    honest = whole_view(reassembled(Capture(conversation)))
    side = "server" if server else "client"
    last = conversation.send(side)
    conversation.frames.pop()
    false = forged(conversation, side, 0, payload=b"forged", flags=flags, seq=last.seq + ahead)
    assert whole_view(reassembled(false)) == honest
    assert whole_view(reassembled(false.shuffle(seed))) == honest
