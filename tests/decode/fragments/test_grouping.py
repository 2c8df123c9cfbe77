from __future__ import annotations

import numpy as np
import pytest

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.fragments.grouping import TIMEOUT, _stable_order, line_up
from tcpflow_scapy.decode.fragments.plan import FRAGMENT_DTYPES
from tcpflow_scapy.decode.packets import IPV6_BASE


def table(*rows: dict[str, int]) -> dict[str, np.ndarray]:
    base = {"source": 1, "destination": 2, "protocol": 6, "identification": 3, "time": 0}
    full = [{"length": row["wire_length"], **base, **row} for row in rows]
    return {
        name: np.array([row.get(name, 0) for row in full], dtype) for name, dtype in FRAGMENT_DTYPES.items()
    }


def first(**more: int) -> dict[str, int]:
    return {"offset": 0, "wire_length": 8, "more": 1, **more}


def last(**more: int) -> dict[str, int]:
    return {"offset": 8, "wire_length": 4, "more": 0, **more}


def datagrams(*rows: dict[str, int], keys: list[int] | None = None) -> list[list[int]]:
    found = line_up(table(*rows), np.arange(len(rows)), np.array(keys or [0] * len(rows)))
    return [part.tolist() for part in np.split(found.index, np.flatnonzero(found.new)[1:])]


def test_by_header_in_order_of_place() -> None:
    assert datagrams(last(), first()) == [[1, 0]]
    for name in ("source", "destination", "protocol", "identification"):
        assert sorted(datagrams(first(), last(**{name: 9}))) == [[0], [1]]
    assert sorted(datagrams(first(), last(), keys=[0, 1])) == [[0], [1]]


def test_the_protocol_does_not_count_in_ipv6() -> None:
    assert datagrams(first(source=IPV6_BASE), last(source=IPV6_BASE, protocol=17)) == [[0, 1]]


def test_repetitions_that_are_whole_are_datagrams_of_their_own() -> None:
    assert datagrams(first(), last(), last(), first(), first(), last()) == [[0, 1], [3, 2], [4, 5]]


def test_repetitions_that_interleave_or_are_not_whole_stay_together() -> None:
    assert datagrams(first(), first(), last(), last()) == [[0, 1, 2, 3]]
    assert datagrams(first(), first(), last()) == [[0, 1, 2]]


@pytest.mark.parametrize("gap", [TIMEOUT, TIMEOUT + 1])
def test_time(gap: int) -> None:
    expected = [[0, 1]] if gap == TIMEOUT else [[0], [1]]
    assert sorted(datagrams(first(time=5), last(time=5 + gap))) == expected
    assert sorted(datagrams(first(time=5 + gap), last(time=5))) == expected


def test_unknown_times_tell_nothing() -> None:
    assert datagrams(first(time=NO_TIME), last(time=10**18)) == [[0, 1]]
    others = [first(identification=9), last(identification=9, time=2 * TIMEOUT)]
    assert [0, 1] in datagrams(first(time=NO_TIME), last(time=5), *others)


def test_datagrams_in_the_order_of_their_first_fragments() -> None:
    rows = [first(identification=n) for n in (7, 3, 9)] + [last(identification=n) for n in (9, 7, 3)]
    # The two of 9 have no other in between.
    assert datagrams(*rows) == [[2, 3], [0, 4], [1, 5]]


@pytest.mark.parametrize("shift", [0, 58])
def test_keys_of_any_size_are_sorted_and_equal_ones_keep_their_order(shift: int) -> None:
    keys = np.random.default_rng(2).integers(0, 5, 60) << shift
    assert _stable_order(keys).tolist() == np.argsort(keys, kind="stable").tolist()
