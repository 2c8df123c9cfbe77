"""The report as one HTML file: pictures and tables inside, nothing loaded from anywhere, no scripts."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.plot.picture import need
from tcpflow_scapy.plot.report_pdf import SETTINGS
from tcpflow_scapy.plot.static import draw
from tcpflow_scapy.render.escape import safe_html
from tcpflow_scapy.render.html import STYLE, table_element
from tcpflow_scapy.render.quantity import count, instant, size
from tcpflow_scapy.render.table import Column, Table

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.plot.scene import Scene

ROWS = 50
"""Rows of a table that are shown; `report_tables` has all."""

_SECTIONS = (
    ("Traffic", "traffic", "traffic"),
    ("Addresses", "addresses", "addresses"),
    ("Services", "ports", "ports"),
    ("Sizes of frames", "sizes", "sizes"),
    ("What is missing, and why", "missing", "missing"),
    ("Flows with missing or contradictory bytes", "incomplete", "incomplete"),
    ("Frames that were not used", "unused", "unused"),
    ("Problems in reading", "", "problems"),
)
"""Heading, picture, table."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  background: Canvas; color: CanvasText; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.1rem; margin: 2rem 0 .5rem; }}
img {{ max-width: 100%; height: auto; }}
summary {{ cursor: pointer; }}
footer {{ opacity: .7; font-size: .85rem; margin-top: 3rem; }}
</style>
{style}
</head>
<body>
<h1>{title}</h1>
{body}
<footer>{footer}</footer>
</body>
</html>
"""


def report_html(
    heading: str, footer: str, tables: dict[str, pd.DataFrame], pictures: dict[str, Scene]
) -> bytes:
    """An HTML file.

    Parameters
    ----------
    heading, footer : str
    tables : dict of str to pandas.DataFrame
        As `report_tables` gives them.
    pictures : dict of str to Scene
        As `report_pictures` gives them.
    """
    facts = zip(tables["facts"]["fact"], tables["facts"]["value"], strict=True)
    pairs = "".join(f"<dt>{safe_html(fact)}</dt><dd>{safe_html(value)}</dd>" for fact, value in facts)
    parts = [f'<div class="tfs"><dl>{pairs}</dl></div>']
    for title, picture, name in _SECTIONS:
        table = tables[name]
        if not len(table) and name in ("problems", "incomplete"):
            continue
        parts.append(f"<h2>{safe_html(title)}</h2>")
        if picture:
            parts.append(_picture(pictures[picture]))
        unfolded = " open" if name in ("problems", "missing") else ""
        numbers = f'<div class="tfs">{table_element(_rows(name, table))}</div>'
        parts.append(f"<details{unfolded}><summary>numbers</summary>{numbers}</details>")
    text = _PAGE.format(
        title=safe_html(heading), style=STYLE, body="\n".join(parts), footer=safe_html(footer)
    )
    return text.encode()


def _picture(scene: Scene) -> str:
    """The picture for light and for dark pages; the browser takes one."""
    light, dark = svg(scene, "default"), svg(scene, "dark_background")
    return (
        f'<picture><source srcset="{dark}" media="(prefers-color-scheme: dark)">'
        f'<img src="{light}" alt="{safe_html(scene.title)}"></picture>'
    )


def svg(scene: Scene, style: str) -> str:
    """A data URI: as an image it can hold no script and no link, whatever its texts say."""
    need("matplotlib", "pictures")
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.style import context

    with context(["default", style]), matplotlib.rc_context({**SETTINGS, "font.size": 9.0}):
        figure = Figure(figsize=scene.size, layout="constrained")
        draw(scene, figure.add_subplot())
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", transparent=True, dpi=120, metadata={"Date": None})
    return "data:image/svg+xml;base64," + b64encode(buffer.getvalue()).decode()


def _rows(name: str, table: pd.DataFrame) -> Table:
    """A table of the report as people read it."""
    if name in ("traffic", "incomplete"):
        table = table.reset_index()
    if name == "sizes":
        table = table[(table["client"] + table["server"]) > 0]
    columns = [_column(str(c), table[c]) for c in table.columns]
    rows = table.head(ROWS).itertuples(index=False, name=None)
    return Table(columns, rows, len(table), empty="none")


def _column(name: str, values: Any) -> Column:
    title = name.replace("_", " ")
    if name == "time":
        return Column(name, "time (UTC)", format=instant)
    if values.dtype.kind not in "iu":
        return Column(name, title)
    plain_numbers = name.endswith("port") or name in ("flow", "frame", "offset")
    amounts = {"bytes", "low", "high"}
    if plain_numbers:
        return Column(name, title, "right")
    is_size = name.endswith("bytes") or name in amounts
    return Column(name, title, "right", format=size if is_size and name not in ("low", "high") else count)
