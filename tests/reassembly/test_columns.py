"""Column operations against loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.reassembly.columns import (
    by_group,
    first_rows,
    group_reduce,
    ranges,
    spans,
    starts_of,
)
from tests.helpers.examples import FEW

groups = st.lists(st.integers(0, 5), max_size=40)


@pytest.mark.parametrize("count", [6, 1 << 16, (1 << 16) + 1, 1 << 20])
@pytest.mark.parametrize("part", [1, 7, 100])
@FEW
@given(groups)
def test_rows_by_group_keep_their_order(count: int, part: int, values: list[int]) -> None:
    spread = np.array([v * (count // 6) for v in values], np.int32)
    order, starts = by_group(spread, count, part)
    assert order.tolist() == sorted(range(len(values)), key=lambda i: spread[i])
    assert order.dtype == np.int32
    assert starts.tolist() == starts_of(np.sort(spread), count).tolist()


def test_no_groups() -> None:
    order, starts = by_group(np.empty(0, np.int32), 0)
    assert (order.tolist(), starts.tolist()) == ([], [0])


@FEW
@given(groups)
def test_starts_of_groups(values: list[int]) -> None:
    column = np.array(sorted(values), np.int64)
    starts = starts_of(column, 6)
    assert len(starts) == 7
    for group in range(6):
        part = column[starts[group] : starts[group + 1]]
        assert len(part) == values.count(group)
        assert (part == group).all()


@FEW
@given(st.lists(st.tuples(st.integers(0, 1 << 40), st.integers(0, 5)), max_size=20))
def test_ranges(parts: list[tuple[int, int]]) -> None:
    starts = np.array([p[0] for p in parts], np.int64)
    lengths = np.array([p[1] for p in parts], np.int64)
    found = ranges(starts, lengths)
    assert found.dtype == np.int64
    assert found.tolist() == [x for start, n in parts for x in range(start, start + n)]


@FEW
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-9, 9)), max_size=40))
def test_reduce_by_group(rows: list[tuple[int, int]]) -> None:
    rows = sorted(rows, key=lambda r: r[0])
    column = np.array([r[1] for r in rows], np.int64)
    names = np.array([r[0] for r in rows], np.int64)
    members = [[v for g, v in rows if g == group] for group in range(6)]
    assert group_reduce(np.minimum, column, names, 6, 99).tolist() == [min(m, default=99) for m in members]
    assert group_reduce(np.add, column, names, 6, 0).tolist() == [sum(m) for m in members]


@FEW
@given(groups)
def test_first_rows(values: list[int]) -> None:
    column = np.array(sorted(values), np.int64)
    wanted = [i == 0 or column[i] != column[i - 1] for i in range(len(column))]
    assert first_rows(column).tolist() == wanted


def test_spans_cover_everything_once() -> None:
    assert [list(range(10))[part] for part in spans(10, 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(spans(0, 4)) == []
