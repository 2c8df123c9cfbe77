"""Windows: reused memory and words at any alignment."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tcpflow_scapy.capture.frames import BATCH_PADDING, BATCHES_ALIVE
from tcpflow_scapy.capture.medium import MemoryMedium
from tcpflow_scapy.capture.windows import Windows

DATA = bytes(range(1, 256)) * 10
MEDIUM = MemoryMedium(DATA, "m")


def test_bytes_padding_and_base() -> None:
    window = Windows(100).read(MEDIUM, 50)
    assert (window.base, window.end) == (50, 100)
    assert window.memory[:100].tobytes() == DATA[50:150]
    assert window.memory[100 : 100 + BATCH_PADDING].tobytes() == bytes(BATCH_PADDING)
    last = Windows(100).read(MEDIUM, len(DATA) - 7)
    assert last.end == 7
    assert last.memory[7 : 7 + BATCH_PADDING].tobytes() == bytes(BATCH_PADDING)
    assert Windows().read(MEDIUM, len(DATA) + 5).end == 0


def test_words_of_every_alignment_end_with_the_bytes() -> None:
    for size in (0, 3, 4, 5, 6, 7, 8, 97):
        window = Windows(size or 1).read(MEDIUM, 0 if size else len(DATA))
        for at in range(size + 4):
            if at + 4 <= window.end:
                assert window.words[at & 3][at >> 2] == int.from_bytes(DATA[at : at + 4], sys.byteorder)
            else:
                with pytest.raises(IndexError):
                    window.words[at & 3][at >> 2]


def test_headers_are_gathered_from_any_position() -> None:
    window = Windows(64).read(MEDIUM, 0)
    dtype = np.dtype([("a", ">u2"), ("b", "<u4")])
    positions = np.array([0, 1, 5, 63])
    got = window.gather(dtype, positions)
    assert got["a"][:3].tolist() == [int.from_bytes(DATA[p : p + 2], "big") for p in (0, 1, 5)]
    assert got["b"][:3].tolist() == [int.from_bytes(DATA[p + 2 : p + 6], "little") for p in (0, 1, 5)]
    assert int(got["b"][3]) == 0
    assert len(window.gather(dtype, np.empty(0, np.int64))) == 0


def test_memory_is_used_again_only_after_enough_batches() -> None:
    windows = Windows(100)
    first = windows.read(MEDIUM, 0)
    assert np.shares_memory(windows.read(MEDIUM, 100).memory, first.memory)
    for turn in range(1, BATCHES_ALIVE + 1):
        windows.keep()
        assert not np.shares_memory(windows.read(MEDIUM, turn * 100).memory, first.memory)
    windows.keep()
    assert np.shares_memory(windows.read(MEDIUM, 0).memory, first.memory)


def test_a_larger_window_takes_new_memory() -> None:
    windows = Windows(100)
    small = windows.read(MEDIUM, 0)
    large = windows.read(MEDIUM, 0, 2000)
    assert large.memory[:2000].tobytes() == DATA[:2000]
    assert small.memory[:100].tobytes() == DATA[:100]
    assert not np.shares_memory(small.memory, large.memory)
