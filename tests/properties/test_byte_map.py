"""Random overlaps against the slow byte map: bytes by policy, gaps, causes, conflicts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.reassembly import POLICIES
from tests.helpers.oracle import POLICIES as BYTE_MAP_POLICIES
from tests.helpers.oracle import ExpectedStream
from tests.helpers.traffic import Capture, Conversation
from tests.peers.ours import joined

from .effort import kin, law
from .scripts import captures, contradicting
from .view import pairs, reassembled, runs


def check_overlaps(conversation: Conversation, policy: str) -> None:
    capture = Capture(conversation)
    flows = reassembled(capture, overlap=policy)
    assert len(flows) == 1
    for ours, theirs, _ in pairs(flows, capture):
        wanted = theirs.runs(policy.replace("-", "_"))
        assert list(runs(ours)) == wanted
        assert joined(ours.conflicts) == theirs.conflicts()


@pytest.mark.parametrize("policy", ["first", "last"])
@law
@given(conversation=contradicting())
def test_overlaps(policy: str, conversation: Conversation) -> None:
    check_overlaps(conversation, policy)


@pytest.mark.parametrize("policy", [p for p in POLICIES if p not in ("first", "last")])
@kin
@given(conversation=contradicting())
def test_overlaps_as_real_stacks_see_them(policy: str, conversation: Conversation) -> None:
    check_overlaps(conversation, policy)


def test_every_policy_is_in_the_byte_map() -> None:
    assert {p.replace("-", "_") for p in POLICIES} == set(BYTE_MAP_POLICIES)


@kin
@given(contradicting(), st.integers(0, 99))
def test_conflicts_do_not_depend_on_order_nor_on_policy(conversation: Conversation, seed: int) -> None:
    capture = Capture(conversation)
    theirs = pairs(reassembled(capture), capture)[0][1]
    for flows in (reassembled(capture.shuffle(seed)), reassembled(capture, overlap="last")):
        for ours, expected, _ in pairs(flows, capture):
            assert joined(ours.conflicts) == expected.conflicts()
            assert [(a, len(b)) for a, b in runs(ours)] == [(a, len(b)) for a, b in expected.runs()]
    assert theirs.captured


@kin
@given(captures())
def test_gaps_and_their_causes(capture: Capture) -> None:
    for ours, theirs, _ in pairs(reassembled(capture), capture):
        if not theirs.captured:
            continue
        table = ours.gaps
        inner = table[table["start"] < theirs.length]
        assert joined(inner) == theirs.gaps()
        assert (table["length"] == table["end"] - table["start"]).all()
        assert ours.missing == ours.size - theirs.captured
        assert ours.missing == table["length"].sum()
        assert not (ours.complete and ours.missing)
        for start, end, cause in zip(
            inner["start"].tolist(), inner["end"].tolist(), inner["cause"].tolist(), strict=True
        ):
            assert cause in causes(theirs, start, end)


def causes(stream: ExpectedStream, start: int, end: int) -> set[str]:
    """What may be said of a gap: one answer where all of it is alike, more where it is mixed."""
    cut = sum(max(0, min(end, b) - max(start, a)) for a, b in stream.truncated)
    found = set()
    if cut:
        found.add("truncated")
    if cut < end - start or len(stream.truncated) > 1:
        if stream.acknowledged > start:
            found.add("not_captured")
        if stream.acknowledged < end:
            found.add("not_acknowledged")
    return found


@kin
@given(captures())
def test_size_is_what_headers_and_acknowledgments_speak_of(capture: Capture) -> None:
    for ours, theirs, _ in pairs(reassembled(capture), capture):
        if not theirs.captured:
            continue
        # An acknowledgment of a FIN that was not captured may be known for what it is.
        fin = 0 if theirs.has_fin else 1
        assert max(theirs.known_end - fin, theirs.length) <= ours.size <= max(theirs.known_end, theirs.length)
