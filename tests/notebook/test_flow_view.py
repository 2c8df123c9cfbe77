"""Filter, order, pages and marks, checked against pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tcpflow_scapy import FlowTable, reassemble
from tcpflow_scapy.notebook.arguments import BadArguments
from tcpflow_scapy.notebook.flow_view import SORTABLE, FlowView
from tests.helpers.answers import flows_of
from tests.helpers.traffic import Conversation


@pytest.fixture(scope="module")
def flows() -> FlowTable:
    talks = []
    for i in range(40):
        c = Conversation(f"10.0.{i % 3}.{i + 1}:{2000 + i}", "192.0.2.9:80")
        c.handshake()
        c.client(b"x" * (i * 7 % 11))
        talks.append(c)
    return flows_of(*talks)


def numbers(view: FlowView) -> list[int]:
    return view.flows.df.index[view.rows].tolist()


def test_without_anything_all_are_shown(flows: FlowTable) -> None:
    assert numbers(FlowView(flows)) == flows.df.index.tolist()


@pytest.mark.parametrize("column", SORTABLE)
@pytest.mark.parametrize("ascending", [True, False])
def test_every_column_sorts(flows: FlowTable, column: str, ascending: bool) -> None:
    view = FlowView(flows)
    view.sort(column, ascending=ascending)
    assert sorted(numbers(view)) == flows.df.index.tolist()
    if column in ("flow", "client", "server"):
        return
    values = flows.df[column].iloc[view.rows]
    values = values.astype(str) if values.dtype == "category" else values
    known = values[values.notna()]
    assert values.iloc[: len(known)].notna().all()
    assert known.is_monotonic_increasing if ascending else known.is_monotonic_decreasing


def test_addresses_sort_as_numbers(flows: FlowTable) -> None:
    from ipaddress import ip_address

    view = FlowView(flows)
    view.sort("client")
    shown = [ip_address(a) for a in flows.df["client"].iloc[view.rows]]
    assert shown == sorted(shown)
    assert [str(a) for a in shown] != sorted(map(str, shown))


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", "flow == flow"),
        ("2007", "client_port == 2007"),
        ("10.0.1.0/24", "client_port % 3 == 0"),
        ("10.0.1.2", "client == '10.0.1.2'"),
        ("10.0.1.2:2001", "client == '10.0.1.2'"),
        ("10.0.1.2:2002", "client_port == 0"),
        ("10.0.1.", "client_port % 3 == 0"),
        ("10.0.1. 2001", "client_port == 2001"),
        ("client_bytes > 3 and client_port < 2020", "client_bytes > 3 and client_port < 2020"),
        ("complete", "complete"),
        ("client_bytes >= @least", "client_bytes >= 5"),
        ("fe80::", "client_port == 0"),
        ("198.51.100.7", "client_port == 0"),
        ("198.51.", "client_port == 0"),
        ("198.51.100.0/24", "client_port == 0"),
        ("[fe80::1]:80", "client_port == 0"),
        ("443", "client_port == 0"),
        ("rej", "client_port == 0"),
        ("S1", "state == 'S1'"),
        ("eth/ip", "flow == flow"),
    ],
)
def test_filters(flows: FlowTable, text: str, query: str) -> None:
    view = FlowView(flows, {"least": 5})
    view.filter(text)
    table = flows.df.rename_axis("flow")
    assert numbers(view) == table.query(query).index.tolist()


@pytest.mark.parametrize(
    "text",
    ["bogus > 1", "(((", "bytes + 1", "1 == 1", "@nobody > 1", "'a\x1b[31m' > 1", "client_port >", "x = 1"]
    + ["tcp port 80", "port 2007 and host 10.0.1.1", "not tcp", "udp", "nothing-like-it", "70000", "\x1b[31m"]
    + ["300.1.1.1", "10.0.1.2:70000", "10.0.0.0/33", "www.example.test", "lambda: 0 < 1", "2023-11-15", "-i"]
    + ["9" * 5000, "10.0.0.1:" + "9" * 5000, "1." + "9" * 5000],
)
def test_what_cannot_be_a_filter_changes_nothing(flows: FlowTable, text: str) -> None:
    view = FlowView(flows)
    view.filter("2007")
    with pytest.raises(BadArguments) as caught:
        view.filter(text)
    said = str(caught.value)
    assert "\x1b" not in said
    assert "unknown>" not in said
    assert "The filter takes words" in said
    assert "tcp port 80 belongs in reassemble" in said
    assert len(view) == 1


def test_pages_cover_all_once(flows: FlowTable) -> None:
    view = FlowView(flows)
    view.sort("client_bytes", ascending=False)
    pages = [view.page(i, 7) for i in range(7)]
    assert np.concatenate([p for p, _ in pages]).tolist() == view.rows.tolist()
    assert [len(look) for _, look in pages] == [7, 7, 7, 7, 7, 5, 0]
    first = pages[0][1]
    assert first["client"].iloc[0].count(":") == 1
    assert all(isinstance(cell, str) for cell in first.to_numpy().ravel())


def test_marks(flows: FlowTable) -> None:
    view = FlowView(flows)
    view.mark([3, 5, 9])
    view.mark([5], False)
    assert view.marked.df.index.tolist() == flows.df.index[[3, 9]].tolist()
    view.only_marked(True)
    assert view.rows.tolist() == [3, 9]
    view.mark([3], False)
    assert view.rows.tolist() == [9]


def test_marks_of_a_selection_are_its_own(sample_pcaps: Path) -> None:
    some = reassemble(sample_pcaps / "mem.pcap")[2:5]
    view = FlowView(some)
    view.mark([1])
    assert view.marked.df.index.tolist() == [some.df.index[1]]


def test_no_flows(flows: FlowTable) -> None:
    view = FlowView(flows[:0])
    view.filter("80")
    view.sort("client")
    assert len(view) == 0
    assert len(view.page(0, 10)[1]) == 0
