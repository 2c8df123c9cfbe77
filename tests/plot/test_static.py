"""Scenes as matplotlib draws them: few artists, safe words, right places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.dates import date2num

from tcpflow_scapy.plot.scene import Axis, Boxes, Grid, Points, Scene, Segments, Stack, Steps, Texts
from tcpflow_scapy.plot.static import LIMIT, binary, draw
from tcpflow_scapy.plot.static_marks import HATCHED, RASTER, plain
from tests.plot.talks import axes, legend, texts

DAY = 86400 * 10**9


def scene(*marks: Any, x: Axis | None = None, y: Axis | None = None, **options: Any) -> Scene:
    return Scene("title", x or Axis("x (s)"), y or Axis("y", "bytes"), list(marks), **options)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a$x^2$b", r"a\$x^2\$b"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("one\ntwo", "one\ntwo"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("漢字", r"\u6f22\u5b57"),
        ("10.0.0.1:80 → é µ …", "10.0.0.1:80 → é µ …"),
        ("\ud800", r"\ud800"),
    ],
)
def test_words_are_shown_as_they_are(hostile: str, shown: str) -> None:
    assert plain(hostile) == shown
    ax = axes()
    ax.set_title(plain(hostile))
    ax.figure.canvas.draw()


def test_mathematics_of_others_is_not_run() -> None:
    ones = np.ones(1)
    made = scene(
        Points(ones, ones, r"$\frac{", "#000000"),
        Texts(ones, ones, [r"$\undefined$"]),
        x=Axis(r"$\bad", ticks=((0.0, r"$\worse$"),)),
        notes=[r"$\worst$ {"],
    )
    made.title = r"$\title{$"
    shown = texts(draw(made, axes()), drawn=True)
    for word in ("frac", "undefined", "bad", "worse", "worst", "title"):
        assert word in shown


def test_a_million_segments_are_one_small_artist() -> None:
    x = np.arange(1_000_000, dtype=float)
    ax = draw(
        scene(Segments(x, x * 10, x, x * 10 + 10, "data", "#0072B2"), Steps(x, x * 10, "acks", "#009E73")),
        axes(),
    )
    (bars,) = [a for a in ax.collections if isinstance(a, LineCollection)]
    assert 1000 < len(bars.get_segments()) <= LIMIT + 4096
    assert bars.get_rasterized()
    (line,) = ax.lines
    assert len(line.get_xdata()) <= LIMIT + 4
    assert len(ax.collections) + len(ax.lines) == 2
    ax.figure.canvas.draw()


def test_places_are_exact() -> None:
    x = np.array([0.0, 1.0])
    ax = draw(scene(Segments(x, x * 100, x, x * 100 + 50, "", "#000000")), axes())
    (bars,) = ax.collections
    assert [s.tolist() for s in bars.get_segments()] == [[[0, 0], [0, 50]], [[1, 100], [1, 150]]]
    assert not bars.get_rasterized()
    assert legend(ax) == []


def test_utc_is_utc() -> None:
    when = np.array([1_700_000_000 * 10**9, 1_700_003_600 * 10**9], np.float64)
    ax = draw(scene(Points(when, when * 0, "p", "#000000"), x=Axis("time (UTC)", "utc")), axes())
    np.testing.assert_allclose(
        ax.lines[0].get_xdata(), date2num(when.astype(np.int64).view("datetime64[ns]"))
    )
    shown = texts(ax, drawn=True)
    assert "22:30" in shown
    assert "2023-11-14" in shown


@pytest.mark.parametrize("when", [0, -(2**63) + 1, 2**62, 1_700_000_000 * 10**9])
def test_an_instant_is_no_axis_of_no_length(when: int) -> None:
    ax = draw(scene(Points(np.array([float(when)]), np.zeros(1), "p", "#000000"), x=Axis("t", "utc")), axes())
    low, high = ax.get_xlim()
    assert high > low
    ax.figure.canvas.draw()


def test_stacks_stand_on_each_other_and_on_zero() -> None:
    low = np.array([0.0, 1.0])
    stack = Stack(
        low, low + 1, {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 0.0])}, {"a": "#000000", "b": "#ffffff"}
    )
    ax = draw(scene(stack), axes())
    first, second = (a for a in ax.collections if isinstance(a, PolyCollection))
    assert [p.get_extents().bounds for p in first.get_paths()] == [(0, 0, 1, 1), (1, 0, 1, 2)]
    assert [p.get_extents().bounds for p in second.get_paths()] == [(0, 1, 1, 3)]
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylim()[1] >= 4
    level = Stack(low, low + 1, {"a": np.array([1.0, 2.0])}, {"a": "#000000"}, horizontal=True)
    ax = draw(scene(level), axes())
    assert [p.get_extents().bounds for p in ax.collections[0].get_paths()] == [(0, 0, 1, 1), (0, 1, 2, 1)]


def test_boxes_reach_across_and_hatches_are_for_few() -> None:
    few, many = np.arange(5.0), np.arange(HATCHED + 1.0)
    for x, hatched in ((few, True), (many, False)):
        edge = np.full(len(x), np.inf)
        ax = draw(scene(Boxes(x, x + 0.5, -edge, edge, "gap", hatch="///")), axes())
        (boxes,) = ax.collections
        assert bool(boxes.get_hatch()) is hatched
        assert len(boxes.get_paths()) == len(x)
        assert boxes.get_paths()[0].get_extents().bounds == (0, 0, 0.5, 1)
        assert ax.get_xlim()[1] >= x[-1]
        ax.figure.canvas.draw()


def test_large_artists_are_pixels_in_a_file() -> None:
    x = np.arange(RASTER + 1.0)
    ax = draw(scene(Points(x, x, "p", "#000000")), axes())
    assert ax.lines[0].get_rasterized()


def test_a_grid_writes_its_words_and_leaves_nothing_empty() -> None:
    grid = Grid(np.array([[1.0, 0.0], [1e6, 50.0]]), [["one", ""], ["two", "three"]], "payload")
    ax = draw(scene(grid, x=Axis("x", ticks=((0.0, "a"), (1.0, "b")), limits=(-0.5, 1.5))), axes())
    shown = texts(ax, drawn=True)
    assert all(word in shown for word in ("one", "two", "three", "payload"))
    assert ax.collections[0].get_array().mask.tolist() == [[False, True], [False, False]]


def test_labels_are_explained_once() -> None:
    ones = np.ones(1)
    ax = draw(scene(*[Points(ones, ones, "same", "#000000")] * 3, Points(ones, ones, "", "#000000")), axes())
    assert legend(ax) == ["same"]
    assert draw(scene(Points(ones, ones, "p", "#000000")), axes(), legend=False).get_legend() is None


def test_an_empty_scene_says_so_and_shows_no_numbers() -> None:
    for kind in ("number", "count", "bytes", "powers", "rate", "utc"):
        ax = draw(scene(x=Axis("x", kind), empty="nothing here"), axes())  # type: ignore[arg-type]
        assert "nothing here" in texts(ax, drawn=True)
        assert list(ax.get_xticks()) == []
        assert ax.get_xlabel() == "x"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1"), (512, "512"), (1024, "1 Ki"), (2**20, "1 Mi"), (2**45, "32 Ti"), (2**55, "32768 Ti")],
)
def test_powers_of_two(value: int, text: str) -> None:
    assert binary(value) == text


def test_a_new_figure_is_of_the_size_of_the_scene() -> None:
    ax = draw(scene(Points(np.ones(1), np.ones(1), "p", "#000000"), size=(7.0, 2.0)))
    assert ax.figure.get_size_inches().tolist() == [7.0, 2.0]
