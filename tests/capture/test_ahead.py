"""Reading ahead gives what reading gives."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest

from tcpflow_scapy.capture.ahead import HEAD
from tcpflow_scapy.capture.file_bytes import FileMedium
from tcpflow_scapy.capture.frames import BATCH_PADDING
from tcpflow_scapy.capture.medium import Medium
from tcpflow_scapy.capture.windows import Window, Windows
from tcpflow_scapy.errors import CaptureOSError

SIZE = 1_000


@pytest.fixture
def data() -> bytes:
    return random.Random(3).randbytes(20 * SIZE + 321)


@pytest.fixture
def medium(tmp_path: Path, data: bytes) -> Medium:
    path = tmp_path / "file"
    path.write_bytes(data)
    return FileMedium(os.open(path, os.O_RDONLY), str(path))


def check(window: Window, data: bytes, offset: int) -> None:
    assert window.base == offset
    assert window.end >= min(SIZE, len(data) - offset)
    assert window.memory[: window.end].tobytes() == data[offset : offset + window.end]
    assert window.memory[window.end : window.end + BATCH_PADDING].tobytes() == bytes(BATCH_PADDING)


@pytest.mark.parametrize("back", [0, 1, 17, 999])
def test_windows_that_follow_each_other(medium: Medium, data: bytes, back: int) -> None:
    windows, offset, reads = Windows(SIZE), 0, 0
    while offset < len(data):
        window = windows.read(medium, offset)
        check(window, data, offset)
        windows.keep()
        offset += max(window.end - back, 1)
        reads += 1
    assert reads >= 20
    windows.settle()
    medium.close()


def test_a_batch_outlives_the_next_read(medium: Medium, data: bytes) -> None:
    windows = Windows(SIZE)
    offset, before = 0, None
    while offset < len(data):
        window = windows.read(medium, offset)
        if before is not None:
            check(before, data, before.base)
        windows.keep()
        before, offset = window, offset + window.end
    windows.settle()


def test_jumps_and_long_windows(medium: Medium, data: bytes) -> None:
    windows, rng = Windows(SIZE), random.Random(5)
    for _ in range(200):
        offset, length = rng.randrange(len(data)), rng.choice([0, 0, 5 * SIZE])
        check(windows.read(medium, offset, length), data, offset)
        if rng.random() < 0.5:
            windows.keep()
    windows.settle()


def test_memory_is_used_again(medium: Medium) -> None:
    windows, seen = Windows(SIZE), []
    for turn in range(12):
        seen.append(windows.read(medium, turn * SIZE).memory)
        windows.keep()
    assert any(np.shares_memory(seen[11], old) for old in seen[:11])
    assert len(seen[5]) <= HEAD + SIZE + BATCH_PADDING


def test_trouble_shows_when_the_bytes_are_needed(medium: Medium, monkeypatch: pytest.MonkeyPatch) -> None:
    windows = Windows(SIZE)

    def fails(view: memoryview, offset: int) -> int:
        raise CaptureOSError("disk on fire", path="x", offset=offset)

    windows.read(medium, 0)
    windows.settle()
    windows.read(medium, 0)
    monkeypatch.setattr(medium, "read_into", fails)
    windows.read(medium, SIZE)
    with pytest.raises(CaptureOSError, match="disk on fire"):
        windows.read(medium, 2 * SIZE)
    windows.settle()
