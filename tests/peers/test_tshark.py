"""The installed tshark: every TCP frame, its payload length, its conversation, and what `follow` shows.

`FAULTS`, `SAMPLE_FRAMES` and `SAMPLE_FOLLOW` list where some version of tshark answers otherwise than we do,
with the reason; a version that answers alike is welcome.
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

SAMPLE_FRAMES: dict[str, str] = {
    "ip_fragments.pcap": "tshark counts a datagram with its last fragment, we with the first",
    "mem.pcap": "shuffled: a SYN that arrives late starts another conversation",
}
"""Captures of `sample_pcaps/` in which frames are counted or grouped otherwise."""

SAMPLE_FOLLOW: dict[str, str] = {
    "mem.pcap": "shuffled: what arrives before the SYN is not shown",
}
"""... and in which `follow` shows other bytes."""


def partition(groups: dict[Any, set[int]]) -> set[frozenset[int]]:
    return {frozenset(frames) for frames in groups.values()}


def frames_agree(rows: list[dict[str, str]], flows: Any, conversations: bool = True) -> None:
    """Same frames, same payload lengths, same conversations."""
    table = flows.packets
    theirs = {int(r["frame.number"]): int(r["tcp.len"]) for r in rows}
    ours = dict(zip(table["frame"].tolist(), table["wire_length"].tolist(), strict=True))
    assert ours == theirs
    their_groups: dict[Any, set[int]] = {}
    our_groups: dict[Any, set[int]] = {}
    for row in rows:
        their_groups.setdefault(row["tcp.stream"], set()).add(int(row["frame.number"]))
    for frame, flow in zip(table["frame"].tolist(), table["flow"].tolist(), strict=True):
        our_groups.setdefault(flow, set()).add(frame)
    assert partition(our_groups) == partition(their_groups) or not conversations


def followed(capture: Path, rows: list[dict[str, str]], flows: Any) -> tuple[Counter[Any], Counter[Any]]:
    """Streams with payload, ours and theirs: sender, bytes without gaps."""
    count = 1 + max((int(r["tcp.stream"]) for r in rows), default=-1)
    theirs: Counter[Any] = Counter()
    for conversation in tshark_follow(capture, count):
        for node, sent in zip(conversation.nodes, conversation.data, strict=True):
            if sent:
                theirs[node, bytes(sent)] += 1
    ours: Counter[Any] = Counter()
    for flow in flows:
        for stream in flow.streams:
            data = b"".join(part for _, _, part in stream.chunks())
            if data:
                host = f"[{stream.address}]" if ":" in stream.address else stream.address
                ours[f"{host}:{stream.port}", data] += 1
    return ours, theirs


@pytest.mark.parametrize("case", CASES)
def test_traffic_scripts(case: str, tmp_path: Path) -> None:
    capture = CASES[case]().write(tmp_path / "x.pcap")
    rows, flows = tshark_rows(capture), reassemble(capture, progress=False)
    frames_agree(rows, flows, conversations=case != "late_syn")
    ours, theirs = followed(capture, rows, flows)
    assert ours == theirs or case in FAULTS


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.name)
def test_samples(sample: Path) -> None:
    rows, flows = tshark_rows(sample), reassemble(sample, progress=False)
    if sample.name not in SAMPLE_FRAMES:
        frames_agree(rows, flows)
    ours, theirs = followed(sample, rows, flows)
    assert ours == theirs or sample.name in SAMPLE_FOLLOW


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_captures_give_us_everything(seed: int, tmp_path: Path) -> None:
    """tshark decides in order of arrival; what it follows in order is what we give in any order."""
    capture = CASES["several"]()
    in_order = capture.write(tmp_path / "order.pcap")
    shuffled = capture.shuffle(seed).without_times().write(tmp_path / "shuffled.pcap")
    rows = tshark_rows(in_order)
    ours, wanted = followed(in_order, rows, reassemble(shuffled, progress=False))
    assert ours == wanted
    assert look(shuffled).frames == len(capture)
