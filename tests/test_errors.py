"""Errors are one safe line, whatever stands in a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.errors import CaptureFormatError, CaptureOSError, ExportError, FilterError, TcpflowError

HOSTILE = "a\x1b]0;gone\x07\u202eb\nc.pcap"


def shown(error: TcpflowError) -> str:
    text = str(error)
    assert text.isprintable()
    assert "\\x1b" in text
    assert error.args[0] != text
    return text


def test_a_hostile_name_of_a_capture_is_made_visible(tmp_path: Path) -> None:
    path = tmp_path / HOSTILE
    with pytest.raises(CaptureOSError) as absent:
        reassemble(path)
    assert shown(absent.value).endswith("No such file or directory")
    assert absent.value.path == str(path)
    path.write_bytes(b"no capture at all")
    with pytest.raises(CaptureFormatError) as wrong:
        reassemble(path)
    shown(wrong.value)


def test_so_is_that_of_an_output(tmp_path: Path, sample_pcaps: Path) -> None:
    flows = reassemble(sample_pcaps / "vlan42_chat.pcap", progress=False)
    with pytest.raises(ExportError) as refused:
        flows.to_csv(tmp_path / "none" / HOSTILE)
    assert shown(refused.value).endswith("No such file or directory")


def test_an_error_without_words_has_none() -> None:
    assert str(TcpflowError()) == ""
    assert str(FilterError("plain words")) == "plain words"
