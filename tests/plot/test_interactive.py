"""Scenes as plotly draws them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tcpflow_scapy.plot import PLOTS
from tcpflow_scapy.plot.interactive import LIMIT, text
from tcpflow_scapy.plot.scene import Axis, Boxes, Grid, Points, Scene, Segments, Stack, Steps, Texts
from tests.plot.talks import clockless, damaged_flow, nothing, several

pytest.importorskip("plotly")

FLOWS = several()
FLOW = damaged_flow()


def show(*marks: Any, x: Axis | None = None, y: Axis | None = None, **options: Any) -> dict[str, Any]:
    from tcpflow_scapy.plot.interactive import show as drawn

    scene = Scene("title", x or Axis("x"), y or Axis("y", "bytes"), list(marks), **options)
    found: dict[str, Any] = json.loads(drawn(scene).to_json())
    return found


@pytest.mark.parametrize("picture", PLOTS, ids=[p.name for p in PLOTS])
def test_every_picture_has_traces_and_labels(picture: Any) -> None:
    subject = FLOWS if picture.of == "flows" else FLOW
    figure = getattr(subject.plot, picture.name)(interactive=True)
    scene = getattr(subject.plot, picture.name).scene()
    assert len(figure.data) >= len(scene.marks)
    assert figure.layout.xaxis.title.text
    assert figure.layout.title.text
    names = {trace.name for trace in figure.data if trace.showlegend}
    assert names >= {
        text(m.label) for m in scene.marks if isinstance(m, (Points, Steps, Boxes, Segments)) and m.label
    }
    json.loads(figure.to_json())


@pytest.mark.parametrize("picture", [p for p in PLOTS if p.of == "flows"], ids=lambda p: p.name)
def test_empty_and_clockless(picture: Any) -> None:
    figure = getattr(nothing().plot, picture.name)(interactive=True)
    assert "no " in figure.layout.annotations[0].text
    assert getattr(clockless().plot, picture.name)(interactive=True).data


def test_who_points_at_a_segment_reads_its_frame() -> None:
    one, two = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    made = show(Segments(one, two, one, two + 1, "data", "#0072B2", frame=np.array([7, 9])))
    (trace,) = made["data"]
    assert "frame %{customdata}" in trace["hovertemplate"]
    assert trace["name"] == "data"


def test_words_cannot_become_markup() -> None:
    made = show(
        Points(np.ones(1), np.ones(1), "<img src=x onerror=alert(1)>$x$\nsecond", "#000000"), notes=["<b>"]
    )
    (trace,) = made["data"]
    assert trace["name"] == "&lt;img src=x onerror=alert(1)&gt;&#36;x&#36;<br>second"
    assert "&lt;b&gt;" in made["layout"]["xaxis"]["title"]["text"]


def test_times_are_dates_and_bars_have_their_width() -> None:
    low = np.array([1_700_000_000, 1_700_000_001]) * 1e9
    stack = Stack(
        low, low + 1e9, {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}, dict.fromkeys("ab", "#000000")
    )
    figure = FLOWS.plot.bandwidth(interactive=True)
    assert figure.layout.xaxis.type == "date"
    from tcpflow_scapy.plot.interactive import show as drawn

    first, second = drawn(Scene("t", Axis("time (UTC)", "utc"), Axis("y"), [stack])).data
    assert first.x[0] == np.datetime64("2023-11-14T22:13:20.5")
    assert list(first.width) == [1000, 1000]
    assert list(second.base) == [1, 2]


def test_a_million_are_thinned() -> None:
    x = np.arange(1_000_000, dtype=float)
    from tcpflow_scapy.plot.interactive import show as drawn

    (trace,) = drawn(Scene("t", Axis("x"), Axis("y"), [Points(x, x, "p", "#000000")])).data
    assert len(trace.x) <= LIMIT * 1.1


def test_grids_boxes_and_words() -> None:
    edge = np.full(1, np.inf)
    made = show(
        Grid(np.array([[1.0, 0.0], [1000.0, 5.0]]), [["a", ""], ["b", "c"]], "payload"),
        Boxes(np.zeros(1), np.ones(1), -edge, edge, "gap", hatch="///"),
        Texts(np.ones(1), np.ones(1), ["word"]),
        y=Axis("y", limits=(-5.0, 5.0), reversed=True),
    )
    kinds = [trace["type"] for trace in made["data"]]
    assert kinds == ["heatmap", "scatter", "scatter"]
    assert made["data"][1]["fillpattern"]["shape"] == "/"
    assert made["layout"]["yaxis"]["range"] == [5.0, -5.0]
