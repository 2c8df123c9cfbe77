from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.decode.exact import _FACTORS, distinct_rows

small = st.integers(0, 3)


@given(st.lists(st.tuples(small, small, small), min_size=1, max_size=40))
def test_rows_are_numbered_by_what_they_hold(rows: list[tuple[int, int, int]]) -> None:
    columns = [np.array(c, np.uint64) for c in zip(*rows, strict=True)]
    first, inverse = distinct_rows(*columns)
    assert len(first) == len(set(rows))
    for i, row in enumerate(rows):
        assert rows[int(first[inverse[i]])] == row
        assert first[inverse[i]] == rows.index(row)


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
