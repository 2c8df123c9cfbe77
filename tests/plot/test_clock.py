"""The time axis: when there is a clock, what it counts, and how far."""

from __future__ import annotations

import numpy as np
import pytest

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.plot.clock import Clock, calendar, has_clock, nanoseconds, stopwatch
from tests.helpers.answers import flows_of
from tests.helpers.traffic import Capture, play
from tests.plot.talks import damaged

SCRIPT = "> SYN\n< SYN ACK\n> ACK\n> 'x'"


def with_times(*times: int) -> object:
    flows = flows_of(play(SCRIPT))
    flows._evidence.frames.time[:] = times
    return flows._evidence


@pytest.mark.parametrize(
    ("times", "ticking"),
    [
        ((0, 0, 0, 0), False),
        ((NO_TIME,) * 4, False),
        ((7, 7, 7, 7), False),
        ((0, 0, 0, 1), True),
        ((NO_TIME, 5, NO_TIME, 9), True),
    ],
)
def test_a_clock_is_one_that_ticks(times: tuple[int, ...], ticking: bool) -> None:
    assert has_clock(with_times(*times)) is ticking  # type: ignore[arg-type]


def test_a_single_frame_with_a_time_has_one() -> None:
    assert has_clock(flows_of(play("> SYN"))._evidence)
    assert not has_clock(flows_of(Capture(play("> SYN")).without_times())._evidence)


def test_without_any_time_of_its_own_a_selection_counts_frames() -> None:
    evidence = with_times(1, 2, NO_TIME, NO_TIME)
    assert calendar(evidence, np.array([1, NO_TIME])).ticking  # type: ignore[arg-type]
    assert not calendar(evidence, np.array([NO_TIME, NO_TIME])).ticking  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("step", "unit"),
    [
        (100, "µs"),
        (100_000, "µs"),
        (1_000_000, "ms"),
        (10**9, "s"),
        (3600 * 10**9, "h"),
        (86400 * 10**9, "d"),
    ],
)
def test_the_unit_suits_the_length_of_the_flow(step: int, unit: str) -> None:
    flows = flows_of(Capture(damaged(), step=step))
    clock = stopwatch(flows._evidence, 0)
    assert clock.unit[0] == unit
    assert clock.axis.label == f"time since 2023-11-14T22:13:20.000Z ({unit})"
    times = flows._evidence.frames.time
    places = clock.at(times, np.arange(1, len(times) + 1))
    np.testing.assert_allclose(places, (times - times[0]) / clock.unit[1])
    assert clock.limits is not None
    assert clock.limits[0] < 0 < places[-1] < clock.limits[1]


def test_nanoseconds_are_kept() -> None:
    clock = Clock(True, 1_700_000_000_000_000_000, ("µs", 1000))
    assert clock.at(np.array([1_700_000_000_000_000_001]), np.array([1])).tolist() == [0.001]


def test_unknown_times_have_no_place() -> None:
    times = np.array([NO_TIME, 10])
    assert np.isnan(Clock(True).at(times, times)).tolist() == [True, False]
    assert np.isnan(Clock(True, 5).at(times, times)).tolist() == [True, False]
    assert Clock(False).at(times, np.array([3, 4])).tolist() == [3, 4]


def test_centuries_do_not_overflow() -> None:
    first, last = -(2**63) + 1, 2**63 - 1
    places = Clock(True, first, ("d", 86400 * 10**9)).at(np.array([first, last]), np.array([1, 2]))
    assert places[0] == 0
    assert places[1] == pytest.approx(2**64 / 86400e9)


def test_nanoseconds_of_a_column() -> None:
    flows = flows_of(play(SCRIPT))
    assert nanoseconds(flows.df["start"]).tolist() == [1_700_000_000 * 10**9]
    assert nanoseconds(flows.df["start"][:0]).tolist() == []
