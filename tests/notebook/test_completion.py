"""What Tab offers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcpflow_scapy.notebook.completion import Completion
from tcpflow_scapy.notebook.magics import Magics
from tests.notebook.conftest import Prompt


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "work"
    (place / "old traces").mkdir(parents=True)
    (place / "monday.pcap").touch()
    (place / "my trace.pcap").touch()
    (place / "evil\x1b[31m.pcap").touch()
    monkeypatch.chdir(place)
    return place


def test_files(prompt: Prompt, folder: Path) -> None:
    assert prompt.tab("%flows mo") == ["monday.pcap"]
    assert prompt.tab("x = %flows mo") == ["monday.pcap"]
    assert prompt.tab('%flows "my') == ['"my trace.pcap"']
    assert prompt.tab("%flows --overlap last mo") == ["monday.pcap"]
    # IPython itself would offer such a name; we do not.
    assert list(Completion(Magics(prompt.shell)).offers("%flows evil") or ()) == ["evil", []]
    assert prompt.tab("%flows ./mon") == ["./monday.pcap"]
    assert prompt.tab('%export "ol') == ['"old traces/']
    assert prompt.tab("%%flows mo") == ["monday.pcap"]


def test_options_and_their_values(loaded: Prompt) -> None:
    assert prompt_has(loaded, "%flows --over", "--overlap")
    assert "linux" in loaded.tab("%flows x.pcap --overlap l")
    assert loaded.tab("%follow --h") == ["--hex"]
    assert loaded.tab("%follow 3 --in f") == ["flows"]


def prompt_has(prompt: Prompt, text: str, offer: str) -> bool:
    return offer in prompt.tab(text)


def test_flow_names_and_numbers(loaded: Prompt) -> None:
    flows = loaded.shell.user_ns["flows"]
    offers = loaded.tab("%follow ")
    assert {"0", "6", flows[0].key} <= set(offers)
    key = flows[2].key
    assert key in loaded.tab(f"%follow {key[:12]}")
    assert key in loaded.tab(f"%gaps 1 {key[:12]}")
    assert loaded.tab("%follow 99") == []


def test_columns_in_a_query(loaded: Prompt) -> None:
    assert loaded.tab('flows.query("server_po') == ["server_port"]
    assert loaded.tab('flows.query("bytes > 1 and server_po') == ["server_port"]
    assert "client_bytes" in loaded.tab("flows.sort_values('client_b")
    assert "missing_bytes" in loaded.tab("flows.sort_values(['start', 'miss")


def test_keys_and_values_in_a_cell(loaded: Prompt, folder: Path) -> None:
    assert loaded.tab("%%flows\nsou") == ["source: "]
    assert loaded.tab("%%flows\nsource: mo") == ["monday.pcap"]
    assert "linux" in loaded.tab("%%flows\noverlap: l")
    assert loaded.tab("%%flows\nsource: x\nquery: missing_b") == ["missing_bytes"]
    assert loaded.tab("%%flows\nsort: -missing_b") == ["missing_bytes"]


def test_attributes_and_flow_names_in_brackets(loaded: Prompt) -> None:
    flows = loaded.shell.user_ns["flows"]
    assert any("server_port" in offer for offer in loaded.tab("flows.server_po"))
    loaded.shell.user_ns["flow"] = flows[0]
    assert any("community_id" in offer for offer in loaded.tab("flow.commun"))
    assert any(flows[0].key in offer for offer in loaded.tab('flows["'))
    assert any("follow" in offer for offer in loaded.tab("flows[0].fol"))


def test_nothing_else_is_touched(loaded: Prompt) -> None:
    assert "%timeit" in [offer for offer in loaded.tab("%timei") if offer == "%timeit"]
    assert not any("tcpflow" in offer for offer in loaded.tab("value = pri"))
