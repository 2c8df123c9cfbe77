"""Marks as artists of matplotlib: one for each, however many things it stands for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from tcpflow_scapy.plot import palette
from tcpflow_scapy.plot.scene import (
    Axis,
    Boxes,
    Grid,
    Mark,
    Points,
    Scene,
    Segments,
    Stack,
    Steps,
    Texts,
)
from tcpflow_scapy.render.escape import one_line

Array = np.ndarray[Any, np.dtype[Any]]

HATCHED = 300
"""Of more boxes, hatches would be a blur, and slow."""

RASTER = 3_000
"""An artist of more things is stored as pixels in a PDF or SVG."""

SMALL = "small"
"""Size of words inside a picture."""

_DAY = 86400e9
_SHAPES = {"dot": "o", "cross": "X", "up": "^", "down": "v", "square": "s", "diamond": "D", "tick": "|"}


def plain(text: str) -> str:
    """Text that matplotlib shows as it is: safe, on one line, no mathematics, in its own font's letters."""
    if "\n" in text:
        return "\n".join(map(plain, text.split("\n")))
    letters = one_line(text).encode("cp1252", "backslashreplace").decode("cp1252")
    for special in "→µ…":
        letters = letters.replace(special.encode("ascii", "backslashreplace").decode(), special)
    return letters.replace("$", r"\$")


def places(axis: Axis, values: Array) -> Array:
    """Numbers as matplotlib counts them: UTC in days since its epoch, which users can move."""
    numbers = np.asarray(values, np.float64)
    if axis.kind != "utc":
        return numbers
    dates: Any = import_module("matplotlib.dates")
    moved: Array = numbers / _DAY + float(dates.date2num(np.datetime64(0, "s")))
    return moved


def _label(text: str) -> str:
    """Labels that begin with an underscore would be left out of a legend, as is meant for empty ones."""
    return plain(text) if text else "_"


def _colour(ax: Any, name: str) -> Any:
    return ax.xaxis.label.get_color() if name == palette.INK else name


def _x(scene: Scene, values: Array) -> Array:
    return places(scene.x, values)


def _y(scene: Scene, values: Array) -> Array:
    return places(scene.y, values)


def _segments(ax: Any, mark: Segments, scene: Scene, order: float) -> None:
    from matplotlib.collections import LineCollection

    ends = [_x(scene, mark.x0), _y(scene, mark.y0), _x(scene, mark.x1), _y(scene, mark.y1)]
    lines = np.stack(ends, axis=1).reshape(-1, 2, 2)
    artist = LineCollection(
        list(lines),
        colors=_colour(ax, mark.colour),
        linewidths=mark.width,
        label=_label(mark.label),
        rasterized=len(mark) > RASTER,
        zorder=order,
    )
    artist.set_capstyle("butt")
    ax.add_collection(artist)
    ax.update_datalim(lines.reshape(-1, 2))
    ax.autoscale_view()


def _steps(ax: Any, mark: Steps, scene: Scene, order: float) -> None:
    ax.plot(
        _x(scene, mark.x),
        _y(scene, mark.y),
        drawstyle="steps-post",
        color=_colour(ax, mark.colour),
        linewidth=mark.width,
        linestyle=(0, (4, 2)) if mark.dashed else "-",
        label=_label(mark.label),
        rasterized=len(mark) > RASTER,
        zorder=order,
    )


def _points(ax: Any, mark: Points, scene: Scene, order: float) -> None:
    ax.plot(
        _x(scene, mark.x),
        _y(scene, mark.y),
        linestyle="none",
        marker=_SHAPES[mark.shape],
        markersize=mark.size,
        markeredgewidth=1.0 if mark.shape == "tick" else 0.0,
        color=_colour(ax, mark.colour),
        label=_label(mark.label),
        rasterized=len(mark) > RASTER,
        zorder=order + 1,
    )


