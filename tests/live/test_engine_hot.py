from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.packets import ACK, FIN, RST
from tcpflow_scapy.live.engine_hot import (
    FIN_HIGH,
    FIN_LOW,
    PATIENCE,
    RESET,
    SUSPECT,
    HotPairs,
    News,
    Progress,
    end_bits,
    finished,
    news_of,
    pair_keys,
)
from tests.properties.effort import kin

SECOND = 10**9


def ticks(*parts: list[int]) -> list[float]:
    progress = Progress()
    return [float(x) for part in parts for x in progress.tick(np.array(part, np.int64))]


def test_the_clock_goes_on_with_the_capture() -> None:
    start = 1_600_000_000 * SECOND
    assert ticks([start, start + SECOND], [start + 3 * SECOND]) == [0, 1, 3]


def test_a_little_out_of_order_is_no_time() -> None:
    assert ticks([5 * SECOND, 1 * SECOND, 6 * SECOND, 2 * SECOND], [NO_TIME, 5 * SECOND, 7 * SECOND]) == [
        0,
        0,
        1,
        1,
        1,
        1,
        2,
    ]


def test_a_clock_that_is_set_back_goes_on_from_there() -> None:
    hour = 3600 * SECOND
    assert ticks([hour, hour + SECOND, 0, SECOND], [2 * SECOND]) == [0, 1, 1, 2, 3]
    assert ticks([hour], [0], [SECOND]) == [0, 0, 1]


def test_a_wild_jump_happens_once() -> None:
    wild = 9 * 10**18
    clock = ticks([0, wild, SECOND, 2 * SECOND, -wild, 3 * SECOND])
    assert clock[2:4] == [clock[1], clock[1] + 1]
    assert np.isfinite(clock).all()
    assert ticks([NO_TIME], []) == [0]


@kin
@given(
    st.lists(st.one_of(st.integers(0, 10**12), st.sampled_from([NO_TIME, 2**63 - 1, -(2**62)])), max_size=40)
)
def test_it_never_runs_backwards_and_does_not_care_for_borders(times: list[int]) -> None:
    whole = ticks(times)
    assert whole == sorted(whole)
    assert whole == pytest.approx(ticks(*([time] for time in times)))


def test_times_that_are_noise_cost_no_time() -> None:
    noise = np.tile(np.array([0, 10**15], np.int64), 50_000)
    clock = Progress().tick(noise)
    assert (np.diff(clock) >= 0).all()


endpoints = st.integers(0, (1 << 49) - 1)


@kin
@given(st.lists(st.tuples(endpoints, endpoints), min_size=1, max_size=50), st.integers(0, 2**63 - 1))
def test_keys_are_those_of_pairs_whichever_way(pairs: list[tuple[int, int]], salt: int) -> None:
    source, destination = (np.array(column, np.uint64) for column in zip(*pairs, strict=True))
    keys = pair_keys(source, destination, salt)
    assert (keys == pair_keys(destination, source, salt)).all()
    distinct = {tuple(sorted(pair)) for pair in pairs}
    assert len(set(keys.tolist())) == len(distinct)


def test_keys_of_neighbours_are_spread() -> None:
    ports = np.arange(100_000, dtype=np.uint64)
    keys = pair_keys(ports, np.full(len(ports), 80, np.uint64), 1)
    assert len(np.unique(keys >> np.uint64(48))) > 40_000
    assert (keys != pair_keys(ports, np.full(len(ports), 80, np.uint64), 2)).all()


def test_what_packets_say_of_the_end() -> None:
    flags = np.array([ACK, FIN | ACK, FIN, RST, RST | FIN], np.uint16)
    source = np.array([1, 1, 9, 1, 9], np.uint64)
    bits = end_bits(flags, source, np.uint64(10) - source)
    assert bits.tolist() == [0, FIN_LOW, FIN_HIGH, RESET, RESET]
    ended = finished(np.array([0, FIN_LOW, FIN_HIGH, FIN_LOW | FIN_HIGH, RESET, SUSPECT], np.uint8))
    assert ended.tolist() == [False, False, False, True, True, True]


