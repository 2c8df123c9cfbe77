from __future__ import annotations

import math

import pandas as pd
import pytest

from tcpflow_scapy.render.quantity import UNKNOWN_TIME, count, duration, instant, percent, rate, size


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1449, "1.4 kB"),
        (9949, "9.9 kB"),
        (9999, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (23_400_000, "23 MB"),
        (5 * 10**12, "5.0 TB"),
        (2**63, "9.2 EB"),
        (10**24, "1000000 EB"),
        (-1500, "-1.5 kB"),
        (0.5, "0.5 B"),
        (None, ""),
        (math.nan, ""),
        (math.inf, ""),
    ],
)
def test_size(value: float | None, text: str) -> None:
    assert size(value) == text


def test_rate() -> None:
    assert rate(1_400_000) == "1.4 MB/s"
    assert rate(None) == ""


def test_count() -> None:
    assert count(1234567) == "1,234,567"
    assert count(0) == "0"
    assert count(None) == ""
    assert count(math.nan) == ""


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (1, 8, "12.5 %"),
        (0, 5, "0 %"),
        (5, 5, "100 %"),
        (1, 10**6, "< 0.1 %"),
        (10**6 - 1, 10**6, "> 99.9 %"),
        (1, 0, ""),
        (None, 5, ""),
        (1, 3, "33.3 %"),
    ],
)
def test_percent(part: float | None, whole: float | None, text: str) -> None:
    assert percent(part, whole) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (1e-9, "1.0 ns"),
        (120e-6, "120 us"),
        (0.0015, "1.5 ms"),
        (0.37, "370 ms"),
        (0.9996, "1.0 s"),
        (1.5, "1.5 s"),
        (59.9, "59.9 s"),
        (59.97, "1 min"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3599.7, "1 h"),
        (3660, "1 h 1 min"),
        (187200, "2 d 4 h"),
        (10**9, "11,574 d 1 h"),
        (-0.5, "-500 ms"),
        (-200, "-3 min 20 s"),
        (None, ""),
        (math.nan, ""),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000_123_999_999, "2023-11-14T22:13:20.123Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854Z"),
        (-(2**63) + 1, "1677-09-21T00:12:43.145Z"),
        (UNKNOWN_TIME, ""),
        (None, ""),
        (pd.Timestamp("2024-02-29T12:00:00.5Z"), "2024-02-29T12:00:00.500Z"),
        (pd.Timestamp("2024-02-29T12:00:00.5Z").as_unit("ms"), "2024-02-29T12:00:00.500Z"),
        (pd.NaT, ""),
    ],
)
def test_instant(nanoseconds: object, text: str) -> None:
    assert instant(nanoseconds) == text
