"""Intervals: round, few, and everything is in exactly one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.plot.bins import BINS, MOST, make_bins
from tcpflow_scapy.plot.clock import Clock

NONE = np.empty(0, np.int64)
START = 1_700_000_000 * 10**9


@pytest.mark.parametrize("span", [0, 1, 7, 999, 10**6, 10**9 + 3, 3600 * 10**9, 86400 * 10**9, 2**62])
@pytest.mark.parametrize("ticking", [True, False])
def test_everything_is_in_one_of_few(span: int, ticking: bool) -> None:
    values = (
        np.array([START, START + span // 2, START + span])
        if ticking
        else np.array([1, 1 + span // 2, 1 + span])
    )
    bins = make_bins(Clock(ticking), values, values)
    assert 1 <= bins.count <= BINS
    places = bins.of(values, values)
    for value, place in zip(values.tolist(), places.tolist(), strict=True):
        begin = bins.first + place * bins.width
        assert begin <= value < begin + bins.width
    assert places.max() == bins.count - 1
    assert len(bins.index()) == bins.count == len(bins.edges) - 1


def test_lengths_are_round_and_borders_too() -> None:
    times = np.array([START + 3, START + 9 * 10**9])
    bins = make_bins(Clock(True), times, times)
    assert bins.text == "100 ms"
    assert bins.seconds == 0.1
    assert bins.first % bins.width == 0
    index = bins.index()
    assert isinstance(index, pd.DatetimeIndex)
    assert str(index[0]) == "2023-11-14 22:13:20+00:00"


def test_the_caller_can_choose() -> None:
    times = np.array([START, START + 10**9])
    assert make_bins(Clock(True), times, times, "250ms").count == 5
    assert make_bins(Clock(True), times, times, pd.Timedelta("1s")).count == 2
    bins = make_bins(Clock(False), NONE, np.array([1, 100]), 10)
    assert bins.text == "10 frames"
    assert bins.index().tolist() == list(range(1, 101, 10))
    assert make_bins(Clock(False), NONE, np.array([1, 5]), np.int64(1)).text == "frame"


@pytest.mark.parametrize("every", ["soon", "0s", "-1s", object(), "NaT", 10**30])
def test_what_is_no_length_of_time_is_refused(every: object) -> None:
    with pytest.raises(ValueError, match="every must be"):
        make_bins(Clock(True), np.array([START]), NONE, every)


@pytest.mark.parametrize("every", ["1s", 0, -1, 2.5, True])
def test_what_is_no_number_of_frames_is_refused(every: object) -> None:
    with pytest.raises(ValueError, match="number of frames"):
        make_bins(Clock(False), NONE, np.array([1]), every)


def test_too_many_are_refused() -> None:
    with pytest.raises(ValueError, match=f"at most {MOST:,}"):
        make_bins(Clock(True), np.array([0, 2**62]), NONE, "1ns")


def test_unknown_times_are_in_none() -> None:
    times = np.array([NO_TIME, START])
    assert make_bins(Clock(True), times, times).of(times, times).tolist() == [-1, 0]
    only = np.array([NO_TIME])
    assert make_bins(Clock(True), only, only).count == 1
    assert make_bins(Clock(False), NONE, NONE).count == 1


def test_the_whole_of_time_has_intervals() -> None:
    times = np.array([NO_TIME + 1, 2**63 - 1])
    bins = make_bins(Clock(True), times, times)
    assert bins.of(times, times).tolist() == [0, bins.count - 1]
    assert not bins.index().isna().any()
