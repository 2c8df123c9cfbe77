"""The installed tshark: every TCP frame, its payload length, its conversation, and what `follow` shows.

`FAULTS` and `SAMPLE_FAULTS` list where tshark answers another question than we do, with the reason.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy import reassemble

from .ours import look
from .peer_cases import CASES
from .programs import SAMPLES, tshark_follow, tshark_rows

pytestmark = pytest.mark.peer

FAULTS: dict[str, str] = {
    "reset_payload": "follow shows the payload of a reset as stream data",
    "late_syn": "a SYN that arrives late starts a second conversation",
    "midstream_backwards": "what arrives before the first frame's bytes is not shown",
}

SAMPLE_FAULTS: dict[str, str] = {}


def partition(groups: dict[Any, set[int]]) -> set[frozenset[int]]:
    return {frozenset(frames) for frames in groups.values()}


def frames_agree(capture: Path, conversations: bool = True) -> None:
    """Same frames, same payload lengths, same conversations."""
    rows = tshark_rows(capture)
    table = reassemble(capture, progress=False).packets
    theirs = {int(r["frame.number"]): int(r["tcp.len"]) for r in rows}
    ours = dict(zip(table["frame"].tolist(), table["length"].tolist(), strict=True))
    assert ours == theirs
    their_groups: dict[Any, set[int]] = {}
    our_groups: dict[Any, set[int]] = {}
    for row in rows:
        their_groups.setdefault(row["tcp.stream"], set()).add(int(row["frame.number"]))
    for frame, flow in zip(table["frame"].tolist(), table["flow"].tolist(), strict=True):
        our_groups.setdefault(flow, set()).add(frame)
    assert (partition(our_groups) == partition(their_groups)) == conversations


def followed(capture: Path) -> tuple[Counter[Any], Counter[Any]]:
    """Streams with payload, ours and theirs: sender, bytes without gaps."""
    count = 1 + max((int(r["tcp.stream"]) for r in tshark_rows(capture)), default=-1)
    theirs: Counter[Any] = Counter()
    for conversation in tshark_follow(capture, count):
        for node, data in zip(conversation.nodes, conversation.data, strict=True):
            if data:
                theirs[node, bytes(data)] += 1
    ours: Counter[Any] = Counter()
    for flow in reassemble(capture, progress=False):
        for stream in flow.streams:
            data = b"".join(part for _, _, part in stream.chunks())
            if data:
                ours[f"{stream.address}:{stream.port}", data] += 1
    return ours, theirs


@pytest.mark.parametrize("case", CASES)
def test_frames_of_traffic_scripts(case: str, tmp_path: Path) -> None:
    capture = CASES[case]().write(tmp_path / "x.pcap")
    frames_agree(capture, conversations=case != "late_syn")


@pytest.mark.parametrize("case", CASES)
def test_follow_on_traffic_scripts(case: str, tmp_path: Path) -> None:
    ours, theirs = followed(CASES[case]().write(tmp_path / "x.pcap"))
    assert (ours == theirs) == (case not in FAULTS)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.name)
def test_samples(sample: Path) -> None:
    if sample.name not in SAMPLE_FAULTS:
        frames_agree(sample)
    ours, theirs = followed(sample)
    assert (ours == theirs) == (sample.name not in SAMPLE_FAULTS)


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_captures_give_us_everything(seed: int, tmp_path: Path) -> None:
    """tshark decides in order of arrival; what it follows in order is what we give in any order."""
    capture = CASES["several"]()
    in_order = capture.write(tmp_path / "order.pcap")
    shuffled = capture.shuffle(seed).without_times().write(tmp_path / "shuffled.pcap")
    _, wanted = followed(in_order)
    ours, _ = followed(shuffled)
    assert ours == wanted
    assert look(shuffled).frames == len(capture)
