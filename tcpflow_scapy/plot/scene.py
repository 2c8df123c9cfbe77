"""What a picture shows, apart from how it is drawn: two labelled axes, and marks.

`static` draws a scene with matplotlib, `interactive` with plotly. A mark is one artist, however many things
it stands for, and can be thinned until no eye sees the difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from tcpflow_scapy.plot import thinning
from tcpflow_scapy.plot.palette import GREY

Array = np.ndarray[Any, np.dtype[Any]]

_MOST_BOXES = 3_000

Shape = Literal["dot", "cross", "up", "down", "square", "diamond", "tick"]

Kind = Literal["number", "count", "bytes", "powers", "rate", "utc"]


@dataclass(frozen=True)
class Axis:
    """One axis."""

    label: str
    kind: Kind = "number"
    """``bytes`` and ``rate`` (bytes a second) get prefixes; ``powers`` are bytes on a scale of doublings;
    ``utc`` is ns since the epoch"""
    limits: tuple[float, float] | None = None
    ticks: tuple[tuple[float, str], ...] | None = None
    """places and texts, for categories"""
    reversed: bool = False


@dataclass(frozen=True)
class Segments:
    """Straight lines from (x0, y0) to (x1, y1)."""

    x0: Array
    y0: Array
    x1: Array
    y1: Array
    label: str
    colour: str
    width: float = 1.5
    frame: Array | None = None
    """1-based, shown when somebody points at it"""

    def __len__(self) -> int:
        return len(self.x0)

    def thinned(self, limit: int) -> Segments:
        """At most about so many, the outermost among them."""
        keep = thinning.cells((self.x0, self.y0, self.x1, self.y1), limit)
        found: Segments = _some(self, keep, "x0", "y0", "x1", "y1", "frame")
        return found


@dataclass(frozen=True)
class Steps:
    """A line that keeps its value until the next point; x ascends."""

    x: Array
    y: Array
    label: str
    colour: str
    dashed: bool = False
    width: float = 1.0

    def __len__(self) -> int:
        return len(self.x)

    def thinned(self, limit: int) -> Steps:
        """First, last, lowest and highest of each column of at most ``limit // 4``."""
        keep = thinning.columns(self.x, self.y, limit)
        found: Steps = _some(self, keep, "x", "y")
        return found


@dataclass(frozen=True)
class Points:
    """Markers."""

    x: Array
    y: Array
    label: str
    colour: str
    shape: Shape = "dot"
    size: float = 5.0
    """points (1/72 inch)"""
    frame: Array | None = None

    def __len__(self) -> int:
        return len(self.x)

    def thinned(self, limit: int) -> Points:
        """At most about so many, the outermost among them."""
        found: Points = _some(self, thinning.cells((self.x, self.y), limit), "x", "y", "frame")
        return found


@dataclass(frozen=True)
class Boxes:
    """Rectangles; infinite sides lie on the frame of the picture."""

    x0: Array
    x1: Array
    y0: Array
    y1: Array
    label: str
    colour: str = GREY
    hatch: str = ""
    opacity: float = 0.25

    def __len__(self) -> int:
        return len(self.x0)

    def thinned(self, limit: int) -> Boxes:
        """At most about so many, the outermost among them; fewer than of lines, which cost less."""
        keep = thinning.cells((self.x0, self.y0, self.x1, self.y1), min(limit, _MOST_BOXES))
        found: Boxes = _some(self, keep, "x0", "x1", "y0", "y1")
        return found


@dataclass(frozen=True)
class Stack:
    """Bars on intervals, series upon series."""

    low: Array
    high: Array
    """begin and end of each bar's interval"""
    series: dict[str, Array]
    """length of each bar, by label"""
    colour: dict[str, str]
    hatch: dict[str, str] = field(default_factory=dict)
    horizontal: bool = False
    opacity: float = 1.0

    def __len__(self) -> int:
        return len(self.low)

    def thinned(self, limit: int) -> Stack:
        """Itself: bins are bounded where they are made."""
        return self


