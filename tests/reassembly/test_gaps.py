"""Gaps and their causes, against a byte-by-byte answer."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.reassembly.gaps import find_gaps
from tcpflow_scapy.reassembly.tables import GapCause
from tests.helpers.examples import FEW

LENGTH = 40
"""Of each stream; the next begins two later, as in `streams`."""

Ranges = list[tuple[int, int]]


def column(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, np.int64)


def found(
    sizes: list[int],
    extents: list[Ranges],
    acknowledged: list[int],
    truncated: list[Ranges],
    lost: list[Ranges] | None = None,
) -> list[tuple[int, int, int, str]]:
    """(stream, start, end, cause)."""
    base = [i * (LENGTH + 2) for i in range(len(sizes))]

    def flat(parts: list[Ranges], edge: int) -> list[int]:
        return [base[i] + r[edge] for i, ranges in enumerate(parts) for r in ranges]

    explained = []
    for parts, cause in ((lost, GapCause.FRAGMENT_MISSING), (truncated, GapCause.TRUNCATED)):
        if parts is not None:
            explained.append((column(flat(parts, 0)), column(flat(parts, 1)), cause))
    start, end, cause = find_gaps(
        column(base),
        column([b + n for b, n in zip(base, sizes, strict=True)]),
        column(flat(extents, 0)),
        column(flat(extents, 1)),
        column([b + n for b, n in zip(base, acknowledged, strict=True)]),
        explained,
    )
    rows = []
    for a, b, c in zip(start.tolist(), end.tolist(), cause.tolist(), strict=True):
        stream = a // (LENGTH + 2)
        rows.append((stream, a - base[stream], b - base[stream], GapCause(c).label))
    return rows


def slow(
    sizes: list[int], extents: list[Ranges], acknowledged: list[int], truncated: list[Ranges]
) -> list[tuple[int, int, int, str]]:
    rows: list[tuple[int, int, int, str]] = []
    for stream, size in enumerate(sizes):
        there = {i for a, b in extents[stream] for i in range(a, b)}
        cut = {i for a, b in truncated[stream] for i in range(a, b)}
        for i in range(size):
            if i in there:
                continue
            cause = (
                "truncated"
                if i in cut
                else "not_captured"
                if i < acknowledged[stream]
                else "not_acknowledged"
            )
            if rows and rows[-1][0] == stream and rows[-1][2] == i and rows[-1][3] == cause:
                rows[-1] = (stream, rows[-1][1], i + 1, cause)
            else:
                rows.append((stream, i, i + 1, cause))
    return rows


@st.composite
def stream(draw: st.DrawFn) -> tuple[int, Ranges, int, Ranges]:
    edges = sorted(draw(st.lists(st.integers(0, LENGTH), max_size=8, unique=True)))
    extents = list(zip(edges[::2], edges[1::2], strict=False))
    size = draw(st.integers(max([0, *(b for _, b in extents)]), LENGTH))
    cut = draw(st.lists(st.tuples(st.integers(0, LENGTH), st.integers(1, 9)), max_size=3))
    return size, extents, draw(st.integers(0, size)), [(a, a + n) for a, n in cut if a + n <= size]


@FEW
@given(st.lists(stream(), min_size=1, max_size=4))
def test_every_missing_byte_has_the_right_cause(streams: list[tuple[int, Ranges, int, Ranges]]) -> None:
    sizes, extents, acknowledged, truncated = (list(part) for part in zip(*streams, strict=True))
    assert found(sizes, extents, acknowledged, truncated) == slow(sizes, extents, acknowledged, truncated)


def test_a_gap_is_cut_where_its_cause_changes() -> None:
    rows = found([30], [[(0, 5), (25, 30)]], [12], [[(5, 8)]])
    assert rows == [
        (0, 5, 8, "truncated"),
        (0, 8, 12, "not_captured"),
        (0, 12, 25, "not_acknowledged"),
    ]


def test_neighbours_of_one_cause_are_one_gap() -> None:
    """Two cut segments side by side, and one that was cut twice at different places."""
    assert found([20], [[]], [20], [[(0, 10), (10, 20), (4, 15)]]) == [(0, 0, 20, "truncated")]


def test_a_missing_fragment_and_the_snaplen() -> None:
    rows = found([10], [[]], [0], [[(4, 8)]], lost=[[(0, 4)]])
    assert rows == [
        (0, 0, 4, "fragment_missing"),
        (0, 4, 8, "truncated"),
        (0, 8, 10, "not_acknowledged"),
    ]


def test_streams_that_touch_on_the_axis_keep_their_own_gaps() -> None:
    assert found([LENGTH, LENGTH], [[(0, 30)], [(10, LENGTH)]], [LENGTH, 0], [[], []]) == [
        (0, 30, LENGTH, "not_captured"),
        (1, 0, 10, "not_acknowledged"),
    ]


def test_nothing_missing() -> None:
    assert found([10, 0], [[(0, 10)], []], [10, 0], [[], []]) == []
