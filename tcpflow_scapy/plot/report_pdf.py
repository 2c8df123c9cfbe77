"""The report on one page of paper."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.plot.picture import need
from tcpflow_scapy.plot.static import draw
from tcpflow_scapy.plot.static_marks import plain

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.plot.scene import Scene

A4 = (8.27, 11.69)
"""inches"""

MARGIN = 0.45
"""inches"""

SETTINGS: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 7.5,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "text.usetex": False,
    "text.parse_math": True,
}
"""Of our own figures, whatever the user has set."""

_ROWS = (("addresses", "ports"), ("sizes", "missing"), ("incomplete", "unused"))
"""Pictures side by side, below that of the traffic."""

_LONGEST = 90


def report_pdf(heading: str, tables: dict[str, pd.DataFrame], pictures: dict[str, Scene]) -> bytes:
    """A PDF file of one page.

    Parameters
    ----------
    heading : str
    tables : dict of str to pandas.DataFrame
        As `report_tables` gives them.
    pictures : dict of str to Scene
        As `report_pictures` gives them.
    """
    need("matplotlib", "pictures")
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.style import context
    from matplotlib.transforms import Bbox

    with context("default"), matplotlib.rc_context(SETTINGS):
        width, height = (side - 2 * MARGIN for side in A4)
        page = Figure(figsize=(width, height), layout="constrained")
        parts: Any = page.subfigures(5, 1, height_ratios=(1.15, 1.9, 1.8, 1.5, 1.8))
        _head(parts[0].add_axes((0.0, 0.0, 1.0, 1.0)), heading, tables)
        draw(pictures["traffic"], parts[1].subplots())
        for part, names in zip(parts[2:], _ROWS, strict=True):
            for half, name in zip(part.subfigures(1, 2), names, strict=True):
                ax = half.subplots()
                draw(pictures[name], ax, legend=False)
                _legend_above(ax)
        paper = Bbox.from_extents(-MARGIN, -MARGIN, width + MARGIN, height + MARGIN)
        buffer = io.BytesIO()
        details = {"Title": plain(heading).replace("\\$", "$"), "Creator": "tcpflow_scapy"}
        page.savefig(buffer, format="pdf", bbox_inches=paper, metadata=details)
    return buffer.getvalue()


def _legend_above(ax: Any) -> None:
    """Few words at the right end of the title's line."""
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        ax.legend(
            handles,
            labels,
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            borderaxespad=0.1,
            ncols=len(handles),
            frameon=False,
            fontsize="small",
            handlelength=1.2,
            columnspacing=1.0,
        )


def _head(ax: Any, heading: str, tables: dict[str, pd.DataFrame]) -> None:
    """Title and facts, in two columns."""
    ax.set_axis_off()
    ax.text(0, 1.0, plain(heading), fontsize=13, fontweight="bold", va="top", transform=ax.transAxes)
    facts = [(str(f), str(v)) for f, v in zip(tables["facts"]["fact"], tables["facts"]["value"], strict=True)]
    facts = [(f, v if len(v) <= _LONGEST else f"…{v[-_LONGEST:]}") for f, v in facts]
    wide = [(f, v) for f, v in facts if f in ("source", "time", "SHA-256")]
    narrow = [(f, v) for f, v in facts if (f, v) not in wide]
    half = -(-len(narrow) // 2)
    problems = [str(m) for m in tables["problems"]["message"][:1]]
    top = 0.74
    step = min(0.11, top / (len(wide) + half + len(problems) + 1))
    for number, (fact, value) in enumerate(wide):
        _fact(ax, 0.0, top - number * step, fact, value)
    for number, (fact, value) in enumerate(narrow):
        y = top - (len(wide) + number % half) * step
        _fact(ax, 0.0 if number < half else 0.52, y, fact, value)
    for text in problems:
        _fact(ax, 0.0, top - (len(wide) + half) * step, "first problem", text[:_LONGEST])


def _fact(ax: Any, x: float, y: float, fact: str, value: str) -> None:
    ax.text(x, y, plain(fact), va="top", alpha=0.65, transform=ax.transAxes)
    ax.text(x + 0.12, y, plain(value), va="top", transform=ax.transAxes)
