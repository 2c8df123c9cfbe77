"""What the flow browser shows of one flow: a list of views, each made of HTML when it is looked at."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.render.escape import one_line, safe_html
from tcpflow_scapy.render.html import fragment
from tcpflow_scapy.render.table import Column, Table

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.flow import Flow

ROWS = 500
"""rows of a table"""
HEX_BYTES = 16384
"""payload in hexadecimal"""

_HTTP_COLUMNS = ("number", "time", "method", "url", "status", "type", "size", "complete", "filename")


def conversation(flow: Flow) -> str:
    """What was said."""
    return flow.follow()._repr_html_()


def hexadecimal(flow: Flow) -> str:
    """What was said, byte by byte."""
    return flow.follow(form="hex", limit=HEX_BYTES)._repr_html_()


def packets(flow: Flow) -> str:
    """Every segment."""
    return frame_html(flow.packets.drop(columns="flow"), "no packets")


def gaps(flow: Flow) -> str:
    """What is missing, and what is contradicted."""
    missing, clashing = flow.gaps.drop(columns="flow"), flow.conflicts.drop(columns="flow")
    return (
        _heading("Missing")
        + frame_html(missing, "nothing is missing")
        + _heading("Contradicted")
        + frame_html(clashing, "nothing was seen with different contents")
    )


def http(flow: Flow) -> str:
    """HTTP exchanges."""
    from tcpflow_scapy.protocols.http import http_exchanges

    table = http_exchanges(flow).df
    columns = [name for name in _HTTP_COLUMNS if name in table.columns]
    rest = [name for name in table.columns if name not in columns and name != "flow"]
    return frame_html(table[columns + rest], "no HTTP was found in this flow")


def time_sequence(flow: Flow) -> str:
    """The time-sequence graph."""
    from tcpflow_scapy.plot.picture import need

    figure_module = need("matplotlib.figure", "pictures")
    # A figure of our own, not pyplot's: nothing is shown or kept elsewhere.
    figure = figure_module.Figure(figsize=(8, 4.8), layout="constrained", facecolor="white")
    flow.plot.time_sequence(ax=figure.subplots())
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    image = b64encode(buffer.getvalue()).decode()
    name = safe_html(f"Time-sequence graph of flow {flow.id}, {flow.key}")
    return f'<img alt="{name}" style="max-width:100%" src="data:image/png;base64,{image}">'


VIEWS: tuple[tuple[str, Callable[[Flow], str]], ...] = (
    ("Follow", conversation),
    ("Hex", hexadecimal),
    ("Packets", packets),
    ("Gaps", gaps),
    ("HTTP", http),
    ("Graph", time_sequence),
)
"""Every view: title of its tab, and what makes it."""


def view_html(number: int, flow: Flow) -> str:
    """A view of a flow; what goes wrong in one is said in its place."""
    title, make = VIEWS[number]
    try:
        return make(flow)
    except Exception as error:  # one broken view must not take the browser with it
        return note(f"{title}: {error}")


def note(text: str) -> str:
    """A line of text."""
    line = one_line(text, 500)
    return fragment(f'<div class="tfs-note" role="status">{safe_html(line)}</div>', line)


def _heading(text: str) -> str:
    return f"<h4 style='margin:.6em 0 .2em'>{safe_html(text)}</h4>"


def frame_html(table: pd.DataFrame, empty: str) -> str:
    """The beginning of a DataFrame, with everything in it escaped."""
    head = table.iloc[:ROWS]
    columns = [
        Column(name, align="right" if head[name].dtype.kind in "iuf" else "left") for name in map(str, head)
    ]
    rows = zip(*(_cells(head[name]) for name in head), strict=True) if len(head) else ()
    return Table(columns, rows, len(table), empty=empty).to_html()


def _cells(values: pd.Series) -> list[Any]:
    if values.dtype.kind == "M":
        return [t.isoformat(sep=" ", timespec="microseconds")[:26] if t == t else None for t in values]
    cells = values.tolist()
    # Lists and the like have no truth of their own that `Table` could ask for.
    return [c if c is None or isinstance(c, (str, bytes, int, float)) else _text(c) for c in cells]


def _text(value: Any) -> Any:
    return value if type(value).__name__ in ("NaTType", "NAType") else str(value)
