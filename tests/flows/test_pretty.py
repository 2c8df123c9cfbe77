"""What IPython shows of flows, streams, captures and conversations in a terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tcpflow_scapy import FlowTable, reassemble
from tcpflow_scapy.render.table import text_width
from tests.helpers.answers import flows_of
from tests.helpers.traffic import play
from tests.render.hostile import HOSTILE, assert_safe

SGR = re.compile(r"\x1b\[[0-9;]*m")


class Printer:
    def __init__(self) -> None:
        self.shown = ""

    def text(self, text: str) -> None:
        self.shown += text


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "24")
    return monkeypatch


def pretty(thing: object) -> str:
    printer = Printer()
    thing._repr_pretty_(printer, False)  # type: ignore[attr-defined]
    return printer.shown


def everything(flows: FlowTable) -> list[object]:
    flow = flows[0]
    return [flows, flow, flow.client, flow.server, flows.capture, flow.follow(), flow.follow(form="hex")]


def hostile_flows() -> FlowTable:
    c = play("> SYN\n< SYN ACK\n> ACK\n")
    for item in HOSTILE:
        c.client(item if isinstance(item, bytes) else item.encode("utf-8", "surrogatepass"))
    return flows_of(c)


def test_all_of_it_fits_sixty_columns(terminal: pytest.MonkeyPatch, sample_pcaps: Path) -> None:
    for thing in everything(reassemble(sample_pcaps / "mem.pcap")):
        text = pretty(thing)
        assert "\x1b[" in text
        assert max(text_width(line) for line in SGR.sub("", text).split("\n")) <= 60
        assert not text.endswith("\n")


def test_the_only_escapes_are_colours(terminal: pytest.MonkeyPatch) -> None:
    for thing in everything(hostile_flows()):
        assert_safe(SGR.sub("", pretty(thing)), lines=True, tabs=True)


def test_no_colours_where_they_are_not_wanted(terminal: pytest.MonkeyPatch) -> None:
    flows = hostile_flows()
    terminal.setenv("NO_COLOR", "1")
    assert not any("\x1b" in pretty(thing) for thing in everything(flows))
    terminal.delenv("NO_COLOR")
    terminal.setenv("TERM", "dumb")
    assert not any("\x1b" in pretty(thing) for thing in everything(flows))
    terminal.setenv("TERM", "xterm")
    terminal.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert not any("\x1b" in pretty(thing) for thing in everything(flows))


def test_what_is_longer_than_the_screen_is_paged(terminal: pytest.MonkeyPatch) -> None:
    pages: list[str] = []
    terminal.setattr("IPython.core.page.page", pages.append)
    terminal.setenv("LINES", "10")
    flow = hostile_flows()[0]
    flow.follow(limit=None)._ipython_display_()
    assert len(pages) == 1
    terminal.setenv("LINES", "100000")
    with pytest.raises(NotImplementedError):
        flow.follow(limit=None)._ipython_display_()
    terminal.setenv("LINES", "10")
    terminal.setattr("sys.stdout.isatty", lambda: False, raising=False)
    with pytest.raises(NotImplementedError):
        flow.follow(limit=None)._ipython_display_()
