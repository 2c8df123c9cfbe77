"""The table of columns is the table that comes out."""

from __future__ import annotations

import re

import pytest

from tcpflow_scapy.flows.columns import COLUMN_NAMES, FLOW_COLUMNS
from tests.helpers.answers import flows_of
from tests.helpers.traffic import Capture, Conversation, play

CAPTURES = {
    "nothing": Capture(),
    "one": Capture(play("> SYN")),
    "two": Capture(
        play("> SYN\n< SYN ACK\n> 'a'"), Conversation("[::1]:9", "[::2]:80", vlans=(5,)).handshake()
    ),
}


@pytest.mark.parametrize("name", CAPTURES)
def test_names_order_and_dtypes(name: str) -> None:
    table = flows_of(CAPTURES[name]).df
    assert [(n, str(t)) for n, t in table.dtypes.items()] == [(c.name, c.dtype) for c in FLOW_COLUMNS]
    assert table.index.name == "flow"


def test_a_selection_has_the_same_columns() -> None:
    flows = flows_of(CAPTURES["two"])
    for part in (flows[:0], flows[1:], flows.query("client_bytes > 5")):
        assert part.df.dtypes.equals(flows.df.dtypes)


def test_names_follow_the_grammar() -> None:
    """``<side>_<measure>[_<unit>]``: what one side has, the other has too."""
    assert len(set(COLUMN_NAMES)) == len(COLUMN_NAMES)
    for name in COLUMN_NAMES:
        assert re.fullmatch(r"[a-z][a-z_0-9]*", name)
        side, _, measure = name.partition("_")
        if side in ("client", "server") and measure not in ("", "evidence"):
            other = "server" if side == "client" else "client"
            assert f"{other}_{measure}" in COLUMN_NAMES


def test_every_column_has_a_meaning_and_a_unit_where_it_counts() -> None:
    for column in FLOW_COLUMNS:
        assert column.meaning
        assert "{" not in column.meaning
        countable = column.dtype in ("int64", "float64") or column.dtype.startswith("datetime64")
        assert bool(column.unit) == countable, column.name
        suffix = column.name.rpartition("_")[2]
        if suffix in ("s", "ms", "bytes"):
            assert column.unit == suffix


def test_the_names_that_are_promised() -> None:
    promised = """client client_port server server_port start end duration_s client_bytes server_bytes
        client_packets client_missing_bytes client_gaps client_retransmitted_bytes client_conflicts
        missing_bytes rtt_ms state"""
    assert set(promised.split()) <= set(COLUMN_NAMES)
