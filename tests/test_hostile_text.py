"""Hostile text reaches no screen: everything public that gives text or a table, on a capture full of it.

The walk begins at a table of flows and goes wherever its properties and methods lead. A property is looked at
by itself; a method has to be in `CALLS`, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from html.parser import HTMLParser
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import GeneratorType
from typing import Any

import pandas as pd
import pytest
from IPython.lib.pretty import pretty
from rich.console import Console

from tcpflow_scapy import reassemble, sniff
from tcpflow_scapy.render.dataframe import frame_html
from tests.capture.live.test_pump import MadeTap
from tests.helpers.hostile_capture import NAME, hostile_capture
from tests.live.conftest import taps  # noqa: F401
from tests.render.hostile import Judge, assert_safe

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

REFERENCE = Path(__file__).parents[1] / "docs" / "reference" / "index.md"

NO_TEXT = None
"""of a method: it gives bytes, flows or files, and no text"""

Call = Callable[[Any, Path], Any]


class Markup(str):
    """Text that is HTML."""


def _browser(table: Any, folder: Path) -> list[Any]:
    """All that the widget shows, of each flow in each tab."""
    browser = table.browse()
    shown: list[Any] = [browser.status.value]
    browser.filter.value = NAME
    shown.append(Markup(browser.message.value))
    for row in range(len(table)):
        browser.table.selected_rows = [row]
        shown += [browser.table.df, Markup(browser.heading.value)]
        for tab, child in enumerate(browser.tabs.children):
            browser.tabs.selected_index = tab
            shown.append(Markup(re.sub(r'<img alt="([^"]*)"[^>]*>', r"\1", child.value)))
    browser.folder.value = str(folder / NAME)
    browser.export.click()
    return [*shown, Markup(browser.message.value), browser]


def _report(table: Any, folder: Path) -> Markup:
    path = folder / "report.html"
    table.report(path)
    return Markup(re.sub(r'<(?:img|source) (?:alt="([^"]*)")?[^>]*>', r"\1", path.read_text()))


def _written(method: str, name: str) -> Call:
    def call(table: Any, folder: Path) -> str:
        getattr(table, method)(folder / name)
        return (folder / name).read_text()

    return call


CALLS: dict[str, Call | None] = {
    "FlowTable.browse": _browser,
    "FlowTable.export": lambda t, d: t.export(d / "files"),
    "FlowTable.export_http": lambda t, d: t.export_http(d / "bodies"),
    "FlowTable.filter": lambda t, d: t.filter(port=80),
    "FlowTable.from_frame": lambda t, d: t.from_frame(t.df),
    "FlowTable.head": lambda t, d: t.head(),
    "FlowTable.query": lambda t, d: t.query("bytes > 0"),
    "FlowTable.report": _report,
    "FlowTable.report_tables": lambda t, d: t.report_tables(sha256=True),
    "FlowTable.scapy": NO_TEXT,
    "FlowTable.search": lambda t, d: [
        t.search(re.compile(rb"end"), bodies=bodies).drop(columns="match") for bodies in (False, True)
    ],
    "FlowTable.sort_values": lambda t, d: t.sort_values("bytes"),
    "FlowTable.split_pcap": lambda t, d: t.split_pcap(d / "captures"),
    "FlowTable.tail": lambda t, d: t.tail(),
    "FlowTable.to_csv": _written("to_csv", "flows.csv"),
    "FlowTable.to_dfxml": NO_TEXT,  # tests/export reads it with a parser of XML
    "FlowTable.to_json": _written("to_json", "flows.json"),
    "FlowTable.to_parquet": NO_TEXT,
    "FlowTable.to_pcap": NO_TEXT,
    "FlowTable.unused_to_pcap": NO_TEXT,
    "Capture.unused_frames": lambda c, d: c.unused_frames(),
    "Flow.export": lambda f, d: f.export(d / f"flow{f.id}"),
    "Flow.follow": lambda f, d: [f.follow(), f.follow(form="hex"), f.follow(limit=7)],
    "Flow.scapy": NO_TEXT,
    "Flow.timeline": lambda f, d: f.timeline(),
    "Flow.to_pcap": NO_TEXT,
    "Stream.at": lambda s, d: s.at(0) if s.size else None,
    "Stream.chunks": NO_TEXT,
    "Stream.extents": NO_TEXT,
    "Stream.hexdump": lambda s, d: s.hexdump(),
    "Stream.open": NO_TEXT,
    "Stream.read": NO_TEXT,
    "Stream.segment_payload": NO_TEXT,
    "Stream.text": lambda s, d: s.text(),
    "flows.conversation.Conversation.pieces": lambda c, d: [text for _, text in c.pieces()],
    "flows.conversation.Conversation.turns": lambda c, d: list(c.turns()),
    "flows.datagrams.Conversation.payloads": NO_TEXT,
    "flows.datagrams.Conversation.ends": lambda c, d: [c.ends("client"), c.ends("server")],
    "flows.datagrams.Conversation.first_time": NO_TEXT,
    "Conversations.export": lambda c, d: c.export(d / "datagrams"),
    "HttpMessage.pieces": NO_TEXT,
    "HttpMessage.placed_pieces": NO_TEXT,
    "HttpMessage.summary": lambda m, d: m.summary(),
    "HttpMessage.text": lambda m, d: m.text(),
    "Headers.get": lambda h, d: h.get("Host"),
    "Headers.get_all": lambda h, d: h.get_all("Host"),
    "Headers.items": lambda h, d: h.items(),
    "Drawing.data": lambda p, d: p.data(),
    "Drawing.scene": lambda p, d: p.scene(),
    "LiveCapture.closed": NO_TEXT,
    "LiveCapture.end": NO_TEXT,
    "LiveCapture.request_stop": NO_TEXT,
    "LiveCapture.show": NO_TEXT,  # shows `_repr_html_` again and again
    "LiveCapture.stop": NO_TEXT,
    "LiveCapture.wait": NO_TEXT,
}

_SENT = ("charset", "content_encoding", "content_type", "filename", "host", "reason", "target", "url")
EXACT: dict[str, str] = {
    "Capture.paths": "opens the files",
    "Problem.path": "opens the file",
    "Interface.path": "opens the file",
    "Origin.path": "opens the file",
    "Interface.name": "is compared",
    "Interface.description": "is compared",
    "LiveCapture.interfaces": "is compared",
    **{f"HttpMessage.{name}": "as sent, to work with" for name in _SENT},
    **{f"HttpExchange.{name}": "as sent, to work with" for name in (*_SENT[3:5], *_SENT[6:], "upgrade")},
    **{f"Part.{name}": "as sent, to work with" for name in ("content_type", "filename", "name")},
    **{f"Headers.{name}": "as sent, to work with" for name in ("get", "get_all", "items")},
}
"""Values that are what they are, and why; what shows the object they belong to escapes them."""


def _documented() -> set[str]:
    """Names of the classes that the reference has."""
    listed = re.findall(r"^   ([\w.]+)$", REFERENCE.read_text(), re.MULTILINE)
    found = set()
    for name in listed:
        module, _, last = f"tcpflow_scapy.{name}".rpartition(".")
        thing = getattr(import_module(module), last)
        if isinstance(thing, type) and not issubclass(thing, Exception):
            found.add(last)
    return found


PUBLIC = _documented() | {"Headers", "Part"}
"""Classes whose every method is in `CALLS`; of others that are reached, the values are looked at."""
OPAQUE = {"Store", "FlowBrowser", "_Loc", "Engine"}
"""bytes; what `_browser` walks; brackets; internal"""
EACH = 3
"""objects of one class that are looked into"""


class Reader(HTMLParser):
    """Texts and attributes of HTML; what is a script, or handles an event, is a fault."""

    TAGS = Judge.TAGS | {
        "p",
        "h1",
        "h2",
        "h4",
        "b",
        "picture",
        "html",
        "head",
        "body",
        "meta",
        "title",
        "main",
    }

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.style = False
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.TAGS | {"footer", "header", "section", "figure", "br"}, tag
        self.style = tag == "style"
        for name, value in attrs:
            assert not name.startswith("on")
            assert_safe(value or "", lines=True)

    def handle_endtag(self, tag: str) -> None:
        self.style = False

    def handle_data(self, data: str) -> None:
        if not self.style:
            assert_safe(data, lines=True, tabs=True)


def texts(value: Any) -> Iterator[str]:
    """All text in a value that is not an object of ours."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, pd.DataFrame):
        yield from map(str, value.columns)
        yield from texts(value.reset_index(allow_duplicates=True).to_dict("list"))
    elif isinstance(value, (pd.Series, pd.Index)):
        yield from texts(value.tolist())
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from texts(key)
            yield from texts(each)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for each in value:
            yield from texts(each)


