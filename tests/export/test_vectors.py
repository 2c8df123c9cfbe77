"""Parts of a memory into a file by the C library's pwritev."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.export import vectors
from tcpflow_scapy.export.vectors import ShortVectors, system_writer, write_vectors

SOURCE = os.urandom(5_000)


@pytest.fixture
def file() -> Iterator[int]:
    descriptor = os.memfd_create("stream")
    yield descriptor
    os.close(descriptor)


def columns(runs: list[tuple[int, int, int]]) -> tuple[list[np.ndarray], bytes]:
    """Columns of (gap before, length, place) runs, and the file they make."""
    offsets, lengths, places, whole = [], [], [], bytearray()
    for gap, length, place in runs:
        whole += bytes(gap)
        offsets.append(len(whole))
        lengths.append(length)
        places.append(place)
        whole += SOURCE[place : place + length]
    return [np.array(c, np.int64) for c in (offsets, lengths, places)], bytes(whole)


RUNS = st.lists(
    st.tuples(st.sampled_from([0, 0, 0, 3]), st.integers(1, 50), st.integers(0, 4_900)), min_size=1
)


@given(runs=RUNS, vector=st.sampled_from([1, 2, 7, 1024]))
def test_everything_is_where_it_belongs(runs: list[tuple[int, int, int]], vector: int) -> None:
    found, whole = columns(runs)
    descriptor = os.memfd_create("stream")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(vectors, "VECTOR", vector)
            assert write_vectors(descriptor, SOURCE, *found)
        assert os.pread(descriptor, len(whole) + 1, 0) == whole
    finally:
        os.close(descriptor)


def test_more_segments_than_one_call_takes(file: int) -> None:
    found, whole = columns([(0, 2, i) for i in range(3_000)])
    assert write_vectors(file, SOURCE, *found)
    assert os.pread(file, len(whole) + 1, 0) == whole


def test_nothing_beyond_the_memory_is_read(file: int) -> None:
    for place, length in ((4_990, 11), (-1, 5), (1 << 40, 5)):
        assert not write_vectors(file, SOURCE, np.array([0]), np.array([length]), np.array([place]))
    assert os.fstat(file).st_size == 0


def test_a_file_that_cannot_be_written_is_no_success() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        assert not write_vectors(full.fileno(), SOURCE, np.array([0]), np.array([5]), np.array([0]))


def test_a_map_of_a_file_that_became_shorter_does_no_harm(tmp_path: os.PathLike[str], file: int) -> None:
    path = os.path.join(tmp_path, "capture")
    with open(path, "wb") as made:
        made.write(bytes(100_000))
    with open(path, "r+b") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        opened.truncate(10)
        # The system refuses to read the lost pages; reading them here would end the program.
        assert not write_vectors(file, memory, np.array([0]), np.array([5_000]), np.array([90_000]))


def test_the_system_has_it() -> None:
    assert system_writer() is not None


def test_a_system_without_it(monkeypatch: pytest.MonkeyPatch, file: int) -> None:
    monkeypatch.setattr(vectors, "system_writer", lambda: None)
    assert not write_vectors(file, SOURCE, np.array([0]), np.array([5]), np.array([0]))


@given(runs=RUNS, table=st.sampled_from([1, 4, 1 << 14]), order=st.randoms())
def test_short_streams_in_any_order(runs: list[tuple[int, int, int]], table: int, order: object) -> None:
    lengths, places = (np.array([run[i] for run in runs], np.int64) for i in (1, 2))
    borders = [*range(0, len(runs), 3), len(runs)]
    streams = list(pairwise(borders))
    order.shuffle(streams)  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "TABLE", table)
        short = ShortVectors(SOURCE, lengths, places)
        for start, stop in streams:
            whole = b"".join(SOURCE[place : place + length] for _, length, place in runs[start:stop])
            descriptor = os.memfd_create("stream")
            try:
                assert short.write(descriptor, start, stop, 7, len(whole))
                assert os.pread(descriptor, len(whole) + 10, 0) == bytes(7) + whole
            finally:
                os.close(descriptor)


def test_short_streams_that_cannot_be_written(file: int) -> None:
    lengths, places = np.array([5, 11]), np.array([0, 4_990])
    # One of them lies beyond the memory: nothing of the table is believed.
    assert not ShortVectors(SOURCE, lengths, places).write(file, 0, 1, 0, 5)
    many = ShortVectors(SOURCE, np.ones(2_000, np.int64), np.zeros(2_000, np.int64))
    assert not many.write(file, 0, 2_000, 0, 2_000)
    assert os.fstat(file).st_size == 0
