"""Where bytes of reassembled datagrams came from: by range as byte by byte."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.decode.packets import Origins

BUFFER = 1 << 40
PIECES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 9), st.integers(0, 60)), min_size=1, max_size=12
)
RANGES = st.lists(st.tuples(st.integers(0, 80), st.integers(1, 30), st.booleans()), max_size=8)


@given(pieces=PIECES, ranges=RANGES)
def test_ranges_say_what_find_says_of_each_byte(
    pieces: list[tuple[int, int, int]], ranges: list[tuple[int, int, bool]]
) -> None:
    """Pieces (gap before, length, place); every third lies in an earlier piece."""
    start, length, address, at = [], [], [], BUFFER
    for number, (gap, size, place) in enumerate(pieces):
        nested = number % 3 == 2 and size <= length[number - 1]
        start.append(at + gap)
        length.append(size)
        address.append(start[number - 1] if nested else place)
        at += gap + size
    origins = Origins(
        np.array(start), np.array(length), np.array(address), np.arange(len(start), dtype=np.int32)
    )
    held = {byte for s, n in zip(start, length, strict=True) for byte in range(s, s + n)}
    # A range lies in a capture, or in pieces without a gap.
    asked = [(place + BUFFER * inside, n) for place, n, inside in ranges]
    asked = [(a, n) for a, n in asked if a < BUFFER or held.issuperset(range(a, a + n))]
    addresses, lengths = (np.array([x[i] for x in asked], np.int64) for i in range(2))
    told = {}
    columns = [c.tolist() for c in origins.ranges(addresses, lengths)]
    assert not any(columns.pop())
    for row, skip, place, n in zip(*columns, strict=True):
        for byte in range(n):
            assert (row, skip + byte) not in told
            told[row, skip + byte] = place + byte
    expected = {
        (row, byte): int(origins.find(np.array([a + byte]))[1][0])
        for row, (a, n) in enumerate(asked)
        for byte in range(n)
    }
    assert told == expected