def ours(value: Any) -> Iterator[Any]:
    """Objects of this package in a value."""
    if type(value).__module__.startswith("tcpflow_scapy"):
        yield value
    elif isinstance(value, dict):
        yield from ours(list(value.values()))
    elif isinstance(value, (list, tuple)) and len(value) < 10_000:
        for each in value:
            yield from ours(each)


class Walk:
    """Everything that can be reached from some objects, each class a few times."""

    def __init__(self, folder: Path, *roots: Any) -> None:
        self.folder = folder
        self.reached: Counter[type] = Counter()
        self.faults: list[str] = []
        self.hostile: set[str] = set()
        """members of `EXACT` that did hold hostile text"""
        self.called: set[str] = set()
        queue = list(roots)
        while queue:
            queue += self._look(queue.pop(0))

    def _look(self, thing: Any) -> list[Any]:
        kind = type(thing).__name__
        self.reached[type(thing)] += 1
        if self.reached[type(thing)] > EACH or kind in OPAQUE:
            return []
        self._shown(thing, kind)
        found = list(thing) if kind in ("FlowTable", "HttpExchanges", "Conversations") else []
        if kind == "Plots":
            found += [getattr(thing, name) for name in dir(thing) if not name.startswith("_")]
        for name, value in self._members(thing, kind):
            found += self._value(value, name)
        return found

    def _members(self, thing: Any, kind: str) -> Iterator[tuple[str, Any]]:
        """Properties, attributes and fields with their values, methods with what they give."""
        own = [f.name for f in fields(thing)] if is_dataclass(thing) else list(getattr(thing, "__dict__", ()))
        for name in sorted({*own, *dir(type(thing))}):
            if name.startswith("_") or (
                isinstance(thing, (list, tuple)) and hasattr(type(thing).__base__, name)
            ):
                continue
            label, member = f"{kind}.{name}", getattr(type(thing), name, None)
            if not callable(member) or name in own:
                yield label, getattr(thing, name)
                continue
            label = (
                label
                if label in CALLS
                else f"{type(thing).__module__.removeprefix('tcpflow_scapy.')}.{label}"
            )
            if label not in CALLS and kind not in PUBLIC:
                continue
            if label not in CALLS:
                self.faults.append(
                    f"{label}() is new: say in CALLS how it is called, or that it gives no text"
                )
                continue
            call = CALLS[label]
            if label in self.called and kind == "FlowTable":
                continue
            self.called.add(label)
            if call is not None:
                yield f"{kind}.{name}", call(thing, self.folder / f"{kind}{self.reached[type(thing)]}")

    def _value(self, value: Any, label: str) -> list[Any]:
        if isinstance(value, GeneratorType):
            value = list(value)
        for frame in value if isinstance(value, list) else [value]:
            if isinstance(frame, pd.DataFrame):
                self._safe(repr(frame), f"repr of {label}")
                self._safe(Markup(frame_html(frame)), f"HTML of {label}")
        for text in texts(value):
            if label in EXACT:
                with suppress(AssertionError, UnicodeEncodeError):
                    assert_safe(text)
                    continue
                self.hostile.add(label)
            else:
                self._safe(text, label)
        return list(ours(value))

    def _safe(self, text: str, label: str) -> None:
        try:
            if isinstance(text, Markup):
                Reader(text)
            else:
                # Tabs move the cursor to where the next stop is; a table has none.
                assert_safe(text, lines=True, tabs=True)
        except (AssertionError, UnicodeEncodeError) as error:
            self.faults.append(f"{label}: {error}: {text[:200]!a}")

    def _shown(self, thing: Any, kind: str) -> None:
        """What Python, IPython, notebooks and rich make of an object."""
        if hasattr(type(thing), "__dataclass_fields__") and kind == "Scene":
            return  # a picture before it is drawn: its texts are checked one by one
        self._safe(repr(thing), f"repr of {kind}")
        self._safe(str(thing), f"str of {kind}")
        self._safe(pretty(thing), f"pretty of {kind}")
        for name in dir(type(thing)):
            if re.fullmatch(r"_repr_(html|svg|markdown|latex|json|javascript)_", name):
                made = getattr(thing, name)()
                self._safe(Markup(made or ""), f"{name} of {kind}")
        if hasattr(thing, "__rich__") or hasattr(thing, "__rich_console__"):
            console = Console(file=StringIO(), width=160, color_system=None)
            console.print(thing)
            self._safe(console.file.getvalue(), f"rich of {kind}")  # type: ignore[attr-defined]
        if hasattr(thing, "_ipython_key_completions_"):
            self._value(thing._ipython_key_completions_(), f"completions of {kind}")


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_capture(tmp_path_factory.mktemp("hostile"))


