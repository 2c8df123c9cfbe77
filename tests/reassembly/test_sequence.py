"""Serial numbers at every edge of the circle, against arithmetic on plain integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.reassembly.sequence import MODULUS, after_widest_holes, distance, distances, unwrap
from tests.helpers.examples import FEW

EDGES = [0, 1, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1]
numbers = st.one_of(st.integers(0, MODULUS - 1), st.sampled_from(EDGES))


@pytest.mark.parametrize("start", EDGES)
@pytest.mark.parametrize("step", [0, 1, -1, 1460, 2**31 - 1, -(2**31 - 1), -(2**31)])
def test_a_distance_is_the_step_that_was_made(start: int, step: int) -> None:
    assert distance((start + step) % MODULUS, start) == step


def test_half_a_circle_is_taken_as_the_way_back() -> None:
    assert distance(2**31, 0) == -(2**31)
    assert distance(0, 2**31) == -(2**31)


@FEW
@given(st.lists(st.tuples(numbers, numbers), max_size=20))
def test_columns_and_single_values_agree(pairs: list[tuple[int, int]]) -> None:
    later = np.array([p[0] for p in pairs], np.uint32)
    earlier = np.array([p[1] for p in pairs], np.uint32)
    found = distances(later, earlier)
    assert found.dtype == np.int64
    assert found.tolist() == [distance(a, b) for a, b in pairs]


def test_a_column_is_compared_with_one_number() -> None:
    column = np.array([5, 0, MODULUS - 1], np.uint32)
    assert distances(column, np.uint32(1)).tolist() == [4, -1, -2]


def test_other_integers_are_taken_modulo_the_circle() -> None:
    assert distances(np.array([MODULUS + 3], np.int64), np.array([1], np.int64)).tolist() == [2]


@FEW
@given(numbers, st.lists(st.integers(-(2**31) + 1, 2**31 - 1), max_size=30))
def test_unwrapping_undoes_the_circle(start: int, steps: list[int]) -> None:
    positions = np.cumsum([0, *steps]).tolist()
    on_circle = np.array([(start + p) % MODULUS for p in positions], np.uint32)
    assert unwrap(on_circle).tolist() == positions


def test_unwrapping_goes_round_many_times() -> None:
    step = 2**30
    positions = [i * step for i in range(40)]
    found = unwrap(np.array([(7 + p) % MODULUS for p in positions], np.uint32))
    assert found.tolist() == positions


def beginning(*segments: tuple[int, int], max_gap: int = 100) -> int | None:
    """Found for this stream between two others; the same as alone."""
    begin = np.array([s % MODULUS for s, _ in segments], np.int64)
    size = np.array([n for _, n in segments], np.int64)
    group = np.zeros(len(begin), np.int64)
    alone = after_widest_holes(group, begin, size, 1, max_gap).tolist()
    others = np.array([5, MODULUS - 9])
    found = after_widest_holes(
        np.concatenate((group + 2, [0, 3])),
        np.concatenate((begin, others)),
        np.concatenate((size, [7, 20])),
        4,
        max_gap,
    ).tolist()
    assert found == [5, -1, *alone, MODULUS - 9]
    return None if alone[0] < 0 else int(alone[0])


@pytest.mark.parametrize("start", EDGES)
def test_a_stream_begins_after_the_widest_hole(start: int) -> None:
    segments = [(start + 5000, 10), (start, 500), (start + 490, 30), (start + 900, 2000)]
    assert beginning(*segments) == start
    assert beginning(*segments[::-1]) == start
    assert beginning((start, 1)) == start


def test_a_stream_that_goes_all_the_way_round_begins_nowhere() -> None:
    quarter = 1 << 30
    full = [(i * quarter + 77, quarter - 100) for i in range(4)]
    assert beginning(*full) is None
    assert beginning(*full, max_gap=99) in [start for start, _ in full]
    assert beginning((0, MODULUS)) is None
    assert beginning((0, quarter), (quarter - 5, 3 * quarter), (7, 9)) is None


def test_unwrapping_nothing_and_one_number() -> None:
    assert unwrap(np.empty(0, np.uint32)).tolist() == []
    assert unwrap(np.array([9], np.uint32)).tolist() == [0]
