"""Freed memory goes back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tcpflow_scapy.live import heap
from tcpflow_scapy.live.heap import SECONDS, Heap

SPLINTERS = """
import re, sys
import numpy as np
from tcpflow_scapy.live.heap import Heap, SECONDS
def private():
    return int(re.search(r"Anonymous: *([0-9]+)", open("/proc/self/smaps_rollup").read()).group(1)) << 10
now = [0.0]
heap = Heap(lambda: now[0])
# Every second block stays, and between them lie 64 MB that nobody needs.
blocks = [np.ones(size, np.uint8) for _ in range(1000) for size in (65536, 600)]
stay = blocks[1::2]
del blocks
before = private()
now[0] += SECONDS
assert heap.trim()
print(before - private())
"""


def test_it_is_done_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(heap, "system_trim", lambda: calls.append)
    now = [100.0]
    some = Heap(lambda: now[0])
    assert not some.trim()
    now[0] += SECONDS
    assert some.trim()
    assert not some.trim()
    now[0] += SECONDS / 2
    assert not some.trim()
    now[0] += SECONDS / 2
    assert some.trim()
    assert calls == [0, 0]


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "system_trim", lambda: None)
    now = [0.0]
    some = Heap(lambda: now[0])
    now[0] += SECONDS
    assert not some.trim()


@pytest.mark.skipif(heap.system_trim() is None, reason="only glibc gives memory back when asked")
def test_splinters_go_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", SPLINTERS], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 40 << 20
