"""A capture without any right: frames come from made-up interfaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcpflow_scapy import FlowTable, reassemble
from tcpflow_scapy.capture.live.devices import LiveOptions
from tcpflow_scapy.errors import CaptureOSError
from tcpflow_scapy.live import sniffing
from tests.capture.live.test_pump import MadeTap


@pytest.fixture
def taps(monkeypatch: pytest.MonkeyPatch) -> dict[str, MadeTap]:
    """Interfaces by name, as they are opened."""
    opened: dict[str, MadeTap] = {}

    def open_tap(name: str, options: LiveOptions) -> MadeTap:
        if name == "missing0":
            raise CaptureOSError("there is no such interface", path=name)
        opened[name] = MadeTap()
        opened[name].name = name
        return opened[name]

    monkeypatch.setattr(sniffing, "open_tap", open_tap)
    return opened


@pytest.fixture(scope="module")
def sample(sample_pcaps: Path) -> FlowTable:
    return reassemble(sample_pcaps / "http_ipv6.pcap")


@pytest.fixture(scope="module")
def sample_frames(sample: FlowTable) -> list[bytes]:
    return [bytes(packet) for packet in sample.scapy()]
