"""Functions that are called with what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tcpflow_scapy import Flow, reassemble


def test_each_flow_is_told_with_its_files(sample_pcaps: Path, tmp_path: Path) -> None:
    told: list[tuple[Flow, Any]] = []
    flows = reassemble(sample_pcaps / "http_ipv4.pcap")
    flows.export(tmp_path, on_flow=lambda flow, files: told.append((flow, files)))
    assert [flow.id for flow, _ in told] == [flow.id for flow in flows]
    for flow, files in told:
        assert {Path(path).read_bytes() for path in files["path"]} == {flow.client.data, flow.server.data}


def test_each_http_body_is_told_with_its_exchange(sample_pcaps: Path, tmp_path: Path) -> None:
    told: dict[str, bytes] = {}
    flows = reassemble(sample_pcaps / "http_ipv4.pcap")

    def note(exchange: Any, path: str) -> None:
        told[path] = exchange.response.body

    files = flows.export_http(tmp_path, on_http=note)
    assert list(told) == files["path"].tolist()
    assert all(Path(path).read_bytes() == body for path, body in told.items())
