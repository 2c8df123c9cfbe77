"""Statements about a number, against a slow and obvious answer."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.reassembly.support import (
    LEAST_WINDOW,
    furthest_before,
    lowest_supported,
    supported,
)
from tests.helpers.examples import FEW

WINDOW, MAX_GAP = 10, 50

statements = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 200), st.integers(0, 2)), min_size=1, max_size=12
)


def slow(told: list[tuple[int, int, int]], anchor: int) -> list[bool]:
    good = set()
    for stream in {s for s, _, _ in told}:
        reach = anchor
        clusters: list[tuple[int, list[int]]] = []
        for value in sorted({v for s, v, _ in told if s == stream}):
            if not clusters or value - reach > WINDOW:
                clusters.append((value - reach, []))
            clusters[-1][1].append(value)
            reach = max(reach, value)
        for step, values in clusters:
            speakers = {who for s, v, who in told if s == stream and v in values}
            if step <= WINDOW or (step <= MAX_GAP and len(speakers) > 1):
                good |= {(stream, v) for v in values}
    return [(s, v) in good for s, v, _ in told]


@FEW
@given(statements, st.integers(0, 100))
def test_which_are_supported(told: list[tuple[int, int, int]], anchor: int) -> None:
    stream, value, who = (np.array(c, np.int64) for c in zip(*told, strict=True))
    found = supported(stream, value, (who,), np.full(3, anchor), np.full(3, WINDOW), MAX_GAP)
    assert found.tolist() == slow(told, anchor)


def test_where_a_stream_begins() -> None:
    """One lone number below all others does not count, two alike of different packets do."""
    far = LEAST_WINDOW + 1
    value = np.array([0, far, far + 5, 3 * far])
    stream = np.zeros(4, np.int64)
    assert lowest_supported(stream, value, (np.arange(4),)).tolist() == [False, True, True, False]
    assert lowest_supported(stream, value, (np.zeros(4),)).tolist() == [True, False, False, False]
    twice = np.array([0, 0, far, far + 5])
    assert lowest_supported(stream, twice, (np.arange(4),)).tolist() == [True, True, False, False]


@FEW
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 99)), max_size=12),
)
def test_the_furthest_told_before(asked: list[tuple[int, int]], told: list[tuple[int, int, int]]) -> None:
    group, when = (np.array(c, np.int64) for c in zip(*asked, strict=True))
    columns = np.array(told, np.int64).reshape(-1, 3)
    found = furthest_before(group, when, columns[:, 0], columns[:, 1], columns[:, 2])
    assert found.tolist() == [
        max((v for g2, w2, v in told if g2 == g and w2 < w), default=-1) for g, w in asked
    ]
