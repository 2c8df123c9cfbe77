"""Scenes drawn with plotly: to zoom and to point at, in a notebook or a browser."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.plot import palette
from tcpflow_scapy.plot.picture import need
from tcpflow_scapy.plot.scene import Axis, Boxes, Grid, Mark, Points, Scene, Segments, Stack, Steps, Texts
from tcpflow_scapy.render.escape import safe_html

Array = np.ndarray[Any, np.dtype[Any]]

LIMIT = 100_000
"""Things of one kind that are sent to the browser; of more, those that make the same picture."""

SHORTEST = 1 / 2000

_PIXELS = 90
"""for an inch of a static picture"""
_LOWEST = 300

_INK = "#767676"
"""Text and lines that can be read on white and on black."""

_LINES = "rgba(127,127,127,0.25)"
_SHAPES = {
    "dot": "circle",
    "cross": "x",
    "up": "triangle-up",
    "down": "triangle-down",
    "square": "square",
    "diamond": "diamond",
    "tick": "line-ns-open",
}
_PATTERNS = {"...": ".", "///": "/", "\\\\\\": "\\", "xxx": "x"}


def show(scene: Scene) -> Any:
    """A plotly figure of a scene, transparent, so that it suits light and dark pages.

    Raises
    ------
    ImportError
        If plotly is not installed.
    """
    graph = need("plotly.graph_objects", "interactive pictures")
    figure = graph.Figure()
    marks = scene.drawn(LIMIT, SHORTEST)
    for mark in marks:
        for trace in _TRACES[type(mark)](mark, scene):
            kind = trace.pop("type")
            figure.add_trace(getattr(graph, kind)(**trace))
    note = "<br>".join(map(text, scene.notes))
    figure.update_layout(
        title={"text": text(scene.title), "font": {"size": 15}},
        barmode="overlay",
        bargap=0,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": _INK},
        hovermode="closest",
        height=round(max(_PIXELS * scene.size[1], _LOWEST)),
        legend={"itemsizing": "constant"},
        xaxis=_axis(scene.x, note),
        yaxis=_axis(scene.y, ""),
    )
    if not marks:
        figure.add_annotation(
            text=text(scene.empty), x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False
        )
    return figure


def text(words: str) -> str:
    """Text for plotly, which reads a little HTML: none of it comes from the wire."""
    return "<br>".join(safe_html(line).replace("$", "&#36;") for line in words.split("\n"))


def _axis(axis: Axis, note: str) -> dict[str, Any]:
    label = text(axis.label) + (f"<br>{note}" if note else "")
    made: dict[str, Any] = {
        "title": {"text": label},
        "showgrid": axis.ticks is None,
        "gridcolor": _LINES,
        "zeroline": False,
        "linecolor": _INK,
        "showline": True,
        "ticks": "outside",
        "automargin": True,
    }
    if axis.kind == "utc":
        made["type"] = "date"
    elif axis.kind == "powers":
        made |= {"type": "log", "dtick": float(np.log10(2))}
    elif axis.kind in ("bytes", "rate"):
        made |= {"tickformat": "~s", "ticksuffix": "B/s" if axis.kind == "rate" else "B"}
    elif axis.kind == "count":
        made["tickformat"] = "~s"
    if axis.ticks is not None:
        made |= {
            "tickvals": [p for p, _ in axis.ticks],
            "ticktext": [text(t) for _, t in axis.ticks],
            "ticks": "",
        }
    if axis.limits is not None:
        limits = _places(axis, np.array(axis.limits)).tolist()
        made["range"] = limits[::-1] if axis.reversed else limits
    elif axis.reversed:
        made["autorange"] = "reversed"
    return made


def _places(axis: Axis, values: Array) -> Any:
    """Numbers as plotly takes them: UTC as dates."""
    numbers = np.asarray(values, np.float64)
    if axis.kind != "utc":
        return numbers
    whole = np.where(np.isfinite(numbers), numbers, 0.0).astype(np.int64).astype("datetime64[ns]")
    return np.where(np.isfinite(numbers), whole, np.datetime64("NaT", "ns"))


def _colour(name: str) -> str:
    return _INK if name == palette.INK else name


def _interleaved(*columns: Array) -> Array:
    """a0 b0 NaN a1 b1 NaN ...: how lines are kept apart."""
    return np.stack([*columns, np.full(len(columns[0]), np.nan)], axis=1).reshape(-1)


def _common(label: str) -> dict[str, Any]:
    shown = text(label)
    return {"name": shown, "showlegend": bool(label), "legendgroup": shown}


def _pointed(frame: Array | None, times: int = 1) -> dict[str, Any]:
    """What is shown where somebody points."""
    if frame is None:
        return {}
    data = frame if times == 1 else np.repeat(frame, times)
    return {"customdata": data, "hovertemplate": "frame %{customdata}<br>%{x}, %{y}"}


def _segments(mark: Segments, scene: Scene) -> list[dict[str, Any]]:
    return [
        {
            "type": "Scattergl",
            "mode": "lines",
            "x": _places(scene.x, _interleaved(mark.x0, mark.x1)),
            "y": _places(scene.y, _interleaved(mark.y0, mark.y1)),
            "line": {"color": _colour(mark.colour), "width": mark.width * 1.3},
            **_pointed(mark.frame, 3),
            **_common(mark.label),
        }
    ]


def _steps(mark: Steps, scene: Scene) -> list[dict[str, Any]]:
    line = {"color": _colour(mark.colour), "width": mark.width * 1.3, "shape": "hv"}
    if mark.dashed:
        line["dash"] = "dash"
    places = {"x": _places(scene.x, mark.x), "y": _places(scene.y, mark.y)}
    return [{"type": "Scattergl", "mode": "lines", **places, "line": line, **_common(mark.label)}]


def _points(mark: Points, scene: Scene) -> list[dict[str, Any]]:
    colour = _colour(mark.colour)
    marker = {"symbol": _SHAPES[mark.shape], "size": mark.size * 1.3, "color": colour}
    if mark.shape == "tick":
        marker["line"] = {"width": 1, "color": colour}
    return [
        {
            "type": "Scattergl",
            "mode": "markers",
            "x": _places(scene.x, mark.x),
            "y": _places(scene.y, mark.y),
            "marker": marker,
            **_pointed(mark.frame),
            **_common(mark.label),
        }
    ]


def _boxes(mark: Boxes, scene: Scene) -> list[dict[str, Any]]:
    x0, x1 = _sides(mark.x0, mark.x1, scene.x)
    y0, y1 = _sides(mark.y0, mark.y1, scene.y)
    red, green, blue = (int(mark.colour[i : i + 2], 16) for i in (1, 3, 5))
    return [
        {
            "type": "Scatter",
            "mode": "lines",
            "x": _places(scene.x, _interleaved(x0, x1, x1, x0, x0)),
            "y": _places(scene.y, _interleaved(y0, y0, y1, y1, y0)),
            "fill": "toself",
            "fillcolor": f"rgba({red},{green},{blue},{mark.opacity})",
            "fillpattern": {"shape": _PATTERNS.get(mark.hatch, ""), "fgcolor": mark.colour, "size": 6},
            "line": {"color": mark.colour, "width": 0.6},
            "hoverinfo": "name",
            **_common(mark.label),
        }
    ]


def _sides(low: Array, high: Array, axis: Axis) -> tuple[Array, Array]:
    """Infinite sides lie on the frame of the picture."""
    first, last = axis.limits or (0.0, 1.0)
    return np.where(np.isinf(low), first, low), np.where(np.isinf(high), last, high)


def _stack(mark: Stack, scene: Scene) -> list[dict[str, Any]]:
    axis = scene.y if mark.horizontal else scene.x
    low, high = np.asarray(mark.low, np.float64), np.asarray(mark.high, np.float64)
    width = high - low
    if axis.kind == "utc":
        # Of bars on a time axis plotly counts widths in ms.
        width = width / 1e6
    base = np.zeros(len(mark))
    traces = []
    for label, values in mark.series.items():
        names = ("y", "x") if mark.horizontal else ("x", "y")
        traces.append(
            {
                "type": "Bar",
                names[0]: _places(axis, (low + high) / 2),
                names[1]: values,
                "base": base.copy(),
                "width": width,
                "orientation": "h" if mark.horizontal else "v",
                "marker": {"color": _colour(mark.colour[label]), "line": {"width": 0}},
                "opacity": mark.opacity,
                **_common(label),
            }
        )
        base = base + values
    return traces


def _grid(mark: Grid, scene: Scene) -> list[dict[str, Any]]:
    filled = mark.values > 0
    power = np.log10(np.where(filled, mark.values, 1.0))
    top = float(np.ceil(power.max()))
    ticks = list(range(int(top) + 1))
    return [
        {
            "type": "Heatmap",
            "z": np.where(filled, power, np.nan),
            "text": [[text(cell) for cell in row] for row in mark.texts] or None,
            "texttemplate": "%{text}" if mark.texts else None,
            "hovertemplate": "%{y}<br>%{x}<br>%{text}<extra></extra>",
            "colorscale": "Cividis",
            # Two decades at least, lest a small difference look large.
            "zmin": min(float(power[filled].min()), float(power.max()) - 2) if filled.any() else 0.0,
            "zmax": float(power.max()),
            "xgap": 2,
            "ygap": 2,
            "colorbar": {
                "title": {"text": text(mark.label)},
                "tickvals": ticks,
                "ticktext": [_decade(t) for t in ticks],
            },
        }
    ]


def _decade(power: int) -> str:
    return f"{10 ** (power % 3)} {('B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB')[power // 3]}"


def _texts(mark: Texts, scene: Scene) -> list[dict[str, Any]]:
    places = {"x": _places(scene.x, mark.x), "y": _places(scene.y, mark.y)}
    words = [text(words) for words in mark.texts]
    common = {"textposition": "middle right", "hoverinfo": "skip", **_common("")}
    return [{"type": "Scatter", "mode": "text", **places, "text": words, **common}]


_TRACES: dict[type[Mark], Any] = {
    Segments: _segments,
    Steps: _steps,
    Points: _points,
    Boxes: _boxes,
    Stack: _stack,
    Grid: _grid,
    Texts: _texts,
}
