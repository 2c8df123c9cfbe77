from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tcpflow_scapy.errors import CaptureOSError
from tcpflow_scapy.live import cold_columns
from tcpflow_scapy.live.cold_columns import DiskColumn, DiskTable


def test_a_column_holds_what_was_appended(tmp_path: Path) -> None:
    column = DiskColumn(np.uint32, str(tmp_path))
    assert column.view().tolist() == []
    whole: list[int] = []
    earlier = []
    for number in range(200):
        part = np.arange(number, number + 1000)
        column.append(part)
        whole += part.tolist()
        if number % 20 == 0:
            earlier.append((column.view(), len(whole)))
    assert column.view().dtype == np.uint32
    assert column.view().tolist() == whole
    assert len(column) == len(whole)
    for view, length in earlier:
        assert view.tolist() == whole[:length]
    assert not os.listdir(tmp_path)


def test_views_outlive_the_column(tmp_path: Path) -> None:
    column = DiskColumn(np.int64, str(tmp_path))
    column.append(np.arange(5))
    view = column.view()
    column.close()
    assert len(column) == 0
    assert view.tolist() == [0, 1, 2, 3, 4]
    assert not view.flags.writeable


def test_memory_is_not_private(tmp_path: Path) -> None:
    def anonymous() -> int:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous"))

    if not Path("/proc/self/smaps_rollup").exists():
        pytest.skip("Linux tells what is private")
    column = DiskColumn(np.int64, str(tmp_path))
    part = np.arange(1 << 16)
    before = anonymous()
    for _ in range(100):
        column.append(part)
    assert int(column.view().sum()) == 100 * int(part.sum())
    assert anonymous() - before < 8 << 10


def test_a_table_has_columns_of_one_length(tmp_path: Path) -> None:
    table = DiskTable({"a": np.int64, "b": np.uint8}, str(tmp_path))
    table.append({"a": np.array([1, 2, 3]), "b": np.array([4, 5, 6]), "more": np.array([7])})
    assert len(table) == 3
    assert table.column("b").tolist() == [4, 5, 6]
    assert {name: column.tolist() for name, column in table.rows(np.array([2, 0])).items()} == {
        "a": [3, 1],
        "b": [6, 4],
    }
    with pytest.raises(ValueError, match="no table"):
        table.append({"a": np.array([1]), "b": np.array([], np.uint8)})
    table.close()
    assert len(table) == 0


def test_no_place_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(CaptureOSError, match="absent"):
        DiskColumn(np.int64, str(tmp_path / "absent"))


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    column = DiskColumn(np.int64, str(tmp_path))

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cold_columns.os, "pwrite", full)
    with pytest.raises(CaptureOSError, match="No space"):
        column.append(np.arange(3))
