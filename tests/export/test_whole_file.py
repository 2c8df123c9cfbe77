"""Single output files appear whole or not at all."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.errors import ExportError
from tcpflow_scapy.export.whole_file import write_whole
from tests.helpers.traffic import Capture, Conversation


def write(file: BinaryIO) -> None:
    file.write(b"whole")


def fail(file: BinaryIO) -> None:
    file.write(b"half")
    raise ValueError("in the middle")


def test_written_and_replaced(tmp_path: Path) -> None:
    write_whole(tmp_path / "x", write)
    write_whole(tmp_path / "x", write, overwrite=True)
    assert (tmp_path / "x").read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["x"]


def test_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    with pytest.raises(ExportError, match=r"already exists; .*overwrite=True \(--overwrite\)"):
        write_whole(tmp_path / "x", write)
    assert (tmp_path / "x").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


def test_half_written_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    with pytest.raises(ValueError, match="in the middle"):
        write_whole(tmp_path / "x", fail, overwrite=True)
    assert (tmp_path / "x").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


def test_devices_are_written_to_not_replaced() -> None:
    write_whole("/dev/null", write)
    assert not os.path.isfile("/dev/null")
    with pytest.raises(ExportError, match="/dev/full: No space left"):
        write_whole("/dev/full", write)


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_standard_output(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", out)
    write_whole(name, write)
    assert out.buffer.getvalue() == b"whole"


@pytest.mark.parametrize("kind", ["folder", "link", "dangling", "no parent", "zero byte"])
def test_names_that_cannot_be(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "x"
    if kind == "folder":
        target.mkdir()
    elif kind == "link":
        (tmp_path / "real").write_bytes(b"mine")
        target.symlink_to(tmp_path / "real")
    elif kind == "dangling":
        target.symlink_to(tmp_path / "real")
    elif kind == "no parent":
        target = tmp_path / "no" / "x"
    else:
        target = tmp_path / "x\0"
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(ExportError) as caught:
        write_whole(target, write)
    assert "\n" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == before
    if kind == "link":
        assert (tmp_path / "real").read_bytes() == b"mine"


def test_the_source_is_never_replaced(tmp_path: Path) -> None:
    conversation = Conversation()
    conversation.handshake()
    path = tmp_path / "evidence.pcap"
    Capture(conversation).write(path)
    (tmp_path / "other name.pcap").hardlink_to(path)
    before = path.read_bytes()
    flows = reassemble(path)
    for name in ("evidence.pcap", "other name.pcap"):
        target = tmp_path / name
        for verb in (flows.to_pcap, flows.unused_to_pcap, flows.to_csv, flows.to_json, flows.to_dfxml):
            with pytest.raises(ExportError, match="is the capture that was read"):
                verb(target)
        assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["evidence.pcap", "other name.pcap"]


def test_sources_without_a_file_stop_nothing(tmp_path: Path) -> None:
    write_whole(tmp_path / "x", write, sources=["<PacketList>", "", "a\0b", str(tmp_path / "absent")])
    write_whole(tmp_path / "x", write, sources=["<PacketList>", ""], overwrite=True)
    assert (tmp_path / "x").read_bytes() == b"whole"