@dataclass(frozen=True)
class Grid:
    """A matrix of coloured cells around whole numbers; column 0 left, row 0 first."""

    values: Array
    """float64, shape (rows, columns); cells of 0 stay empty"""
    texts: list[list[str]]
    """written into the cells, where there is room"""
    label: str
    """of the scale of colours, which is logarithmic"""

    def __len__(self) -> int:
        return int(self.values.size)

    def thinned(self, limit: int) -> Grid:
        """Itself: its picture takes the largest only."""
        return self


@dataclass(frozen=True)
class Texts:
    """Words beside points, to their right."""

    x: Array
    y: Array
    texts: list[str]
    label: str = ""

    def __len__(self) -> int:
        return len(self.x)

    def thinned(self, limit: int) -> Texts:
        """Itself: its picture writes few."""
        return self


Mark: TypeAlias = Segments | Steps | Points | Boxes | Stack | Grid | Texts


@dataclass
class Scene:
    """A picture's contents."""

    title: str
    x: Axis
    y: Axis
    marks: list[Mark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """what a reader has to know, in small print"""
    empty: str = "nothing to show"
    """said where there are no marks"""
    size: tuple[float, float] = (10.0, 5.5)
    """inches of a figure of its own"""

    def drawn(self, limit: int, shortest: float = 1 / 800) -> list[Mark]:
        """The marks that show something, each thinned to about `limit`.

        Lines shorter than the share `shortest` of the picture are drawn that long: else a byte in a megabyte
        could not be seen.
        """
        found = [_known(mark) for mark in self.marks]
        found = [mark.thinned(limit) for mark in found if len(mark)]
        least_x = _span(self.x, found, ("x", "x0", "x1")) * shortest
        least_y = _span(self.y, found, ("y", "y0", "y1")) * shortest
        return [_visible(m, least_x, least_y) if isinstance(m, Segments) else m for m in found]


def _span(axis: Axis, marks: list[Mark], names: tuple[str, ...]) -> float:
    """Length of an axis."""
    low, high = axis.limits or (np.inf, -np.inf)
    if axis.limits is None:
        for mark in marks:
            for values in (getattr(mark, name, None) for name in names):
                finite = None if values is None else values[np.isfinite(values)]
                if finite is not None and len(finite):
                    low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    length = high - low
    if not length > 0:
        length = 1e6 if axis.kind == "utc" else 1.0
    return length if np.isfinite(length) else 0.0


def _visible(mark: Segments, least_x: float, least_y: float) -> Segments:
    """Lines of at least these lengths: upright ones grow upwards and downwards, level ones to both sides."""
    level = bool((mark.y0 == mark.y1).all())
    low, high = (mark.x0, mark.x1) if level else (mark.y0, mark.y1)
    least = least_x if level else least_y
    short = np.abs(high - low) < least
    if not short.any():
        return mark
    middle = (low + high) / 2
    low, high = np.where(short, middle - least / 2, low), np.where(short, middle + least / 2, high)
    return replace(mark, x0=low, x1=high) if level else replace(mark, y0=low, y1=high)


def _some(mark: Any, keep: Array | None, *names: str) -> Any:
    """The mark with some of its rows."""
    if keep is None:
        return mark
    columns = {name: getattr(mark, name) for name in names}
    return replace(mark, **{name: None if c is None else c[keep] for name, c in columns.items()})


_PLACES: dict[type, tuple[str, ...]] = {
    Segments: ("x0", "y0", "x1", "y1"),
    Steps: ("x", "y"),
    Points: ("x", "y"),
    Boxes: ("x0", "x1", "y0", "y1"),
}


def _known(mark: Mark) -> Mark:
    """Without the rows whose place is not known (NaN): what has no time has no place on its axis."""
    names = _PLACES.get(type(mark))
    if names is None:
        return mark
    columns = [np.asarray(getattr(mark, name), np.float64) for name in names]
    absent = np.isnan(columns).any(axis=0) if len(mark) else np.zeros(0, bool)
    if not absent.any():
        return mark
    frame = ("frame",) if hasattr(mark, "frame") else ()
    known: Mark = _some(mark, np.flatnonzero(~absent), *names, *frame)
    return known
