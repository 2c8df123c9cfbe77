"""IP fragments end to end: what is missing, what contradicts, where bytes come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, fragment
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

from tcpflow_scapy import reassemble


def segment(seq: int, data: bytes, number: int) -> Any:
    ends = IP(src="10.0.0.1", dst="10.0.0.2", id=number)
    return ends / TCP(sport=1000, dport=80, seq=seq, ack=1, flags="A") / Raw(data)


def acknowledgment(ack: int) -> Any:
    return IP(src="10.0.0.2", dst="10.0.0.1") / TCP(sport=80, dport=1000, seq=1, ack=ack, flags="A")


def write(path: Path, packets: list[Any]) -> Path:
    wrpcap(str(path), [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / p for p in packets])
    return path


def test_a_lost_fragment_is_the_cause_of_the_gap(tmp_path: Path) -> None:
    last_lost = fragment(segment(1001, b"A" * 1200, 1), fragsize=400)
    middle_lost = fragment(segment(2301, b"C" * 1200, 3), fragsize=400)
    packets = [
        *last_lost[:-1],
        segment(2201, b"B" * 100, 2),
        middle_lost[0],
        middle_lost[2],
        segment(3501, b"D" * 10, 4),
        acknowledgment(3511),
    ]
    flow = reassemble(write(tmp_path / "lost.pcap", packets))[0]
    assert flow.client.gaps["cause"].tolist() == ["fragment_missing", "fragment_missing"]
    kept = 20 + sum(len(p[IP].payload) for p in last_lost[:-1]) - 40
    assert flow.client.gaps["start"].tolist() == [kept, 1300 + 380]
    assert flow.client.gaps["end"].tolist() == [1200, 2500]


@pytest.mark.parametrize("backwards", [False, True])
def test_every_byte_knows_its_fragment(tmp_path: Path, backwards: bool) -> None:
    data = bytes(range(256)) * 5
    pieces = fragment(segment(1, data, 9), fragsize=256)
    path = write(tmp_path / "whole.pcap", pieces[::-1] if backwards else pieces)
    flows = reassemble(path)
    stream = flows[0].client
    assert stream.data == data
    assert flows.capture.unused == {}
    image = path.read_bytes()
    frames = set()
    for offset in range(0, len(data), 7):
        origin = stream.at(offset)
        assert origin is not None
        assert image[origin.offset] == data[offset]
        frames.add(origin.frame)
    assert frames == set(range(1, len(pieces) + 1))


def test_fragments_that_contradict(tmp_path: Path) -> None:
    pieces = fragment(segment(1, b"x" * 400, 5), fragsize=200)
    forged = pieces[1].copy()
    forged[Raw].load = b"y" * len(forged[Raw].load)
    path = write(tmp_path / "forged.pcap", [pieces[0], pieces[1], forged, *pieces[2:]])
    first, last = reassemble(path), reassemble(path, fragments="last")
    assert set(first[0].client.data) == set(b"x")
    assert b"y" in last[0].client.data
    for flows, wins in ((first, b"x"), (last, b"y")):
        versions = flows.fragment_conflicts
        assert set(versions["frame"]) == {2, 3}
        delivered = versions[versions["delivered"]]
        assert {bytes(set(data)) for data in delivered["data"]} == {wins}
    assert len(reassemble(path, fragments="discard")) == 0
    with pytest.raises(ValueError, match="fragments"):
        reassemble(path, fragments="vista")
