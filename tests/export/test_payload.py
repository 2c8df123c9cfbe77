"""Stream bytes into files: pieces, holes, hashes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.export import payload
from tcpflow_scapy.export.payload import MORE_ZEROS, Extents, ZerosToHash, pieces, write_extents
from tcpflow_scapy.export.vectors import write_vectors

SOURCE = bytes(range(256)) * 64


def extents_of(runs: list[tuple[int, int]]) -> tuple[Extents, bytes]:
    """Extents of (gap before, length) runs, and the stream they make."""
    offsets, lengths, addresses, stream, address = [], [], [], bytearray(), 0
    for gap, length in runs:
        stream += bytes(gap)
        offsets.append(len(stream))
        lengths.append(length)
        addresses.append(address)
        stream += SOURCE[address : address + length]
        address += length
    columns = (np.array(offsets, np.int64), np.array(lengths, np.uint32), np.array(addresses, np.int64))
    return Extents(*columns), bytes(stream)


@pytest.fixture
def store() -> Store:
    made = Store()
    made.add(SOURCE, "source")
    return made


def places(extents: Extents) -> set[int]:
    """Every stream offset that was captured."""
    runs = zip(extents.offset.tolist(), extents.length.tolist(), strict=True)
    return {offset + i for offset, length in runs for i in range(length)}


RUNS = st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 7]), st.integers(1, 40)), max_size=90)


@given(runs=RUNS, piece=st.sampled_from([1, 16, 100, 1 << 20]), few=st.sampled_from([0, 48]))
def test_pieces_are_the_stream(runs: list[tuple[int, int]], piece: int, few: int) -> None:
    store = Store()
    store.add(SOURCE, "source")
    extents, stream = extents_of(runs)
    found = bytearray(len(stream))
    end = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(payload, "PIECE", piece)
        patch.setattr(payload, "FEW", few)
        for offset, data in pieces(store, extents):
            assert offset >= end
            end = offset + len(data)
            found[offset:end] = data
    assert bytes(found) == stream


@given(runs=RUNS, limit=st.integers(0, 2000))
def test_a_limit_cuts_at_a_stream_offset(runs: list[tuple[int, int]], limit: int) -> None:
    extents, _ = extents_of(runs)
    limited = extents.limited(limit)
    kept = {place for place in places(extents) if place < limit}
    assert places(limited) == kept
    assert limited.captured == len(kept)
    assert limited.end == max(kept, default=-1) + 1


@given(runs=RUNS)
def test_hashes_are_those_of_the_file_as_it_reads(runs: list[tuple[int, int]]) -> None:
    store = Store()
    store.add(SOURCE, "source")
    extents, stream = extents_of(runs)
    descriptor = os.memfd_create("stream")
    try:
        digests = write_extents(descriptor, store, extents, ("sha256", "md5"))
        assert os.pread(descriptor, len(stream) + 1, 0) == stream
    finally:
        os.close(descriptor)
    assert digests == [hashlib.sha256(stream).hexdigest(), hashlib.md5(stream).hexdigest()]


def test_a_gap_takes_no_room(store: Store, tmp_path: Path) -> None:
    extents = Extents(np.array([0, 1 << 40]), np.array([5, 5], np.uint32), np.array([0, 5]))
    with open(tmp_path / "sparse", "wb") as file:
        write_extents(file.fileno(), store, extents)
    status = os.stat(tmp_path / "sparse")
    assert status.st_size == (1 << 40) + 5
    assert status.st_blocks * 512 < 1 << 20


def test_gaps_are_hashed_as_far_as_there_is_data() -> None:
    zeros = ZerosToHash()
    assert zeros.allow(3 * 10**9, 10**9)
    assert not zeros.allow(3 * 10**9 + 1, 10**9)
    # Little data and much gap: only a few of these.
    assert sum(zeros.allow(1_000_000, 10) for _ in range(100)) == MORE_ZEROS // 1_000_000
    assert zeros.allow(30, 10)


def test_short_writes_are_continued(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: real(fd, bytes(data[:7]), offset))
    extents, stream = extents_of([(0, 100), (50, 100)])
    descriptor = os.memfd_create("stream")
    write_extents(descriptor, store, extents)
    assert os.pread(descriptor, 1000, 0) == stream
    os.close(descriptor)


def test_a_full_disk_is_an_error(store: Store) -> None:
    extents, _ = extents_of([(0, 100)])
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OSError, match="No space"):
        write_extents(full.fileno(), store, extents)


@pytest.mark.parametrize("trouble", ["none", "short", "refused"])
def test_long_segments_are_copied_by_the_system(trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Store()
    made.add(SOURCE, "source")
    calls: list[int] = []

    def vectors(descriptor: int, memory: bytes, *columns: object) -> bool:
        calls.append(len(memory))
        if trouble == "none":
            return write_vectors(descriptor, memory, *columns)  # type: ignore[arg-type]
        if trouble == "short":
            os.pwrite(descriptor, memory[:5], 10)
        return False

    monkeypatch.setattr(payload, "write_vectors", vectors)
    extents, stream = extents_of([(10, 300), (0, 400), (70, 600)])
    descriptor = os.memfd_create("stream")
    assert write_extents(descriptor, made, extents) == []
    assert os.pread(descriptor, len(stream) + 1, 0) == stream
    os.close(descriptor)
    assert calls == [len(SOURCE)]
