"""Thinning: bounded, and nothing that can be seen is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tcpflow_scapy.plot import thinning

RNG = np.random.default_rng(7)


def diagonal(count: int) -> list[np.ndarray[Any, Any]]:
    x = np.arange(count, dtype=float)
    return [x, x * 10, x, x * 10 + 10]


def test_few_marks_stay_as_they_are() -> None:
    assert thinning.cells(diagonal(100), 100) is None
    assert thinning.columns(np.arange(10.0), np.arange(10.0), 10) is None


def test_a_million_in_a_line_become_a_few_thousand_that_cover_it() -> None:
    corners = diagonal(1_000_000)
    keep = thinning.cells(corners, 20_000)
    assert keep is not None
    assert len(keep) <= 20_000
    # In every one of 2,000 columns something stays.
    columns = np.unique((corners[0][keep] * 2000 / 1_000_000).astype(int))
    assert len(columns) == 2000


def test_noise_is_bounded_too() -> None:
    corners = [RNG.random(100_000) for _ in range(4)]
    keep = thinning.cells(corners, 5_000)
    assert keep is not None
    assert len(keep) <= 1.3 * 5_000
    assert (np.diff(keep) > 0).all()
    for y in (corners[1], corners[3]):
        assert {int(y.argmin()), int(y.argmax())} <= set(keep.tolist())


@pytest.mark.parametrize("place", [0, 1234, 199_999])
def test_an_outlier_stays(place: int) -> None:
    corners = diagonal(200_000)
    corners[3][place] = 1e9
    keep = thinning.cells(corners, 1_000)
    assert keep is not None
    assert place in keep
    x, y = np.arange(200_000.0), np.zeros(200_000)
    y[place] = -5
    line = thinning.columns(x, y, 1_000)
    assert line is not None
    assert place in line


def test_a_line_keeps_first_last_lowest_and_highest_of_each_column() -> None:
    x = np.sort(RNG.random(100_000))
    y = RNG.normal(size=100_000)
    keep = thinning.columns(x, y, 4_000)
    assert keep is not None
    assert len(keep) <= 4_000 + 4
    column = np.minimum(((x - x[0]) / (x[-1] - x[0]) * 1000).astype(int), 1000)
    for number in range(0, 1000, 37):
        inside = np.flatnonzero(column == number)
        assert {inside[0], inside[-1], inside[y[inside].argmin()], inside[y[inside].argmax()]} <= set(keep)


def test_infinite_and_equal_places_are_no_trouble() -> None:
    many = 10_000
    edge = np.full(many, np.inf)
    x = np.arange(many, dtype=float)
    keep = thinning.cells([x, -edge, x + 1, edge], 500)
    assert keep is not None
    assert len(keep) <= 600
    same = np.zeros(many)
    keep = thinning.cells([same, same], 500)
    assert keep is not None
    assert len(keep) <= 2
    huge = np.linspace(-1.0, 1.0, many) * 1.7e308
    assert thinning.cells([huge, huge], 500) is not None
