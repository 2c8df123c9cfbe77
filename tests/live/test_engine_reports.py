from __future__ import annotations

from pathlib import Path

import numpy as np

from tcpflow_scapy.live.engine_reports import Reports


def note(reports: Reports, *rows: tuple[int, int, int, int]) -> None:
    """(key, first, last, packets)"""
    key, first, last, packets = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    reports.append(key.astype(np.uint64), first, last, packets)


def packets(reports: Reports, *asked: tuple[int, int]) -> list[int]:
    key, first = (np.array(column, np.int64) for column in zip(*asked, strict=True))
    return reports.packets(key.astype(np.uint64), first).tolist()


def test_the_newest_report_counts(tmp_path: Path) -> None:
    reports = Reports(str(tmp_path))
    assert packets(reports, (1, 0)) == [-1]
    note(reports, (7, 3, 9, 4), (1, 0, 5, 2))
    note(reports, (7, 3, 20, 6), (7, 30, 31, 2))
    assert packets(reports, (1, 0), (7, 3), (7, 30), (7, 4), (2, 0)) == [2, 6, 2, -1, -1]
    assert len(reports) == 4


def sealed(reports: Reports, pairs: list[int], *rows: tuple[int, int]) -> list[int]:
    """Rows are (index into pairs, frame)."""
    which, frames = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return reports.sealed(np.array(pairs, np.uint64), which, frames).tolist()


def test_old_connections_that_rest_are_sealed(tmp_path: Path) -> None:
    reports = Reports(str(tmp_path))
    rows = [(0, frame) for frame in (9, 8, 0, 1, 2, 3, 4, 5, 6, 7)]
    assert sealed(reports, [5], *rows) == [-1]
    note(reports, (5, 0, 1, 2), (5, 2, 3, 2), (5, 4, 5, 2), (5, 6, 7, 2))
    # The newest two are spared.
    assert sealed(reports, [5], *rows) == [3]
    assert sealed(reports, [4, 5], (0, 0), *((1, frame) for _, frame in rows)) == [-1, 3]


def test_a_straggler_breaks_the_seal(tmp_path: Path) -> None:
    reports = Reports(str(tmp_path))
    note(reports, (5, 0, 1, 2), (5, 2, 4, 2), (5, 5, 6, 2), (5, 7, 8, 2))
    # Frame 3 is of no report.
    assert sealed(reports, [5], *((0, frame) for frame in range(9))) == [1]
    note(reports, (5, 2, 4, 3))
    assert sealed(reports, [5], *((0, frame) for frame in range(9))) == [4]
