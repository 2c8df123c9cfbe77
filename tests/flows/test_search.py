"""Searching: across segments, never across gaps."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.flows.search import compile_pattern
from tests.helpers.answers import flows_of
from tests.helpers.examples import FEW
from tests.helpers.traffic import Capture, Conversation, play

OPEN = "> SYN\n< SYN ACK\n"


def hits(table: pd.DataFrame) -> list[tuple[int, str, int, bytes]]:
    columns = table[["flow", "direction", "offset", "match"]]
    return list(columns.itertuples(index=False, name=None))


def test_a_match_says_where_and_when() -> None:
    capture = Capture(play(OPEN + "> 'GET /secret'\n< 'the secret'"), start=10**18, step=10**9)
    table = flows_of(capture).search(b"secret")
    assert list(table.columns) == ["flow", "direction", "offset", "length", "frame", "time", "match"]
    assert hits(table) == [(0, "client", 5, b"secret"), (0, "server", 4, b"secret")]
    assert table["frame"].tolist() == [3, 4]
    assert table["time"].tolist() == [pd.Timestamp(10**18 + n * 10**9, tz="UTC") for n in (2, 3)]
    assert table["length"].tolist() == [6, 6]


def test_across_segments_names_the_frame_of_the_first_byte() -> None:
    table = flows_of(play(OPEN + "> 'pass'\n> 'wo'\n> 'rd='")).search("password=")
    assert hits(table) == [(0, "client", 0, b"password=")]
    table = flows_of(play(OPEN + "> 'user pass'\n> 'wo'\n> 'rd='")).search("word")
    assert hits(table) == [(0, "client", 9, b"word")]
    assert table["frame"].tolist() == [4]


def test_across_segments_that_came_in_disorder() -> None:
    table = flows_of(play(OPEN + "> 4:'word'\n> 0:'pass'")).search("password")
    assert table["frame"].tolist() == [4]


def test_never_across_a_gap() -> None:
    flows = flows_of(play(OPEN + "> 'pass'\nx> 'xx'\n> 'word pass'\n> 'word'"))
    assert hits(flows.search("password")) == [(0, "client", 11, b"password")]
    assert len(flows.search(b"\0")) == 0
    assert hits(flows.search(re.compile(rb"^\w+"))) == [(0, "client", 0, b"pass"), (0, "client", 6, b"word")]


def test_plain_patterns_are_looked_for_as_they_are() -> None:
    flows = flows_of(play(OPEN + "> 'a.b axb [x]'"))
    assert hits(flows.search("a.b")) == [(0, "client", 0, b"a.b")]
    assert hits(flows.search(b"[x]")) == [(0, "client", 8, b"[x]")]
    assert len(flows.search(re.compile(rb"a.b"))) == 2


def test_expressions_keep_their_flags() -> None:
    flows = flows_of(play(OPEN + "> 'Host: X'"))
    assert len(flows.search(re.compile(rb"host: x"))) == 0
    assert hits(flows.search(re.compile(rb"host: x", re.IGNORECASE))) == [(0, "client", 0, b"Host: X")]
    assert hits(flows.search(re.compile("host: x", re.IGNORECASE))) == [(0, "client", 0, b"Host: X")]


def test_text_is_utf8() -> None:
    c = play(OPEN)
    c.client("Grüße".encode())
    assert flows_of(c).search("üß")["offset"].tolist() == [2]
    assert flows_of(c).search(re.compile("ü.?ß"))["match"].tolist() == ["üß".encode()]


def test_matches_of_nothing_are_none() -> None:
    assert len(flows_of(play(OPEN + "> 'abc'")).search(re.compile(rb"x*"))) == 0


def test_every_flow_and_side_in_order() -> None:
    one = play(OPEN + "> 'find me'\n< 'find me, too'")
    two = play(OPEN + "< 'nothing'\n> 'find'", Conversation("10.0.0.9:9"))
    flows = flows_of(one, two)
    assert [h[:3] for h in hits(flows.search("find"))] == [
        (0, "client", 0),
        (0, "server", 0),
        (1, "client", 0),
    ]
    assert [h[0] for h in hits(flows[1:].search("find"))] == [1]
    assert [h[0] for h in hits(flows[[1, 0]].search("find"))] == [1, 0, 0]


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 4, 99])
def test_a_limit_also_counts_across_gaps(limit: int) -> None:
    c = play(OPEN + "> 'aa'\nx> 'b'\n> 'a'\nx> 'b'\n> 'a'\n< 'a'")
    assert len(flows_of(c).search("a", limit=limit)) == min(limit, 5)


def test_nothing_found_has_the_same_columns() -> None:
    flows = flows_of(play(OPEN + "> 'abc'"))
    assert flows.search("zzz").dtypes.equals(flows.search("abc").dtypes)
    assert flows[:0].search("abc").dtypes.equals(flows.search("abc").dtypes)


def test_delivered_bytes_are_searched() -> None:
    c = play(OPEN + "> 'good'\n> 0:'evil'")
    assert len(flows_of(c).search("evil")) == 0
    assert len(flows_of(c, overlap="last").search("evil")) == 1


def test_patterns_that_are_none() -> None:
    flows = flows_of(play(OPEN + "> 'abc'"))
    for pattern in (b"", "", 5, None, [b"a"]):
        with pytest.raises((TypeError, ValueError)):
            flows.search(pattern)
    with pytest.raises(ValueError, match="limit"):
        flows.search("a", limit=-1)


def test_compiled_once() -> None:
    assert compile_pattern(bytearray(b"a.")).pattern == rb"a\."


@FEW
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 4), st.booleans()), min_size=1, max_size=12),
    st.sampled_from(["a", "ab", "aba", "bb"]),
)
def test_as_in_the_bytes_between_gaps(parts: list[tuple[str, int, bool]], pattern: str) -> None:
    c = Conversation()
    c.handshake()
    wanted, run, at, begin = [], "", 0, 0
    for letter, size, lost in parts:
        c.client(letter * size)
        at += size
        if lost:
            c.lose()
            wanted += [begin + m.start() for m in re.finditer(pattern, run)]
            run, begin = "", at
        else:
            run += letter * size
    wanted += [begin + m.start() for m in re.finditer(pattern, run)]
    assert flows_of(c).search(pattern)["offset"].tolist() == wanted
