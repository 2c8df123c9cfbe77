from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.decode.exact import _FACTORS, distinct_rows, gathered_rows

small = st.integers(0, 3)


@given(st.lists(st.tuples(small, small, small), min_size=1, max_size=40))
def test_rows_are_numbered_by_what_they_hold(rows: list[tuple[int, int, int]]) -> None:
    columns = [np.array(c, np.uint64) for c in zip(*rows, strict=True)]
    first, inverse = distinct_rows(*columns)
    assert len(first) == len(set(rows))
    for i, row in enumerate(rows):
        assert rows[int(first[inverse[i]])] == row
        assert first[inverse[i]] == rows.index(row)


@given(st.lists(st.tuples(small, small, small), max_size=40))
def test_equal_rows_come_together(rows: list[tuple[int, int, int]]) -> None:
    columns = [np.array([row[i] for row in rows], np.uint64) for i in range(3)]
    check_gathered(rows, *gathered_rows(*columns))


def check_gathered(rows: list[tuple[int, ...]], order: np.ndarray, new: np.ndarray) -> None:
    groups = [part.tolist() for part in np.split(order, np.flatnonzero(new)[1:])] if rows else []
    expected: dict[tuple[int, ...], list[int]] = {}
    for i, row in enumerate(rows):
        expected.setdefault(row, []).append(i)
    assert sorted(groups) == sorted(expected.values())


def test_a_mix_that_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpflow_scapy.decode.exact.mix", lambda *c: c[0] % np.uint64(3) << np.uint64(60))
    rows = [(int(a), int(b)) for a, b in np.random.default_rng(1).integers(0, 6, (200, 2))]
    columns = [np.array(c, np.uint64) for c in zip(*rows, strict=True)]
    check_gathered(rows, *gathered_rows(*columns))


def test_values_made_to_collide() -> None:
    # One column: the mix is a bijection. Two: choose the second so that the sum of both mixes is the same.
    mask = (1 << 64) - 1

    def after_first(value: int) -> int:
        mixed = value * _FACTORS[0] & mask
        return mixed ^ mixed >> 29

    target = after_first(1) ^ (5 * _FACTORS[1] & mask)
    inverse_factor = pow(_FACTORS[1], -1, 1 << 64)
    pairs = [(n, (after_first(n) ^ target) * inverse_factor & mask) for n in range(1, 30)]
    columns = [np.array(c, np.uint64) for c in zip(*(pairs + pairs), strict=True)]
    first, inverse = distinct_rows(*columns)
    assert len(first) == len(pairs)
    assert (inverse[: len(pairs)] == inverse[len(pairs) :]).all()
    assert sorted(first.tolist()) == list(range(len(pairs)))
    check_gathered(pairs + pairs, *gathered_rows(*columns))