def news(*rows: tuple[int, float, int]) -> News:
    """(key, clock, bits) of packets."""
    keys, clock, bits = zip(*rows, strict=True)
    return news_of(np.array(keys, np.uint64), np.array(clock, float), np.array(bits, np.uint8))


def test_packets_are_put_together_by_pair() -> None:
    found = news((5, 1.0, FIN_LOW), (3, 2.0, 0), (5, 3.0, FIN_HIGH))
    assert found.key.tolist() == [3, 5]
    assert found.last.tolist() == [2, 3]
    assert found.count.tolist() == [1, 2]
    assert found.bits.tolist() == [0, FIN_LOW | FIN_HIGH]
    assert not len(news_of(np.empty(0, np.uint64), np.empty(0), np.empty(0, np.uint8)).key)


def pairs_with(linger: float = 2.0, timeout: float | None = None) -> HotPairs:
    return HotPairs(linger, timeout)


def take(hot: HotPairs, found: News, before: int = 0) -> None:
    fresh = hot.unknown(found.key)
    hot.add(found.pick(fresh), np.full(int(fresh.sum()), before))
    hot.update(found)


def test_a_pair_is_due_when_it_has_ended_and_is_quiet() -> None:
    hot = pairs_with()
    take(hot, news((1, 0.0, 0), (2, 0.0, FIN_LOW)))
    assert hot.rows["due"].tolist() == [np.inf, np.inf]
    take(hot, news((2, 1.0, FIN_HIGH)))
    assert hot.rows["due"].tolist() == [np.inf, 3.0]
    take(hot, news((2, 1.5, 0)))
    assert hot.rows["due"].tolist() == [np.inf, 3.5]


def test_a_pair_that_is_never_quiet_is_due_in_the_end() -> None:
    hot = pairs_with()
    for second in range(100):
        take(hot, news((1, float(second), RESET)))
    assert hot.rows["due"].tolist() == [PATIENCE * 2.0]


def test_a_pair_that_comes_back_is_suspect() -> None:
    hot = pairs_with()
    take(hot, news((1, 7.0, 0)), before=12)
    assert hot.rows["count"].tolist() == [13]
    assert hot.rows["due"].tolist() == [9.0]


def test_what_was_looked_at_waits_for_news() -> None:
    hot = pairs_with(timeout=30.0)
    take(hot, news((1, 0.0, RESET), (2, 0.0, 0)))
    assert hot.rows["due"].tolist() == [2.0, 30.0]
    keys = hot.rows["key"][:1]
    hot.looked_at(keys, 2.0, np.array([FIN_LOW], np.uint8), np.array([np.inf]))
    assert hot.rows["due"].tolist() == [np.inf, 30.0]
    assert hot.rows["bits"].tolist() == [FIN_LOW, 0]
    take(hot, news((1, 5.0, FIN_HIGH)))
    assert hot.rows["due"].tolist() == [7.0, 30.0]
    hot.forget(np.array([True, False]))
    assert len(hot) == 1
    assert hot.unknown(np.array([1, 2], np.uint64)).tolist() == [True, False]


@pytest.mark.parametrize(
    ("seen", "count", "age", "grown"),
    [
        (0, 1, 0.0, True),
        (100, 100, 99.0, False),
        (100, 125, 0.5, False),
        (100, 125, 1.0, True),
        (100, 101, 1.0, True),
        (100_000, 100_001, 10.0, False),
        (100_000, 100_001, 20.1, True),
        (100_000, 125_000, 1.0, True),
    ],
)
def test_growth_is_looked_at_at_its_price(seen: int, count: int, age: float, grown: bool) -> None:
    hot = pairs_with()
    take(hot, news((1, 0.0, 0)))
    hot.rows["seen"][:], hot.rows["count"][:], hot.rows["looked"][:] = seen, count, 100.0
    assert hot.grown(100.0 + age).tolist() == [grown]
