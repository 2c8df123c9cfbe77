from __future__ import annotations

import numpy as np
import pytest

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.fragments.buffer import SLOT_BITS, PieceBuffer


@pytest.fixture
def buffer() -> PieceBuffer:
    store = Store()
    store.add(b"0123456789abcdef", "test")
    # Two datagrams: "456" + "ab" at 0, "f01" at 100.
    return PieceBuffer(store, np.array([0, 3, 100, 101]), np.array([3, 2, 1, 2]), np.array([4, 10, 15, 0]))


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0, 5, b"456ab"),
        (1, 2, b"5"),
        (2, 4, b"6a"),
        (3, 99, b"ab"),  # ends with the datagram
        (50, 60, b""),
        (100, 103, b"f01"),
        (102, 200, b"1"),
        (103, 110, b""),
    ],
)
def test_slices(buffer: PieceBuffer, start: int, stop: int, expected: bytes) -> None:
    assert buffer[start:stop] == expected


def test_ranges_are_copied_to_their_places(buffer: PieceBuffer) -> None:
    memory = np.full(12, ord("."), np.uint8)
    buffer.copy_ranges(np.array([100, 1, 0, 3]), np.array([3, 3, 0, 9]), memory, np.array([8, 1, 0, 5]))
    assert memory.tobytes() == b".56a.ab.f01."


def test_nothing() -> None:
    none = np.empty(0, np.int64)
    buffer = PieceBuffer(Store(), none, none, none)
    assert (len(buffer), buffer[0:9], buffer.slices([], [])) == (0, b"", [])


def slotted(rng: np.random.Generator, dense: bool) -> PieceBuffer:
    """A buffer of 30 datagrams of a few pieces."""
    start, length = [], []
    for slot in range(30):
        at = (slot if dense else 3 * slot) << SLOT_BITS
        for size in rng.integers(1, 9, rng.integers(1, 7)).tolist():
            start.append(at)
            length.append(size)
            at += size
    store = Store()
    base = store.add(rng.bytes(100 * len(start)), "test")
    return PieceBuffer(store, np.array(start), np.array(length), base + np.arange(len(start)) * 100)


@pytest.mark.parametrize("dense", [True, False])
def test_many_slices_are_as_one_by_one(dense: bool) -> None:
    rng = np.random.default_rng(6)
    pieces = slotted(rng, dense)
    offset = (rng.integers(0, 30, 500) * (1 if dense else 3) << SLOT_BITS) + rng.integers(0, 30, 500)
    length = rng.integers(0, 40, 500)
    expected = [pieces[a : a + n] for a, n in zip(offset.tolist(), length.tolist(), strict=True)]
    assert pieces.slices(offset.tolist(), length.tolist()) == expected


def test_a_slice_before_all_pieces_is_empty() -> None:
    pieces = PieceBuffer(Store(), np.array([5 << SLOT_BITS]), np.array([3]), np.array([0]))
    assert pieces.slices([0], [9]) == [b""]
