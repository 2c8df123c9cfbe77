"""What a source was."""

from __future__ import annotations

from tcpflow_scapy.capture.info import CaptureInfo, Interface, Problem


def test_what_a_source_was() -> None:
    info = CaptureInfo()
    info.problems.append(Problem("cut_short", "x", "a.pcap", frame=3, offset=40, length=2))
    info.interfaces.append(Interface(1, 262_144))
    assert info.interfaces[0].fcs_length == 0
    assert info.problems[0].length == 2
    assert CaptureInfo().problems == []
