"""The progress bar: when it shows, and that it goes away."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from tcpflow_scapy.render import progress
from tcpflow_scapy.render.progress import PATIENCE, Progress, surroundings


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress.time, "monotonic", made.monotonic)
    return made


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Called in the test itself: pytest sets standard error anew after the fixtures."""
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setenv("TERM", "xterm")
    return made


class Notebook:
    """The displays of a fake Jupyter kernel."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.updates: list[str] = []

    def display(self, data: Any, *, raw: bool, display_id: bool = False) -> Notebook:
        assert display_id
        assert raw
        self.shown.append(data["text/html"])
        assert data["text/plain"].startswith("reading")
        return self

    def update(self, data: Any, *, raw: bool) -> None:
        assert raw
        self.updates.append(data["text/html"])
        assert bool(data["text/plain"]) == bool(data["text/html"])


class ZMQInteractiveShell:
    """Called as that of Jupyter."""


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    import IPython.core.getipython
    import IPython.display

    made = Notebook()
    monkeypatch.setattr(IPython.core.getipython, "get_ipython", ZMQInteractiveShell)
    monkeypatch.setattr(IPython.display, "display", made.display)
    return made


# -- where ------------------------------------------------------------------------------------------


def test_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert surroundings() == ""
    assert surroundings(force=True) == "terminal"


def test_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    on_terminal(monkeypatch)
    assert surroundings() == "terminal"


def test_a_notebook(notebook: Notebook) -> None:
    assert surroundings() == "notebook"


def test_ipython_in_a_terminal_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    on_terminal(monkeypatch)
    import IPython.core.getipython

    monkeypatch.setattr(IPython.core.getipython, "get_ipython", lambda: object())
    assert surroundings() == "terminal"
    monkeypatch.setattr(IPython.core.getipython, "get_ipython", lambda: None)
    assert surroundings() == "terminal"


@pytest.mark.parametrize("stderr", [None, object()])
def test_no_standard_error_at_all(monkeypatch: pytest.MonkeyPatch, stderr: object) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    assert surroundings() == ""
    bar = Progress("reading", None)
    bar(1, 2)
    bar.close()


def test_a_closed_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Terminal()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert surroundings() in ("", "terminal")


# -- when -------------------------------------------------------------------------------------------


def test_short_work_shows_nothing(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with Progress("reading", None) as bar:
        for done in range(100):
            clock.now += PATIENCE / 200
            bar(done, 100)
    assert terminal.getvalue() == ""


def test_long_work_shows_a_bar_that_goes_away(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with Progress("reading", None) as bar:
        bar(0, 1000)
        clock.now += PATIENCE + 1
        bar(500, 1000)
        clock.now += 1
        bar(900, 1000)
    assert "reading" in terminal.getvalue()
    # The cursor is shown again.
    assert terminal.getvalue().rfind("\x1b[?25h") > terminal.getvalue().rfind("\x1b[?25l")


def test_it_can_be_forced_and_forbidden(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with Progress("reading", False) as bar:
        clock.now += 100
        bar(1, 2)
    assert terminal.getvalue() == ""
    with Progress("reading", True) as bar:
        clock.now += 1
        bar(1, 2)
    assert "reading" in terminal.getvalue()


def test_nothing_is_drawn_where_nobody_looks(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    with Progress("reading", None) as bar:
        clock.now += 100
        bar(1, 2)
    assert pipe.getvalue() == ""


def test_it_is_drawn_some_times_a_second_only(clock: Clock, notebook: Notebook) -> None:
    with Progress("reading", True) as bar:
        for done in range(1000):
            clock.now += 0.001
            bar(done, 1000)
    assert len(notebook.shown) == 1
    assert 5 <= len(notebook.updates) <= 12


def test_an_unknown_total(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with Progress("reading", True) as bar:
        clock.now += 1
        bar(5_000_000, None)
        clock.now += 1
        bar(6_000_000, None)
    assert "reading" in terminal.getvalue()


def test_it_goes_away_after_an_error(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with pytest.raises(RuntimeError), Progress("reading", True) as bar:
        clock.now += 1
        bar(1, 2)
        raise RuntimeError
    assert terminal.getvalue().rfind("\x1b[?25h") > terminal.getvalue().rfind("\x1b[?25l")


def test_labels_are_no_markup(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with Progress("[bold]x[/nope]", True) as bar:
        clock.now += 1
        bar(1, 2)
    assert "[bold]x[/nope]" in terminal.getvalue()


# -- in a notebook ----------------------------------------------------------------------------------


def test_one_display_that_is_updated_and_emptied(clock: Clock, notebook: Notebook) -> None:
    with Progress("reading <b>", True) as bar:
        for done, total in ((10, 200), (50, 200), (70, None)):
            clock.now += 1
            bar(done, total)
    assert notebook.shown == [
        '<label>reading &lt;b&gt; <progress value="10" max="200"></progress> 5 %</label>'
    ]
    assert notebook.updates == [
        '<label>reading &lt;b&gt; <progress value="50" max="200"></progress> 25 %</label>',
        "<label>reading &lt;b&gt; <progress></progress> 70 bytes</label>",
        "",
    ]


def test_a_bar_that_was_closed_stays_away(clock: Clock, notebook: Notebook) -> None:
    bar = Progress("reading", True)
    clock.now += 1
    bar(1, 2)
    bar.close()
    bar.close()
    clock.now += 1
    bar(2, 2)
    assert len(notebook.shown) == 1
    assert notebook.updates == [""]


def test_a_display_without_a_handle(
    clock: Clock, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where output is captured, IPython's display may give nothing back."""
    import IPython.display

    shown: list[object] = []
    monkeypatch.setattr(IPython.display, "display", lambda data, **_: shown.append(data))
    with Progress("reading", True) as bar:
        for done in (1, 2):
            clock.now += 1
            bar(done, 2)
    assert shown
