"""Times of pcapng against Python's integers, which never overflow."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.capture.formats.pcapng_times import nanoseconds
from tcpflow_scapy.capture.frames import NO_TIME


def exact(ticks: int, resolution: int, offset: int) -> int:
    unit = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
    time = ticks * 10**9 // unit
    if time >= 1 << 63:
        return NO_TIME
    return time + offset * 10**9 if -(1 << 63) < time + offset * 10**9 < 1 << 63 else NO_TIME


rows = st.lists(
    st.tuples(
        st.integers(0, 2**64 - 1) | st.integers(0, 2 * 10**18),
        st.sampled_from([0, 3, 6, 9, 10, 12, 19, 29, 127]) | st.integers(0, 127) | st.integers(128, 128 + 34),
        st.sampled_from([0, 0, 0, 1, -1, 10**6, -(10**6)]) | st.integers(-(2**63), 2**63 - 1),
    ),
    max_size=20,
)


@given(rows)
def test_any_resolution_and_offset(values: list[tuple[int, int, int]]) -> None:
    columns = list(zip(*values, strict=True)) or [(), (), ()]
    out = nanoseconds(
        np.array(columns[0], np.uint64), np.array(columns[1], np.uint8), np.array(columns[2], np.int64)
    )
    assert out.tolist() == [exact(*value) for value in values]


@given(st.integers(0, 2**64 - 1), st.integers(35, 127))
def test_fine_powers_of_two_are_right_to_a_nanosecond(ticks: int, shift: int) -> None:
    out = nanoseconds(np.array([ticks], np.uint64), np.array([128 + shift], np.uint8), np.zeros(1, np.int64))
    assert abs(int(out[0]) - (ticks * 10**9 >> shift)) <= 1
