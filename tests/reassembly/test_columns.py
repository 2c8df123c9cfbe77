"""Column operations against loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.reassembly.columns import (
    first_rows,
    group_reduce,
    ranges,
    spans,
    stable_order,
    starts_of,
)
from tests.helpers.examples import FEW

groups = st.lists(st.integers(0, 5), max_size=40)


@pytest.mark.parametrize("count", [6, 1 << 16, (1 << 16) + 1, 1 << 20])
@FEW
@given(groups)
def test_stable_order_keeps_equals_as_they_came(count: int, values: list[int]) -> None:
    # Above 65,536 the sort has two passes; the values must need both.
    spread = np.array([v * (count // 6) for v in values], np.int64)
    wanted = sorted(range(len(values)), key=lambda i: spread[i])
    assert stable_order(spread, count).tolist() == wanted


def test_stable_order_of_the_widest_values() -> None:
    values = np.array([70_000, 3, 1 << 31, 3, 65_536, (1 << 31) - 1], np.int64)
    assert stable_order(values, (1 << 31) + 1).tolist() == [1, 3, 4, 0, 5, 2]
    huge = np.array([1 << 48, 5, (1 << 48) - 1], np.int64)
    assert stable_order(huge, (1 << 48) + 1).tolist() == [1, 2, 0]


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
