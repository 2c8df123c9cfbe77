"""Scenes drawn with matplotlib: for paper, and for any notebook."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tcpflow_scapy.plot.picture import need
from tcpflow_scapy.plot.scene import Axis, Scene, Stack
from tcpflow_scapy.plot.static_marks import DRAW, places, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, np.dtype[Any]]

LIMIT = 40_000
"""Things in one artist; beyond, a picture would take longer and look the same."""

_SHORTEST_DAYS = 0.001 / 86400
"""A millisecond: no calendar axis is shorter."""

_FEW = 6
"""Numbers with units need room."""


def draw(scene: Scene, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """Draw a scene.

    Parameters
    ----------
    scene : Scene
    ax : matplotlib.axes.Axes, optional
        What is there stays. Default: a new figure of pyplot's.
    legend : bool
        Explain colours and shapes at the right.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    need("matplotlib", "pictures")
    if ax is None:
        from matplotlib import pyplot

        _, made = pyplot.subplots(figsize=scene.size, layout="constrained")
        ax = made
    ax.set_title(plain(scene.title), loc="left", fontsize="medium")
    marks = scene.drawn(LIMIT)
    for number, mark in enumerate(marks):
        DRAW[type(mark)](ax, mark, scene, 2 + 0.01 * number)
    if not marks:
        ax.text(0.5, 0.5, plain(scene.empty), transform=ax.transAxes, ha="center", va="center", alpha=0.7)
    for mark in marks:
        if isinstance(mark, Stack):
            ax.set(**({"xlim": (0, None)} if mark.horizontal else {"ylim": (0, None)}))
    _axis(ax, "x", scene.x, bool(marks))
    _axis(ax, "y", scene.y, bool(marks))
    if scene.notes:
        ax.xaxis.set_label_text(ax.get_xlabel() + "\n" + "; ".join(map(plain, scene.notes)))
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if legend:
        _legend(ax)
    return ax


# -- axes -------------------------------------------------------------------------------------------


def _axis(ax: Axes, name: str, axis: Axis, filled: bool) -> None:
    mine = ax.xaxis if name == "x" else ax.yaxis
    mine.set_label_text(plain(axis.label))
    if axis.kind == "utc" and name == "x":
        # The date stands at the right end.
        ax.set_xlabel(plain(axis.label), loc="left")
    if axis.kind == "powers" and filled:
        ax.set_xscale("log", base=2) if name == "x" else ax.set_yscale("log", base=2)
    if axis.kind == "utc" and filled:
        _calendar(ax, name)
    elif axis.kind not in ("number", "utc"):
        _units(mine, axis)
    if axis.ticks is not None:
        texts = [plain(text) for _, text in axis.ticks]
        slanted: dict[str, Any] = {}
        if name == "x" and sum(map(len, texts)) > 60:
            slanted = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
        mine.set_ticks([place for place, _ in axis.ticks], texts, fontsize="small", **slanted)
        mine.set_tick_params(length=0)
    else:
        ax.grid(True, axis="x" if name == "x" else "y", alpha=0.25, linewidth=0.6)
        ax.set_axisbelow(True)
    if axis.limits is not None:
        low, high = places(axis, np.array(axis.limits)).tolist()
        ax.set(**{f"{name}lim": (low, high)})
    elif not filled and axis.ticks is None:
        # Nothing was measured: numbers would be matplotlib's.
        mine.set_ticks([])
    if axis.reversed and not mine.get_inverted():
        mine.set_inverted(True)


def _calendar(ax: Axes, name: str) -> None:
    from datetime import UTC

    dates: Any = import_module("matplotlib.dates")
    mine = ax.xaxis if name == "x" else ax.yaxis
    locator = dates.AutoDateLocator(tz=UTC, minticks=3, maxticks=9)
    formatter = dates.ConciseDateFormatter(locator, tz=UTC)
    formatter.offset_formats = ["", "%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d %H:%M + seconds"]
    mine.set_major_locator(locator)
    mine.set_major_formatter(formatter)
    low, high = ax.get_xlim() if name == "x" else ax.get_ylim()
    # matplotlib's days resolve about a microsecond: what is shorter is shown in a millisecond.
    if abs(high - low) < _SHORTEST_DAYS:
        middle, half = (low + high) / 2, _SHORTEST_DAYS / 2
        ax.set(**{f"{name}lim": (middle - half, middle + half)})


def _units(mine: Any, axis: Axis) -> None:
    from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    few: int | Literal["auto"] = _FEW if mine.axis_name == "x" else "auto"
    if axis.kind == "powers":
        mine.set_major_locator(LogLocator(base=2, numticks=16))
        mine.set_major_formatter(FuncFormatter(lambda value, _: binary(value)))
        mine.set_minor_formatter(NullFormatter())
    elif axis.kind == "count":
        mine.set_major_locator(MaxNLocator(nbins=few, steps=(1, 2, 5, 10), integer=True, min_n_ticks=1))
        mine.set_major_formatter(EngFormatter(sep=""))
    else:
        mine.set_major_locator(MaxNLocator(nbins=few, steps=(1, 2, 5, 10)))
        mine.set_major_formatter(EngFormatter("B/s" if axis.kind == "rate" else "B"))


def binary(value: float) -> str:
    """A power of two for an axis: ``512``, ``64 Ki``, ``1 Mi``."""
    prefixes = ["", " Ki", " Mi", " Gi", " Ti"]
    while value >= 1024 and len(prefixes) > 1:
        value /= 1024
        prefixes.pop(0)
    return f"{value:g}{prefixes[0]}"


def _legend(ax: Axes) -> None:
    handles, labels = ax.get_legend_handles_labels()
    known = dict(zip(reversed(labels), reversed(handles), strict=True))
    if known:
        names = list(reversed(known))
        ax.legend(
            [known[n] for n in names],
            names,
            loc="upper left",
            bbox_to_anchor=(1.01, 1.0),
            borderaxespad=0.0,
            frameon=False,
            fontsize="small",
        )