def test_everything_public_that_gives_text(
    capture: Path,
    taps: dict[str, MadeTap],  # noqa: F811
    tmp_path: Path,
) -> None:
    pytest.importorskip("ipywidgets")
    pytest.importorskip("matplotlib")
    flows = reassemble(capture)
    assert {"cut_short"} == {problem.kind for problem in flows.capture.problems}
    assert len(flows) == len(flows.gaps["flow"].unique()) + 2
    assert len(flows.conflicts)
    assert len(flows.fragment_conflicts)
    assert len(flows.http) == 2
    live = sniff(NAME, spool=tmp_path / "spool\x1b[2J\u202e.pcapng")
    taps[NAME].give([bytes(packet) for packet in flows.scapy()])
    live.stop()
    walk = Walk(tmp_path, flows, live)
    assert not walk.faults, "\n".join(walk.faults)
    assert not set(EXACT) - walk.hostile, "no exceptions that are not needed"
    assert sorted(set(CALLS) - walk.called) == [], "what is called exists"
    missing = PUBLIC - {kind.__name__ for kind in walk.reached}
    assert missing <= {"FlowSession", "Event", "ClosedFlows"}, "not reached from a table of flows"


def test_a_new_method_or_a_raw_text_is_noticed(tmp_path: Path) -> None:
    class Part:
        name = NAME
        plain = "plain"

        def new(self) -> str:
            return ""

        def __repr__(self) -> str:
            return f"<Part {self.plain}>"

        def _repr_html_(self) -> str:
            return f"<b>{self.plain}</b><script>"

    class Scene(Part):
        title = NAME

    Part.__module__ = Scene.__module__ = "tcpflow_scapy.made"
    assert [fault.partition(":")[0] for fault in Walk(tmp_path, Part()).faults] == [
        "_repr_html_ of Part",
        "made.Part.new() is new",
    ]
    assert "Scene.title" in [fault.partition(":")[0] for fault in Walk(tmp_path, Scene()).faults]
