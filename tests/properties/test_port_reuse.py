"""Two connections, one after the other, between the same two ports: told apart by what their packets say."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.traffic import Capture, Conversation, play

from .effort import kin
from .scripts import conversations, isns, seeds
from .view import reassembled, view, wanted

FAR = 1 << 26
"""More than the 16 MiB that a stream may jump"""


@st.composite
def twice(draw: st.DrawFn, apart: int, server_apart: int, **options: Any) -> Capture:
    """Two connections of the same endpoints, their ISNs that far from each other."""
    isn, server_isn = draw(isns), draw(isns)
    first = draw(conversations(isn=isn, server_isn=server_isn, **options))
    second = draw(conversations(isn=isn + apart, server_isn=server_isn + server_apart, **options))
    return Capture(first, second)


@kin
@given(twice(FAR, FAR, handshake=True, lossy=False))
def test_far_apart_in_order(capture: Capture) -> None:
    assert view(reassembled(capture)) == wanted(capture)


@kin
@given(twice(FAR, FAR, handshake=True, lossy=False), seeds)
def test_far_apart_shuffled(capture: Capture, seed: int) -> None:
    assert view(reassembled(capture.shuffle(seed))) == wanted(capture)


@kin
@given(twice(FAR, FAR, handshake=False, lossy=False, both=True), seeds)
def test_far_apart_without_syns_shuffled(capture: Capture, seed: int) -> None:
    """Data of both sides, and acknowledgments that say which belong together."""
    assert view(reassembled(capture.shuffle(seed))) == wanted(capture)


@kin
@given(twice(2000, 3000, handshake=True, lossy=False))
def test_close_together_in_order(capture: Capture) -> None:
    """Their sequence ranges do not meet: every byte fits one SYN only, or the nearer one."""
    assert view(reassembled(capture)) == wanted(capture)


@kin
@given(twice(2000, 3000, handshake=True, lossy=False), seeds)
def test_close_together_shuffled(capture: Capture, seed: int) -> None:
    assert view(reassembled(capture.shuffle(seed))) == wanted(capture)


@kin
@given(isns, st.integers(1, 30), seeds)
def test_sequence_ranges_that_meet_are_told_apart_by_acknowledgments(isn: int, apart: int, seed: int) -> None:
    """The clients' ranges overlap; the servers' do not, and every client frame acknowledges one of them."""
    script = "> SYN\n< SYN ACK\n> ACK\n> 'A'*20\n< 'reply'\n> 'B'*20\n< 'again'\n> FIN\n< FIN\n> ACK"
    other = script.replace("'A'", "'C'").replace("'B'", "'D'").replace("reply", "other")
    first = play(script, Conversation(isn=isn, server_isn=5000))
    second = play(other, Conversation(isn=isn + apart, server_isn=5000 + (1 << 30)))
    capture = Capture(first, second)
    assert view(reassembled(capture)) == wanted(capture)
    assert view(reassembled(capture.shuffle(seed))) == wanted(capture)


@kin
@given(isns, seeds)
def test_a_retransmitted_syn_starts_nothing(isn: int, seed: int) -> None:
    c = play("> SYN\n> SYN\n< SYN ACK\n< SYN ACK\n> 'hello'\n< 'there'\n> SYN", Conversation(isn=isn))
    capture = Capture(c)
    assert view(reassembled(capture)) == wanted(capture)
    assert len(reassembled(capture.shuffle(seed))) == 1


@kin
@given(isns, st.sampled_from(["> RST seq=%d", "< RST seq=%d", "> ACK seq=%d", "< ACK seq=%d"]), isns)
def test_stray_acks_and_resets_split_nothing(isn: int, stray: str, far: int) -> None:
    c = play("> SYN\n< SYN ACK\n> 'hello'\n< 'there'", Conversation(isn=isn))
    play(stray % far, c)
    play("> ' again'\n< ' and again'", c)
    capture = Capture(c)
    assert view(reassembled(capture)) == wanted(capture)