def _boxes(ax: Any, mark: Boxes, scene: Scene, order: float) -> None:
    from matplotlib.collections import PolyCollection
    from matplotlib.transforms import blended_transform_factory

    x0, x1, y0, y1 = _x(scene, mark.x0), _x(scene, mark.x1), _y(scene, mark.y0), _y(scene, mark.y1)
    across, upright = np.isinf(x0).all(), np.isinf(y0).all()
    if across:
        x0, x1 = np.zeros(len(x0)), np.ones(len(x0))
    if upright:
        y0, y1 = np.zeros(len(y0)), np.ones(len(y0))
    corners = np.stack([np.stack(c, axis=1) for c in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))], axis=1)
    transform = ax.transData
    if across or upright:
        transform = blended_transform_factory(
            ax.transAxes if across else ax.transData, ax.transAxes if upright else ax.transData
        )
    from matplotlib.colors import to_rgba

    artist_corners: Any = corners
    artist = PolyCollection(
        artist_corners,
        facecolors=[to_rgba(mark.colour, mark.opacity)],
        edgecolors=[to_rgba(mark.colour, 0.9 if len(mark) <= HATCHED else 0.35)],
        linewidths=0.8 if len(mark) <= HATCHED else 0.25,
        hatch=mark.hatch or None if len(mark) <= HATCHED else None,
        label=_label(mark.label),
        rasterized=len(mark) > RASTER,
        transform=transform,
        zorder=order - 1,
    )
    ax.add_collection(artist, autolim=False)
    if not across:
        ax.update_datalim(np.stack([np.r_[x0, x1], np.zeros(2 * len(x0))], axis=1), updatey=False)
    if not upright:
        ax.update_datalim(np.stack([np.zeros(2 * len(y0)), np.r_[y0, y1]], axis=1), updatex=False)
    ax.autoscale_view()


def _stack(ax: Any, mark: Stack, scene: Scene, order: float) -> None:
    from matplotlib.collections import PolyCollection

    place = _y if mark.horizontal else _x
    low, high = place(scene, mark.low), place(scene, mark.high)
    base = np.zeros(len(mark))
    for label, values in mark.series.items():
        top = base + values
        shown = np.flatnonzero(values > 0)
        pairs = [(low, base), (high, base), (high, top), (low, top)]
        if mark.horizontal:
            pairs = [(b, a) for a, b in pairs]
        corners: Any = np.stack([np.stack((a[shown], b[shown]), axis=1) for a, b in pairs], axis=1)
        hatch = mark.hatch.get(label)
        artist = PolyCollection(
            corners,
            facecolors=_colour(ax, mark.colour[label]),
            edgecolors=ax.get_facecolor() if hatch else "none",
            linewidths=0,
            hatch=hatch,
            alpha=mark.opacity,
            antialiased=False,
            label=_label(label),
            zorder=order,
        )
        ax.add_collection(artist)
        base = top
    lengths, places = np.r_[0.0, base], np.r_[low[0], high]
    both = (lengths, places) if mark.horizontal else (places, lengths)
    ax.update_datalim(np.stack(both, axis=1))
    ax.autoscale_view()


def _grid(ax: Any, mark: Grid, scene: Scene, order: float) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import EngFormatter, NullFormatter

    rows, columns = mark.values.shape
    shown = np.ma.masked_less_equal(mark.values, 0)
    some = bool(shown.count())
    high = float(shown.max()) if some else 1.0
    # Two decades at least, lest a small difference look large.
    norm = LogNorm(min(float(shown.min()) if some else 1.0, high / 100), high)
    mesh = ax.pcolormesh(
        np.arange(columns + 1) - 0.5,
        np.arange(rows + 1) - 0.5,
        shown,
        cmap="cividis",
        norm=norm,
        edgecolors=ax.get_facecolor(),
        linewidth=1.0,
        zorder=order,
    )
    bar = ax.figure.colorbar(mesh, ax=ax, label=plain(mark.label), shrink=0.8)
    bar.ax.yaxis.set_major_formatter(EngFormatter("B"))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    for row, texts in enumerate(mark.texts):
        for column, text in enumerate(texts):
            if text:
                bright = norm(mark.values[row, column]) > 0.55
                ink = "black" if bright else "white"
                words = plain(text)
                place: dict[str, Any] = {"ha": "center", "va": "center", "zorder": order + 1}
                ax.text(column, row, words, color=ink, fontsize=SMALL, **place)


def _texts(ax: Any, mark: Texts, scene: Scene, order: float) -> None:
    for x, y, text in zip(_x(scene, mark.x), _y(scene, mark.y), mark.texts, strict=True):
        ax.annotate(
            plain(text),
            (float(x), float(y)),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            zorder=order + 1,
        )


DRAW: dict[type[Mark], Any] = {
    Segments: _segments,
    Steps: _steps,
    Points: _points,
    Boxes: _boxes,
    Stack: _stack,
    Grid: _grid,
    Texts: _texts,
}
"""How each kind of mark is drawn: (axes, mark, scene, place in the order of drawing)."""
