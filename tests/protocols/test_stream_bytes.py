from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.protocols.stream_bytes import ByteWindow, GapIndex, MemoryStream, Range, pieces

RANGES = st.sets(st.integers(0, 60), max_size=12).map(
    lambda edges: list(zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False))
)


@given(RANGES, st.integers(0, 70))
def test_gap_index_agrees_with_a_set_of_offsets(gaps: list[Range], offset: int) -> None:
    missing = {i for start, end in gaps for i in range(start, end)}
    index = GapIndex(gaps)
    expected = offset
    while expected in missing:
        expected += 1
    assert index.after(offset) == expected
    end = offset
    while end < 70 and end not in missing:
        end += 1
    assert index.run_end(offset, 70) == (end if offset < 70 else 70)


@given(RANGES, st.integers(0, 70), st.integers(0, 70))
def test_gaps_within(gaps: list[Range], low: int, high: int) -> None:
    missing = {i for start, end in gaps for i in range(start, end) if low <= i < high}
    assert {i for start, end in GapIndex(gaps).within(low, high) for i in range(start, end)} == missing


@given(RANGES, st.lists(st.tuples(st.integers(0, 63), st.integers(0, 20)), max_size=20), st.integers(1, 9))
def test_window_never_shows_a_gap_and_never_lies(
    gaps: list[Range], asked: list[tuple[int, int]], first: int
) -> None:
    data = bytes(range(64))
    window = ByteWindow(MemoryStream(data, gaps))
    window.FIRST, window.MOST = first, 2 * first  # type: ignore[misc]
    index = GapIndex(gaps)
    for offset, n in asked:
        assert window.peek(offset, n) == data[offset : min(offset + n, index.run_end(offset, 64))]


def test_search_stays_inside_a_run_and_a_limit() -> None:
    window = ByteWindow(MemoryStream(b"a" * 50 + bytes(10) + b"b" * 50, [(50, 60)]))
    pattern = re.compile(rb"b")
    assert window.search(pattern, 0, 1000) is None
    assert window.search(pattern, 60, 1000) == (60, 61)
    assert window.search(re.compile(rb"a"), 3, 0) is None
    assert list(window.runs(10)) == [(10, 50), (60, 110)]


def test_stream_that_gives_less_than_it_says_does_not_hang() -> None:
    class Short(MemoryStream):
        @property
        def end(self) -> int:
            return 10_000

    window = ByteWindow(Short(b"abc"))
    assert window.search(re.compile(rb"x"), 0, 9000) is None
    assert window.peek(0, 5) == b"abc"


@given(
    st.lists(st.integers(0, 400), max_size=20).map(sorted),
    st.integers(1, 50),
    st.binary(min_size=400, max_size=400),
)
def test_pieces_are_the_ranges_joined(edges: list[int], size: int, data: bytes) -> None:
    ranges = list(zip(edges[::2], edges[1::2], strict=False))
    expected = b"".join(data[start:end] for start, end in ranges)
    assert b"".join(pieces(MemoryStream(data), ranges, size)) == expected


def test_times() -> None:
    stream = MemoryStream(b"x" * 10, times=[(2, 100), (5, 200)])
    assert [stream.time_at(i) for i in (0, 2, 4, 5, 9)] == [None, 100, 100, 200, 200]


def test_short_runs_that_lie_close_together_are_read_together() -> None:
    class Counted(MemoryStream):
        reads = 0

        def read(self, offset: int, n: int) -> bytes:
            self.reads += 1
            return super().read(offset, n)

    gaps = [(at + 16, at + 28) for at in range(0, 28_000, 28)]
    stream = Counted(b"x" * 28_000, gaps)
    window = ByteWindow(stream)
    assert [window.peek(start, 28) for start, _ in window.runs(0)] == [b"x" * 16] * 1_000
    assert stream.reads <= 28_000 // ByteWindow.FIRST + 2
