"""Frames of chosen flows as a capture: the same bytes, times and lengths."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcpflow_scapy import ExportError, reassemble
from tests.helpers.traffic import Capture, Conversation


def two_talks(tmp_path: Path) -> Any:
    talks = []
    for port in (1024, 2048):
        made = Conversation(client=f"10.0.0.1:{port}", server="10.0.0.2:80")
        made.handshake()
        made.client(b"GET /")
        made.close()
        talks.append(made)
    path = tmp_path / "two.pcap"
    Capture(*talks).shuffle(3).write(path)
    return reassemble(path)


def frames_of(flows: Any) -> list[tuple[bytes, int, int]]:
    frames, store = flows._evidence.frames, flows._evidence.store
    columns = zip(frames.address, frames.caplen, frames.wirelen, frames.time, strict=True)
    return [(store.read(int(a), int(n)), int(w), int(t)) for a, n, w, t in columns]


def test_the_frames_of_one_flow(tmp_path: Path) -> None:
    flows = two_talks(tmp_path)
    count = flows[1].to_pcap(tmp_path / "one.pcap")
    again = reassemble(tmp_path / "one.pcap")
    picked = np.unique(flows[1].packets["frame"]) - 1
    everything = frames_of(flows)
    assert frames_of(again) == [everything[i] for i in picked]
    assert count == len(picked)
    assert [f.key for f in again] == [flows[1].key]


def test_all_flows_are_the_capture(tmp_path: Path) -> None:
    flows = two_talks(tmp_path)
    assert flows.to_pcap(tmp_path / "all.pcap") == flows.capture.frames
    assert frames_of(reassemble(tmp_path / "all.pcap")) == frames_of(flows)


@pytest.mark.parametrize("sample", ["http_ipv4.pcap", "any_sll2.pcapng", "snaplen_200.pcap", "mem.pcap"])
@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_samples_survive(sample: str, form: str, tmp_path: Path, sample_pcaps: Path) -> None:
    flows = reassemble(sample_pcaps / sample)
    flows.to_pcap(tmp_path / "copy", format=form)
    again = reassemble(tmp_path / "copy")
    assert again.capture.format.startswith(form)
    assert [s.data for f in again for s in f.streams] == [s.data for f in flows for s in f.streams]
    assert frames_of(again) == [frames_of(flows)[i] for i in np.unique(flows.packets["frame"]) - 1]


def test_the_format_follows_the_name_and_the_times(tmp_path: Path) -> None:
    flows = two_talks(tmp_path)
    flows.to_pcap(tmp_path / "x.pcapng")
    assert (tmp_path / "x.pcapng").read_bytes()[:4] == bytes.fromhex("0a0d0d0a")
    flows.to_pcap(tmp_path / "x.pcap")
    assert (tmp_path / "x.pcap").read_bytes()[:4] == bytes.fromhex("d4c3b2a1")
    times = flows._evidence.frames.time
    times[0] += 1
    flows.to_pcap(tmp_path / "fine.pcap")
    assert (tmp_path / "fine.pcap").read_bytes()[:4] == bytes.fromhex("4d3cb2a1")
    times[0] = -1
    flows.to_pcap(tmp_path / "early.pcap")
    assert (tmp_path / "early.pcap").read_bytes()[:4] == bytes.fromhex("0a0d0d0a")


def test_no_flows_are_an_empty_capture(tmp_path: Path) -> None:
    assert two_talks(tmp_path)[:0].to_pcap(tmp_path / "none.pcap") == 0
    assert len(reassemble(tmp_path / "none.pcap")) == 0


def test_what_cannot_be(tmp_path: Path) -> None:
    flows = two_talks(tmp_path)
    with pytest.raises(ValueError, match="unknown capture format"):
        flows.to_pcap(tmp_path / "x", format="erf")
    with pytest.raises(ExportError, match="is a folder"):
        flows.to_pcap(tmp_path)
    (tmp_path / "old").write_bytes(b"mine")
    with pytest.raises(ExportError, match="already exists"):
        flows.to_pcap(tmp_path / "old")
    kinds = flows._evidence.frames
    kinds.linktype = np.array([1] * (len(kinds) - 1) + [101], np.uint16)
    with pytest.raises(ValueError, match="one link type"):
        flows.to_pcap(tmp_path / "x", format="pcap")
    assert sorted(os.listdir(tmp_path)) == ["old", "two.pcap"]


@pytest.mark.peer
def test_tshark_reads_it(need_tool: Callable[[str], str], tmp_path: Path) -> None:
    tshark = need_tool("tshark")
    flows = two_talks(tmp_path)
    for name in ("x.pcap", "x.pcapng"):
        count = flows.to_pcap(tmp_path / name)
        command = [tshark, "-r", str(tmp_path / name), "-T", "fields", "-e", "frame.time_epoch"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()
        assert len(lines) == count
        assert [round(float(t) * 1e6) for t in lines] == [t // 1000 for _, _, t in frames_of(flows)]


def test_split_on_a_full_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tcpflow_scapy.export import split

    flows = two_talks(tmp_path)
    real, calls = split.write_frames, []

    def full(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        real(*arguments)

    monkeypatch.setattr(split, "write_frames", full)
    with pytest.raises(ExportError, match=r"out/[-.\d]+\.pcap: No space left") as caught:
        flows.split_pcap(tmp_path / "out")
    assert len(caught.value.files) == 2
    assert sorted(caught.value.files) == sorted(os.listdir(tmp_path / "out"))
