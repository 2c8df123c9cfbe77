"""Numbers by first appearance against a dict."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.reassembly import numbering
from tcpflow_scapy.reassembly.columns import spans
from tcpflow_scapy.reassembly.numbering import factorize, factorize_parts, first_equal
from tests.helpers.examples import FEW

ODD = numbering.MULTIPLIERS


def numbered(values: list[int]) -> tuple[list[int], int]:
    """What a dict says."""
    numbers: dict[int, int] = {}
    return [numbers.setdefault(value, len(numbers)) for value in values], len(numbers)


@pytest.fixture(params=[ODD, (0, 0), (0, *ODD), (ODD[0],)], ids=["usual", "hopeless", "late", "once"])
def multipliers(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hash functions that part the values, and such that put all into one slot."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbering, "MULTIPLIERS", request.param)
        yield


@pytest.mark.usefixtures("multipliers")
@FEW
@given(values=st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 5)))
def test_factorize_counts_by_first_appearance(values: list[int]) -> None:
    codes, count = factorize(np.array(values, np.uint64))
    assert (codes.tolist(), count) == numbered(values)
    assert codes.dtype == np.int64


@pytest.mark.usefixtures("multipliers")
@FEW
@given(values=st.lists(st.integers(-(2**31), 2**31 - 1) | st.integers(-2, 2)))
def test_the_first_row_of_each_value(values: list[int]) -> None:
    for dtype in (np.int32, np.int64):
        found = first_equal(np.array(values, dtype))
        assert found.tolist() == [values.index(value) for value in values]


@pytest.mark.usefixtures("multipliers")
@FEW
@given(rows=st.lists(st.tuples(st.integers(0, 2**64 - 1) | st.integers(0, 2), st.integers(0, 3))))
def test_rows_of_several_columns(rows: list[tuple[int, int]]) -> None:
    columns = np.array([row[0] for row in rows], np.uint64), np.array([row[1] for row in rows], np.int32)
    assert first_equal(*columns).tolist() == [rows.index(row) for row in rows]
    codes, count = factorize_parts([columns, columns], 2 * len(rows))
    numbers = {row: number for number, row in enumerate(dict.fromkeys(rows))}
    assert (codes.tolist(), count) == ([numbers[row] for row in rows] * 2, len(numbers))


@pytest.mark.parametrize("slot_bits", [8, 22])
def test_many_values_and_few_slots(slot_bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "MAX_SLOT_BITS", slot_bits)
    values = np.random.default_rng(3).integers(0, 1 << 62, 5_000).repeat(3)
    np.random.default_rng(4).shuffle(values)
    codes, count = factorize(values)
    assert (codes.tolist(), count) == numbered(values.tolist())


@pytest.mark.parametrize("size", [1, 3, 100])
@FEW
@given(values=st.lists(st.integers(0, 5), max_size=40))
def test_a_long_column_is_numbered_part_by_part(size: int, values: list[int]) -> None:
    column = np.array(values, np.int64)
    codes, count = factorize_parts(((column[part],) for part in spans(len(column), size)), len(column))
    assert codes.dtype == np.int32
    assert (codes.tolist(), count) == numbered(values)
