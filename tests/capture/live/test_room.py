"""Room is reserved before it is used, and refusals change nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tcpflow_scapy.capture.live import room as module
from tcpflow_scapy.capture.live.room import STEP, Room


def test_what_is_reserved_is_no_part_of_the_file(tmp_path: Path) -> None:
    with (tmp_path / "a").open("w+b") as file:
        Room(file.fileno()).ensure(0, 1000)
        status = os.fstat(file.fileno())
        assert status.st_size == 0
        assert status.st_blocks * 512 >= 1000


def test_it_is_asked_for_in_large_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def reserve(descriptor: int, mode: int, start: int, length: int) -> int:
        asked.append((start, length))
        return 0

    monkeypatch.setattr(module, "_fallocate", lambda: reserve)
    room = Room(0)
    for start in range(0, 3 * STEP, STEP // 4):
        room.ensure(start, start + STEP // 4)
    assert len(asked) <= 4


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_asked_for_less(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def reserve(descriptor: int, mode: int, start: int, length: int) -> int:
        return 0 if start + length <= 5000 else -1

    monkeypatch.setattr(module, "_fallocate", lambda: reserve)
    monkeypatch.setattr(module.ctypes, "get_errno", lambda: number)
    room = Room(0)
    room.ensure(0, 4000)
    room.ensure(4000, 5000)
    with pytest.raises(OSError, match=os.strerror(number)):
        room.ensure(5000, 5001)


def test_file_systems_that_cannot_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_fallocate", lambda: lambda *words: -1)
    monkeypatch.setattr(module.ctypes, "get_errno", lambda: errno.EOPNOTSUPP)
    Room(0).ensure(0, 1 << 40)
