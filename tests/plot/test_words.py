"""Numbers with their nouns."""

from __future__ import annotations

from tcpflow_scapy.plot.words import counted


def test_one_and_many() -> None:
    assert [counted(n, "gap") for n in (0, 1, 2, 1330)] == ["0 gaps", "1 gap", "2 gaps", "1,330 gaps"]
    assert counted(2, "frame without a time") == "2 frames without a time"
