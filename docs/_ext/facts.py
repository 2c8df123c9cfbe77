"""``{facts} name``: a table in the docs made from the table in the code, so that the two cannot differ."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

Rows = tuple[tuple[str, ...], Iterable[tuple[str, ...]]]
"""Heads, and cells; text in backquotes is set as code."""


def flow_columns() -> Rows:
    """`FlowTable.df`."""
    from tcpflow_scapy.flows.columns import FLOW_COLUMNS

    rows = ((f"`{c.name}`", c.dtype, c.unit, c.meaning) for c in FLOW_COLUMNS)
    return ("column", "dtype", "unit", "meaning"), rows


def states() -> Rows:
    """Zeek's conn_state."""
    from tcpflow_scapy.flows.state import STATES

    return ("state", "meaning"), ((f"`{name}`", meaning) for name, meaning in STATES.items())


def reasons() -> Rows:
    """Why frames were not used."""
    from tcpflow_scapy.decode.reasons import Reason

    return ("reason", "meaning"), ((f"`{r.label}`", meaning) for r, meaning in _commented(Reason))


def causes() -> Rows:
    """Why bytes are missing."""
    from tcpflow_scapy.reassembly.tables import GapCause

    return ("cause", "meaning"), ((f"`{c.label}`", meaning) for c, meaning in _commented(GapCause))


def classes() -> Rows:
    """What a segment was."""
    from tcpflow_scapy.reassembly.tables import SegmentClass

    return ("class", "meaning"), ((f"`{c.label}`", meaning) for c, meaning in _commented(SegmentClass))


def pictures() -> Rows:
    """Every plot."""
    from tcpflow_scapy.plot import PLOTS

    return ("picture", "what it shows"), ((f"`{p.of}.plot.{p.name}()`", p.summary) for p in PLOTS)


def cell_keys() -> Rows:
    """Keys of ``%%flows``."""
    from tcpflow_scapy.notebook.loading import CELL_KEYS

    return ("key", "meaning"), ((f"`{key}`", meaning) for key, meaning in CELL_KEYS.items())


def live_events() -> Rows:
    """What can happen to a live capture."""
    from tcpflow_scapy.capture.live.events import KINDS

    return ("event", "meaning"), ((f"`{kind}`", meaning) for kind, meaning in KINDS.items())


def problems() -> Rows:
    """What can be wrong with a capture."""
    from tcpflow_scapy.capture.info import PROBLEMS

    return ("kind", "meaning"), ((f"`{kind}`", meaning) for kind, meaning in PROBLEMS.items())


def http_columns() -> Rows:
    """`FlowTable.http`."""
    from tcpflow_scapy.protocols.http_frame import HTTP_COLUMNS

    rows = ((f"`{c.name}`", c.dtype, c.unit, c.meaning) for c in HTTP_COLUMNS)
    return ("column", "dtype", "unit", "meaning"), rows


def http_problems() -> Rows:
    """What can be odd about HTTP messages and their bodies."""
    from tcpflow_scapy.protocols.content_coding import CODING_PROBLEMS
    from tcpflow_scapy.protocols.http1_message import PROBLEMS

    words = {**PROBLEMS, **CODING_PROBLEMS}
    return ("word", "meaning"), ((f"`{word}`", meaning) for word, meaning in words.items())


def extras() -> Rows:
    """What ``pip install 'tcpflow-scapy[...]'`` can add."""
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    rows = ((f"`{name}`", ", ".join(wants)) for name, wants in project["optional-dependencies"].items())
    return ("extra", "what it brings"), rows


FACTS: dict[str, Callable[[], Rows]] = {
    "flow-columns": flow_columns,
    "states": states,
    "reasons": reasons,
    "causes": causes,
    "classes": classes,
    "pictures": pictures,
    "cell-keys": cell_keys,
    "live-events": live_events,
    "problems": problems,
    "http-columns": http_columns,
    "http-problems": http_problems,
    "extras": extras,
}


def _commented(kinds: Any) -> list[tuple[Any, str]]:
    """Members of an enumeration, with the text that stands under each."""
    import ast
    import textwrap

    body = ast.parse(textwrap.dedent(inspect.getsource(kinds))).body[0].body  # type: ignore[attr-defined]
    found = []
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            continue
        note = getattr(getattr(following, "value", None), "value", "")
        member = getattr(kinds, statement.targets[0].id)
        found.append((member, " ".join(note.split()) if isinstance(note, str) else ""))
    return found


def _paragraph(text: str) -> nodes.paragraph:
    paragraph = nodes.paragraph()
    for number, part in enumerate(text.replace("``", "`").split("`")):
        if part:
            paragraph += nodes.literal(part, part) if number % 2 else nodes.Text(part)
    return paragraph


class Facts(Directive):
    """A table by name."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table."""
        heads, rows = FACTS[self.arguments[0]]()
        group = nodes.tgroup(cols=len(heads))
        for _ in heads:
            group += nodes.colspec(colwidth=1)
        head, body = nodes.thead(), nodes.tbody()
        head += self._row(heads)
        for row in rows:
            body += self._row(row)
        group += [head, body]
        return [nodes.table("", group, classes=["facts", "align-left"])]

    @staticmethod
    def _row(cells: Iterable[str]) -> nodes.row:
        row = nodes.row()
        for cell in cells:
            row += nodes.entry("", _paragraph(cell))
        return row


class Manual(Directive):
    """``{manual} module:name``: a docstring as it stands, for things whose help is read at a prompt."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The text."""
        from importlib import import_module

        module, _, path = self.arguments[0].partition(":")
        thing: Any = import_module(module)
        for name in path.split("."):
            thing = getattr(thing, name)
        text = thing() if path == "usage" else inspect.getdoc(thing)
        return [nodes.literal_block(text, text, language="text")]


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    app.add_directive("facts", Facts)
    app.add_directive("manual", Manual)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
