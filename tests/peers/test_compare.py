"""The judge itself is judged: it must see every kind of difference, and none where there is none."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from tests.helpers.oracle import ExpectedFlow, ExpectedStream, expect
from tests.helpers.traffic import Capture, Conversation, play

from .compare import CLASSES, compare, match
from .made import oracle_of
from .ours import Seen, SeenStream


def capture() -> Capture:
    first = play("> SYN\n< SYN ACK\n> 'question'\n< 'an'\nx< 'sw'\n< 'er'\n> 2:'XX'\n> FIN\n< FIN")
    second = play("> SYN\n< SYN ACK\n> 'again'\n< 'yes'", Conversation(isn=700_000_000, server_isn=9))
    return Capture(first, second)


def seen_of(frames: Capture, policy: str = "first") -> Seen:
    """What a faultless program would say."""
    flows = expect(frames)
    streams = [_seen(s, i, flow, policy) for i, flow in enumerate(flows) for s in flow.streams if s.captured]
    return Seen(len(frames), len(flows), streams)


def _seen(stream: ExpectedStream, number: int, flow: ExpectedFlow, policy: str) -> SeenStream:
    return SeenStream(
        *stream.source,
        *stream.destination,
        flow=number,
        vlan=(),
        length=stream.length,
        captured=stream.captured,
        size=max(stream.known_end, stream.length),
        sha256=hashlib.sha256(stream.data(policy)).hexdigest(),
        runs=[(at, len(data), hashlib.sha256(data).hexdigest()) for at, data in stream.runs(policy)],
        gaps=[(a, b - a) for a, b in stream.gaps()],
        conflicts=stream.conflicts(),
        first_frame=min(v.frame for versions in stream.bytes_at.values() for v in versions),
    )


def kinds(oracle: dict[str, Any], seen: Seen, **further: Seen | None) -> set[str]:
    found = compare("x.pcap", oracle, seen, **further)
    assert {d.kind for d in found} <= set(CLASSES)
    return {d.kind for d in found}


@pytest.mark.parametrize("seed", range(4))
def test_a_faultless_program_differs_nowhere(seed: int) -> None:
    frames = capture().shuffle(seed) if seed else capture()
    assert not kinds(oracle_of(frames), seen_of(frames), last=seen_of(frames, "last"), tagged=seen_of(frames))


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("length", {"length": 3}),
        ("captured", {"captured": 3}),
        ("content", {"sha256": "0" * 64}),
        ("gaps", {"gaps": [(1, 2)]}),
        ("runs", {"runs": []}),
        ("conflicts", {"conflicts": [(0, 1)]}),
        ("size", {"size": 0}),
        ("inconsistent", {"inconsistent": ["missing"]}),
        ("pairing", {"flow": 7}),
    ],
)
def test_each_change_of_a_stream_is_seen(kind: str, change: dict[str, Any]) -> None:
    frames = capture()
    seen = seen_of(frames)
    index = next(i for i, s in enumerate(seen.streams) if s.gaps)
    seen.streams[index] = replace(seen.streams[index], **change)
    assert kind in kinds(oracle_of(frames), seen)


def test_streams_too_few_and_too_many_are_seen() -> None:
    frames = capture()
    seen = seen_of(frames)
    gone = seen.streams.pop()
    assert kinds(oracle_of(frames), seen) == {"missing_stream"}
    seen.streams += [gone, replace(gone, flow=9)]
    assert "extra_stream" in kinds(oracle_of(frames), seen)


def test_frames_and_order_and_last_wins_are_seen() -> None:
    frames = capture()
    oracle = oracle_of(frames)
    assert kinds({**oracle, "frames": 3}, seen_of(frames)) == {"frames"}
    assert kinds(oracle, seen_of(frames), last=seen_of(frames)) == {"last_wins"}
    turned = seen_of(frames)
    turned.streams = [replace(s, flow=1 - s.flow) for s in turned.streams]
    assert kinds(oracle, turned) == {"order"}


def test_streams_of_equal_endpoints_are_matched_by_content_first() -> None:
    frames = capture()
    theirs, ours = oracle_of(frames)["streams"], seen_of(frames).streams[::-1]
    pairs, missing, extra = match(theirs, ours)
    assert not missing
    assert not extra
    assert all(a["sha256"] == b.sha256 for a, b in pairs)


def test_separate_encapsulations_may_be_merged_or_apart_but_nothing_else() -> None:
    frames = Capture(play("> SYN\n> 'abc'"))
    oracle = oracle_of(frames)
    (stream,) = oracle["streams"]
    entry = {"length": 3, "sha256": stream["sha256"]}
    stream["by_encap"] = [entry, entry]
    merged = seen_of(frames)
    apart = Seen(2, 2, [merged.streams[0], replace(merged.streams[0], flow=1)])
    wrong = Seen(2, 1, [replace(merged.streams[0], length=2)])
    assert not kinds(oracle, merged, tagged=merged)
    assert not kinds(oracle, apart, tagged=apart)
    assert kinds(oracle, wrong, tagged=wrong) == {"by_encap"}
    assert kinds(oracle_of(frames), merged, tagged=Seen(2, 1, [replace(merged.streams[0], vlan=(5,))])) == {
        "vlan"
    }
