"""A capture that becomes shorter after it was read: an error, not the end of the interpreter."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tcpflow_scapy import CaptureError, TcpflowError, reassemble


def test_a_file_that_was_emptied(sample_pcaps: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    shutil.copy(sample_pcaps / "redis.pcap", path)
    flow = reassemble(path)[0]
    path.write_bytes(b"")
    with pytest.raises(CaptureError, match="became shorter"):
        _ = flow.client.data
    with pytest.raises(TcpflowError, match="became shorter"):
        flow.export(tmp_path / "out")


def test_a_file_that_was_replaced_is_no_trouble(sample_pcaps: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    shutil.copy(sample_pcaps / "redis.pcap", path)
    flow = reassemble(path)[0]
    other = tmp_path / "y.pcap"
    other.write_bytes(b"")
    other.replace(path)
    assert flow.client.data == reassemble(sample_pcaps / "redis.pcap")[0].client.data
