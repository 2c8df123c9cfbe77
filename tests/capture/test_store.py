"""Buffers in one address space."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tcpflow_scapy.capture.file_bytes import FileBytes
from tcpflow_scapy.capture.store import ADDRESS_SHIFT, Store


def test_addresses_lead_to_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"mapped bytes")
    store = Store()
    first = store.add(FileBytes(os.open(path, os.O_RDONLY), "file"), "file")
    second = store.add(b"in memory", "memory")
    assert (first, second) == (0, 1 << ADDRESS_SHIFT)
    assert len(store) == 2
    assert store.read(first + 7, 5) == b"bytes"
    assert store.read(second + 3, 100) == b"memory"
    assert store.name(first + 3) == "file"
    assert store.name(second) == "memory"
    assert store.slices([first, first + 7], [6, 5]) == [b"mapped", b"bytes"]
    assert store.slices([second + 3, first], [6, 3]) == [b"memory", b"map"]
    assert store.slices([], []) == []
    joined = store.joined(np.array([second + 3, first, first + 7]), np.array([6, 3, 5]))
    assert joined.tobytes() == b"memorymapbytes"


def test_a_buffer_may_grow() -> None:
    store = Store()
    address = store.add(b"", "datagrams")
    store.replace(address, bytearray(b"more"))
    assert store.read(address, 4) == b"more"


def test_ranges_of_several_buffers_come_in_the_order_asked_for() -> None:
    store = Store()
    first, second, third = (store.add(bytes([n]) * 10, str(n)) for n in (1, 2, 3))
    wanted = [third, first + 2, second, third + 5, first]
    lengths = [1, 2, 3, 4, 5]
    assert store.slices(wanted, lengths) == [store.read(a, n) for a, n in zip(wanted, lengths, strict=True)]
