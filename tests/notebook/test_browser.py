"""The flow browser: its logic without a page, and in JupyterLab in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy import FlowTable, reassemble
from tests.helpers.answers import flows_of
from tests.helpers.traffic import Conversation

pytest.importorskip("ipywidgets")
pytest.importorskip("itables.widget")


@pytest.fixture(scope="module")
def flows() -> FlowTable:
    talks = []
    for i in range(25):
        c = Conversation(f"10.0.0.{i + 1}:{2000 + i}", "192.0.2.9:80")
        c.handshake()
        c.client(b"\x1b[31m<script>alert(1)</script>" * (i % 5))
        talks.append(c)
    return flows_of(*talks)


def cells(browser: Any, column: str) -> list[str]:
    found: list[str] = browser.table.df[column].tolist()
    return found


def test_pages(flows: FlowTable) -> None:
    b = flows.browse(rows=10)
    assert cells(b, "#") == [str(n) for n in range(10)]
    assert b.previous.disabled
    b.next.click()
    assert cells(b, "#")[0] == "10"
    b.page.value = 3
    assert cells(b, "#") == [str(n) for n in range(20, 25)]
    assert b.next.disabled
    b.next.click()
    assert b.page.value == 3
    assert "21 to 25 of 25 flows" in b.status.value


def test_filter_sort_and_back(flows: FlowTable) -> None:
    b = flows.browse(rows=10)
    b.page.value = 2
    b.filter.value = "client_bytes > 0"
    b.sort_by.value = "client_bytes"
    b.descending.value = True
    assert b.page.value == 1
    sent = b.shown.df["client_bytes"]
    assert (sent > 0).all()
    assert sent.is_monotonic_decreasing
    assert cells(b, "#") == [str(n) for n in b.shown.df.index[:10]]
    b.filter.value = "nonsense > 1"
    assert "nonsense" in b.message.value
    assert len(b.shown) == len(sent)
    b.filter.value = ""
    assert b.message.value == ""
    assert len(b.shown) == 25


def test_what_is_selected_is_looked_into(flows: FlowTable) -> None:
    b = flows.browse(rows=10)
    assert b.flow is None
    assert len(b.selected) == 0
    b.next.click()
    b.table.selected_rows = [3, 4]
    assert b.flow == flows[13]
    assert b.selected.df.index.tolist() == [13, 14]
    assert flows[13].key in b.heading.value
    assert "Select a flow" not in b.heading.value
    for tab in range(len(b.tabs.children)):
        b.tabs.selected_index = tab
        shown = b.tabs.children[tab].value
        assert shown
        assert "<script>" not in shown
        assert "\x1b" not in shown
    b.table.selected_rows = [99]
    assert b.flow is None


def test_only_the_open_tab_is_made(flows: FlowTable) -> None:
    b = flows.browse()
    b.table.selected_rows = [1]
    assert [bool(child.value) for child in b.tabs.children] == [True] + [False] * 5
    first = b.tabs.children[0].value
    b.tabs.selected_index = 1
    b.table.selected_rows = [2]
    b.tabs.selected_index = 0
    assert b.tabs.children[0].value != first


def test_marks_stay_while_one_looks_around(flows: FlowTable) -> None:
    b = flows.browse(rows=10)
    b.table.selected_rows = [0, 2]
    b.mark.click()
    assert b.table.selected_rows == [0, 2]
    b.next.click()
    assert b.table.selected_rows == []
    b.table.selected_rows = [5]
    b.mark.click()
    assert b.marked.df.index.tolist() == [0, 2, 15]
    b.only_marked.value = True
    assert cells(b, "#") == ["0", "2", "15"]
    assert cells(b, "✓") == ["✓"] * 3
    b.table.selected_rows = [1]
    b.unmark.click()
    assert b.marked.df.index.tolist() == [0, 15]
    b.only_marked.value = False
    b.filter.value = "2003"
    b.mark_all.click()
    assert b.marked.df.index.tolist() == [0, 3, 15]
    b.unmark_all.click()
    assert len(b.marked) == 0
    b.mark.click()
    assert "nothing is selected" in b.message.value


def test_export_of_the_marked_or_else_the_selected(flows: FlowTable, tmp_path: Path) -> None:
    b = flows.browse()
    b.folder.value = str(tmp_path / "out")
    b.export.click()
    assert "nothing is marked" in b.message.value
    b.table.selected_rows = [1]
    b.export.click()
    assert len(list((tmp_path / "out").iterdir())) == 1
    assert "1 files of 1 flow " in b.message.value
    b.table.selected_rows = [2, 3]
    b.mark.click()
    b.export.click()
    assert len(list((tmp_path / "out").iterdir())) == 3
    (tmp_path / "file").write_text("")
    b.folder.value = str(tmp_path / "file")
    b.export.click()
    assert "not exported" in b.message.value


def test_a_broken_view_is_said_in_its_place(flows: FlowTable, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(flow: object) -> str:
        raise RuntimeError("<b>\x1b[2J")

    monkeypatch.setattr("tcpflow_scapy.notebook.details.VIEWS", (("Follow", broken),) * 6)
    b = flows.browse()
    b.table.selected_rows = [0]
    assert "&lt;b&gt;\\x1b[2J" in b.tabs.children[0].value


def test_http_is_listed(sample_pcaps: Path) -> None:
    b = reassemble(sample_pcaps / "http_ipv4.pcap").browse()
    b.table.selected_rows = [0]
    b.tabs.selected_index = 4
    assert "http://www.example.test/style.css" in b.tabs.children[4].value


def test_no_flows(flows: FlowTable) -> None:
    b = flows[:0].browse()
    assert "no flows" in b.status.value
    b.sort_by.value = "client"
    assert len(b.shown) == 0


def test_it_shows_itself(flows: FlowTable) -> None:
    b = flows.browse()
    data = b._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == repr(b)
    assert "25 of 25 flows" in repr(b)
    with pytest.raises(ValueError, match="one row"):
        flows.browse(rows=0)


def test_without_the_extra_it_says_what_to_install(flows: FlowTable, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("tcpflow_scapy.notebook.browser.import_module", refuse)
    with pytest.raises(ImportError, match=r"pip install 'tcpflow-scapy\[notebook\]'"):
        flows.browse()
