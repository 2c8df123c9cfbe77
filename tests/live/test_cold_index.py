from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.live import cold_index
from tcpflow_scapy.live.cold_index import FAN, KeyIndex
from tests.properties.effort import kin


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("index"))


@kin
@given(
    parts=st.lists(st.lists(st.integers(0, 12), max_size=30), max_size=40),
    young=st.integers(1, 20),
    step=st.integers(1, 12),
    asked=st.sets(st.integers(0, 14)),
)
def test_it_finds_what_a_dictionary_finds(
    folder: str, parts: list[list[int]], young: int, step: int, asked: set[int]
) -> None:
    saved, cold_index.STEP = cold_index.STEP, step
    try:
        index = KeyIndex(folder, young)
        known: dict[int, list[int]] = defaultdict(list)
        row = 0
        for part in parts:
            # Keys from the whole range of 64 bits.
            keys = np.array(part, np.uint64) * np.uint64(1 << 60)
            index.append(keys, np.arange(row, row + len(part)))
            for key in keys.tolist():
                known[key].append(row)
                row += 1
            index.tidy()
        wanted = np.unique(np.array(sorted(asked), np.uint64) * np.uint64(1 << 60))
        which, rows = index.find(wanted)
        found: dict[int, list[int]] = defaultdict(list)
        for place, number in zip(which.tolist(), rows.tolist(), strict=True):
            found[int(wanted[place])].append(number)
        assert found == {key: known[key] for key in wanted.tolist() if key in known}
        assert index.contains(wanted).tolist() == [key in known for key in wanted.tolist()]
        assert index.counts(wanted).tolist() == [len(known.get(key, [])) for key in wanted.tolist()]
        assert len(index) == row
        index.close()
    finally:
        cold_index.STEP = saved


def test_runs_stay_few(tmp_path: Path) -> None:
    index = KeyIndex(str(tmp_path), 100)
    random = np.random.default_rng(7)
    for number in range(1000):
        index.append(random.integers(0, 1 << 63, 100).astype(np.uint64), np.arange(100) + number * 100)
        index.tidy()
    levels = [run.level for run in index._runs]
    assert levels == sorted(levels, reverse=True)
    assert max(levels) >= 4
    assert len(levels) <= 2 * FAN * (max(levels) + 1)


def test_a_key_with_more_rows_than_a_step_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold_index, "STEP", 8)
    index = KeyIndex(str(tmp_path), 50)
    for number in range(20):
        keys = np.array([5] * 45 + [number] * 5, np.uint64)
        index.append(keys, np.arange(50) + number * 50)
        for _ in range(20):
            index.tidy()
    which, rows = index.find(np.array([5], np.uint64))
    assert rows.tolist() == sorted(rows.tolist())
    assert len(rows) == len(which) == 45 * 20 + 5
