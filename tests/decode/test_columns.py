from __future__ import annotations

import numpy as np
import pytest

from tcpflow_scapy.decode.columns import ColumnParts, by_unit, join


def test_parts_become_a_table_of_the_stated_types() -> None:
    parts = ColumnParts({"a": np.int32, "b": np.uint8})
    parts.append({"a": np.array([1, 2]), "b": np.array([3, 4]), "other": np.zeros(9)})
    parts.append({"a": np.array([5]), "b": np.array([6])})
    assert len(parts) == 3
    table = parts.build()
    assert {name: (column.tolist(), column.dtype) for name, column in table.items()} == {
        "a": ([1, 2, 5], np.int32),
        "b": ([3, 4, 6], np.uint8),
    }
    assert len(parts) == 0


def test_nothing_becomes_an_empty_table() -> None:
    assert ColumnParts({"a": np.int32}).build()["a"].dtype == np.int32


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="rows"):
        ColumnParts({"a": int, "b": int}).append({"a": np.zeros(2), "b": np.zeros(3)})


def test_join() -> None:
    one = {"a": np.array([1])}
    assert join([one]) is one
    assert join([one, {"a": np.array([2])}])["a"].tolist() == [1, 2]


def test_rows_of_a_unit_stand_in_the_order_of_their_places() -> None:
    part = {"unit": np.array([1, 0, 1, 0]), "at": np.array([9, 4, 7, 3]), "x": np.array([0, 1, 2, 3])}
    unit, rest = by_unit(part, "at")
    assert (unit.tolist(), rest["x"].tolist()) == ([0, 0, 1, 1], [3, 1, 2, 0])
    assert set(rest) == {"at", "x"}
    part = {"unit": np.array([2, 5]), "at": np.array([9, 4])}
    unit, rest = by_unit(part, "at")
    assert (unit.tolist(), rest["at"].tolist()) == ([2, 5], [9, 4])
