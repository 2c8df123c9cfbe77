"""`FlowTable`: every way to select, all of them views of one body of evidence."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest

from tcpflow_scapy.flows.columns import COLUMN_NAMES
from tcpflow_scapy.flows.flow import Flow
from tcpflow_scapy.flows.table import FlowTable
from tests.helpers.answers import flows_of
from tests.helpers.traffic import Capture, Conversation, play

TALK = "> SYN\n< SYN ACK\n> ACK\n> 'request {}'\n< 'answer {}'"


def made(count: int = 6) -> FlowTable:
    """Flow n: from 10.0.0.n, port 1000 + n, to port 80 or 443; n bytes lost."""
    parts = []
    for n in range(count):
        c = Conversation(f"10.0.0.{n}:{1000 + n}", f"192.168.0.1:{(80, 443)[n % 2]}")
        play(TALK.format(n, n), c)
        c.skip("client", n)
        c.client(b"end")
        parts.append(c)
    return flows_of(*parts)


FLOWS = made()


def numbers(flows: object) -> list[int]:
    assert isinstance(flows, FlowTable)
    assert flows.df.index.tolist() == [f.id for f in flows]
    return [f.id for f in flows]


# -- the table --------------------------------------------------------------------------------------


def test_one_row_for_each_flow_in_order_of_first_packet() -> None:
    assert isinstance(FLOWS.df, pd.DataFrame)
    assert len(FLOWS) == len(FLOWS.df) == 6
    assert FLOWS.df.index.tolist() == list(range(6))
    assert FLOWS.df["client"].tolist() == [f"10.0.0.{n}" for n in range(6)]
    assert FLOWS.df is FLOWS.df


def test_iteration_yields_flows() -> None:
    assert [type(f) for f in FLOWS] == [Flow] * 6
    assert list(FLOWS) == [FLOWS[i] for i in range(6)]


def test_columns_are_attributes() -> None:
    for name in COLUMN_NAMES:
        if name not in ("packets", "gaps", "conflicts"):
            pd.testing.assert_series_equal(getattr(FLOWS, name), FLOWS.df[name])
    assert set(COLUMN_NAMES) <= set(dir(FLOWS))
    assert {"query", "df", "export"} <= set(dir(FLOWS))
    with pytest.raises(AttributeError, match="colour"):
        FLOWS.colour  # noqa: B018


def test_tables_that_bear_the_names_of_columns() -> None:
    """`packets`, `gaps` and `conflicts` are tables; their counts are in `df`."""
    assert len(FLOWS.packets) == int(FLOWS.df["packets"].sum()) == 36
    assert len(FLOWS.gaps) == int(FLOWS.df["gaps"].sum()) == 5
    assert len(FLOWS.conflicts) == int(FLOWS.df["conflicts"].sum()) == 0


def test_a_copy_is_a_table() -> None:
    assert numbers(copy.copy(FLOWS[2:4])) == [2, 3]


# -- brackets ---------------------------------------------------------------------------------------


def test_by_number() -> None:
    assert isinstance(FLOWS[3], Flow)
    assert FLOWS[3].id == 3
    assert FLOWS[-1].id == 5
    assert FLOWS[np.int64(2)].id == 2
    assert FLOWS[2:][0].id == 2
    for key in (6, -7):
        with pytest.raises(IndexError):
            FLOWS[key]


@pytest.mark.parametrize(
    "key", [slice(2, 4), slice(None), slice(None, None, -1), slice(-2, None), slice(9, 99), slice(1, 6, 2)]
)
def test_by_slice(key: slice) -> None:
    assert numbers(FLOWS[key]) == list(range(6))[key]


def test_by_list() -> None:
    assert numbers(FLOWS[[1, 5]]) == [1, 5]
    assert numbers(FLOWS[[5, 1, -6]]) == [5, 1, 0]
    assert numbers(FLOWS[np.array([4, 2])]) == [4, 2]
    assert numbers(FLOWS[[]]) == []
    assert numbers(FLOWS[2:][[0, 1]]) == [2, 3]
    with pytest.raises(IndexError):
        FLOWS[[0, 6]]


def test_by_mask() -> None:
    assert numbers(FLOWS[FLOWS.server_port == 80]) == [0, 2, 4]
    assert numbers(FLOWS[(FLOWS.server_port == 80) & (FLOWS.missing_bytes > 0)]) == [2, 4]
    assert numbers(FLOWS[[True, False, False, False, False, True]]) == [0, 5]
    assert numbers(FLOWS[np.zeros(6, bool)]) == []
    assert numbers(FLOWS[~(FLOWS.client_gaps > 0)]) == [0]
    assert numbers(FLOWS[np.array([False, True] * 3, object)]) == [1, 3, 5]
    for wrong in ([True], np.ones(7, bool)):
        with pytest.raises(IndexError):
            FLOWS[wrong]


def test_a_mask_is_aligned_by_flow_number() -> None:
    mask = FLOWS.server_port == 443
    assert numbers(FLOWS[3:][mask]) == [3, 5]
    assert numbers(FLOWS[::-1][mask]) == [5, 3, 1]
    assert numbers(FLOWS[mask[::-1]]) == [1, 3, 5]
    assert numbers(FLOWS.sort_values("client_port", ascending=False)[mask]) == [5, 3, 1]
    # pandas' own boolean type, also with another index.
    assert numbers(FLOWS[3:][mask.astype("boolean")]) == [3, 5]


def test_a_mask_must_cover_the_table() -> None:
    part = FLOWS[:3].server_port == 443
    with pytest.raises(IndexError, match="every flow"):
        FLOWS[part]
    assert numbers(FLOWS[:2][part]) == [1]


@pytest.mark.parametrize("key", [1.5, None, [1.5], ["a"], {"a": 1}, [True, None, True, True, True, True]])
def test_what_selects_nothing(key: object) -> None:
    with pytest.raises((TypeError, IndexError)):
        FLOWS[key]


def test_by_name() -> None:
    assert FLOWS["10.0.0.2:1002-192.168.0.1:80"] == FLOWS[2]
    assert FLOWS["192.168.0.1:80-10.0.0.2:1002"] == FLOWS[2]
    assert FLOWS[" 10.0.0.2:1002 - 192.168.0.1:80 "] == FLOWS[2]
    assert all(FLOWS[flow.key] == flow for flow in FLOWS)


def test_by_name_of_ipv6() -> None:
    flows = flows_of(play("> SYN", Conversation("[2001:db8::1]:1024", "[2001:db8::2]:80")))
    for name in (
        "[2001:db8::1]:1024-[2001:db8::2]:80",
        "2001:db8::1:1024-2001:db8::2:80",
        "2001:0db8:0000::0001:1024-[2001:DB8::2]:80",
    ):
        assert flows[name] == flows[0]
    with pytest.raises(KeyError):
        flows["[2001:db8::9]:1024-[2001:db8::2]:80"]
    assert flows[flows[0].key] == flows[0]


def test_a_name_with_several_flows_is_a_table() -> None:
    flows = flows_of(
        play("> SYN\n> 'a'", Conversation(isn=1)), play("> SYN\n> 'b'", Conversation(isn=1 << 30))
    )
    assert numbers(flows["10.0.0.1:1024-10.0.0.2:80"]) == [0, 1]
    assert flows[1:]["10.0.0.1:1024-10.0.0.2:80"] == flows[1]


@pytest.mark.parametrize(
    "name",
    [
        "10.0.0.9:1-192.168.0.1:80",
        "10.0.0.2:1002",
        "",
        "-",
        "nonsense",
        "10.0.0.2-192.168.0.1",
        "10.0.0.2:http-192.168.0.1:80",
        "10.0.0.1:66538-192.168.0.1:80",
        "10.0.0.2:-1-192.168.0.1:80",
        "10.0.0.2:1_002-192.168.0.1:80",
        "10.0.0.2:1002-192.168.0.1:443",
    ],
)
def test_names_of_nothing(name: str) -> None:
    with pytest.raises(KeyError):
        FLOWS[name]


def test_names_are_completed() -> None:
    assert FLOWS._ipython_key_completions_() == [f.key for f in FLOWS]


# -- verbs ------------------------------------------------------------------------------------------


def test_query() -> None:
    assert numbers(FLOWS.query("server_port == 80 and missing_bytes == 0")) == [0]
    assert numbers(FLOWS.query("missing_bytes > 3")) == [4, 5]
    assert numbers(FLOWS.query("client == '10.0.0.3'")) == [3]
    assert numbers(FLOWS.query("state == 'S1' and client_port in [1001, 1002]")[::-1]) == [2, 1]
    assert numbers(FLOWS.query("server_port == 7")) == []


def test_query_sees_the_callers_variables() -> None:
    port = 443  # noqa: F841
    assert numbers(FLOWS.query("server_port == @port")) == [1, 3, 5]


def test_a_wrong_query() -> None:
    with pytest.raises(Exception, match="colour"):
        FLOWS.query("colour == 1")


@pytest.mark.parametrize("expression", ["server_port", "1 == 1", "client_bytes + 100"])
def test_a_query_is_a_condition(expression: str) -> None:
    with pytest.raises(ValueError, match="is not a condition"):
        FLOWS.query(expression)


def test_a_name_that_is_not_there_is_told_as_it_was_asked() -> None:
    with pytest.raises(KeyError, match=r"9\.9\.9\.9:1.*192\.168\.0\.1:80"):
        FLOWS["9.9.9.9:1-192.168.0.1:80"]


def test_sort_values() -> None:
    assert numbers(FLOWS.sort_values("missing_bytes", ascending=False)) == [5, 4, 3, 2, 1, 0]
    assert numbers(FLOWS.sort_values(["server_port", "client_port"], ascending=[True, False])) == [
        *[4, 2, 0],
        *[5, 3, 1],
    ]
    # Equal values keep their order.
    assert numbers(FLOWS.sort_values("server_port")) == [0, 2, 4, 1, 3, 5]


def test_head_and_tail() -> None:
    assert numbers(FLOWS.head(2)) == [0, 1]
    assert numbers(FLOWS.head()) == [0, 1, 2, 3, 4]
    assert numbers(FLOWS.head(0)) == []
    assert numbers(FLOWS.head(99)) == list(range(6))
    assert numbers(FLOWS.tail(2)) == [4, 5]
    assert numbers(FLOWS.tail(0)) == []
    assert numbers(FLOWS.tail(-4)) == FLOWS.df.tail(-4).index.tolist() == [4, 5]
    assert numbers(FLOWS.tail(99)) == list(range(6))


def test_filter() -> None:
    assert numbers(FLOWS.filter(host="10.0.0.3")) == [3]
    assert numbers(FLOWS.filter(port=443)) == [1, 3, 5]


def test_loc() -> None:
    part = FLOWS[::-1]
    assert part.loc[4] == FLOWS[4]
    assert numbers(FLOWS.loc[2:4]) == [2, 3, 4]
    assert numbers(part.loc[[1, 5]]) == [1, 5]
    assert numbers(FLOWS.loc[FLOWS.server_port == 80]) == [0, 2, 4]
    with pytest.raises(KeyError):
        FLOWS[:3].loc[4]


def test_verbs_in_a_row() -> None:
    found = FLOWS.query("server_port == 80").sort_values("missing_bytes", ascending=False)[1:]
    assert numbers(found[found.missing_bytes > 1]) == [2]
    assert found[0] == FLOWS[2]
    assert found[0].client.data[:9] == b"request 2"


def test_tables_of_a_selection_are_those_of_its_flows() -> None:
    part = FLOWS[[4, 1]]
    assert set(part.packets["flow"]) == {1, 4}
    assert part.packets["frame"].is_monotonic_increasing
    assert part.gaps["flow"].tolist() == [4, 1]
    assert part.gaps["length"].tolist() == [4, 1]
    assert set(part.search("request")["flow"]) == {1, 4}


def test_community_ids() -> None:
    assert FLOWS.community_id.tolist() == [f.community_id for f in FLOWS]
    assert FLOWS.community_id.index.equals(FLOWS.df.index)


def test_an_empty_table_does_everything() -> None:
    empty = flows_of(Capture())
    for flows in (empty, FLOWS[:0]):
        assert len(flows) == 0
        assert list(flows) == []
        assert numbers(flows.query("server_port == 80")) == []
        assert numbers(flows.sort_values("start")) == []
        assert numbers(flows.head()) == []
        assert numbers(flows.filter(host="10.0.0.1", port=80)) == []
        assert numbers(flows[flows.server_port == 80]) == []
        assert len(flows.search("x")) == 0
        assert len(flows.scapy()) == 0
        assert len(flows.community_id) == 0
        assert repr(flows)
        assert flows._repr_html_()
    assert empty.capture.frames == 0


@pytest.mark.parametrize("key", [None, True, {1}, 1.0, [[0]], [0.5]])
def test_odd_keys_are_refused_in_words(key: object) -> None:
    with pytest.raises(TypeError, match="flows are selected by number, slice, mask, list or name"):
        FLOWS[key]
