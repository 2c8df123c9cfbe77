"""A progress bar for long work: in a terminal, in a notebook, or none."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

PATIENCE = 1.0
"""Seconds of work before a bar appears by itself."""
_REFRESH = 0.1


class Progress:
    """Call it with (done, total); use it as a context manager.

    Parameters
    ----------
    label : str
    wanted : bool or None
        None: only on an interactive terminal or in a notebook, and only for work longer than `PATIENCE`.
    """

    def __init__(self, label: str, wanted: bool | None) -> None:
        self._label = label
        self._kind = "" if wanted is False else surroundings(force=bool(wanted))
        self._begin = time.monotonic()
        self._patience = 0.0 if wanted else PATIENCE
        self._last = 0.0
        self._view: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __call__(self, done: int, total: int | None) -> None:
        """Say how far the work is; cheap to call often."""
        if not self._kind:
            return
        now = time.monotonic()
        if now - self._begin < self._patience or now - self._last < _REFRESH:
            return
        self._last = now
        if self._kind == "terminal":
            self._terminal(done, total)
        else:
            self._notebook(done, total)

    def _terminal(self, done: int, total: int | None) -> None:
        if self._view is None:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._view = Bar(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._view.start()
            self._task = self._view.add_task(self._label, total=total)
        self._view.update(self._task, completed=done, total=total)

    def _notebook(self, done: int, total: int | None) -> None:
        from html import escape

        from IPython.display import display

        share = f' value="{done}" max="{total}"' if total else ""
        percent = f" {100 * done // total} %" if total else f" {done:,} bytes"
        bar = f"<label>{escape(self._label)} <progress{share}></progress>{percent}</label>"
        shown = {"text/html": bar, "text/plain": self._label + percent}
        if self._view is None:
            self._view = display(shown, raw=True, display_id=True)
        elif self._view is not True:
            self._view.update(shown, raw=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._view is None:
            return
        if self._kind == "terminal":
            self._view.stop()
        else:
            # Nothing of it stays: an empty output has no height, and no name of a class as its text.
            self._view.update({"text/html": "", "text/plain": ""}, raw=True)
        self._view = None
        self._kind = ""


def surroundings(*, force: bool = False) -> str:
    """``terminal``, ``notebook``, or nothing where no person looks."""
    if "IPython" in sys.modules:
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
        if shell is not None and type(shell).__name__ == "ZMQInteractiveShell":
            return "notebook"
    try:
        interactive = sys.stderr.isatty()
    except (AttributeError, ValueError):
        interactive = False
    return "terminal" if interactive or force else ""
