"""A shell of IPython inside the test's process."""

from __future__ import annotations

import atexit
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class Prompt:
    """Runs lines as a person would type them."""

    def __init__(self, shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
        self.shell = shell
        self.capsys = capsys

    def __call__(self, text: str) -> Any:
        """Type a cell that must succeed; its result."""
        found = self.shell.run_cell(text)
        assert found.success, found.error_in_exec or found.error_before_exec
        return found.result

    def error(self, text: str) -> str:
        """Type a cell that is a mistake; what the person reads."""
        self.capsys.readouterr()
        found = self.shell.run_cell(text)
        assert type(found.error_in_exec).__name__ == "UsageError", found.error_in_exec
        shown = self.capsys.readouterr()
        assert "Traceback" not in shown.out + shown.err
        assert len((shown.out + shown.err).strip().splitlines()) == 1
        return str(found.error_in_exec)

    def tab(self, text: str, cursor: int | None = None) -> list[str]:
        """What Tab offers at the end of the text, or at the cursor."""
        completer = self.shell.Completer
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # IPython calls its completions provisional
            cursor = len(text) if cursor is None else cursor
            return [c.text for c in completer.completions(text, cursor)]


@pytest.fixture
def bare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Prompt]:
    """A shell without the extension."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    # The shell puts a module of its own there, and empties it; `multiprocessing` needs the real one.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.Completer.use_jedi = False
    shell = InteractiveShell(config=config)
    yield Prompt(shell, capsys)
    atexit.unregister(shell.atexit_operations)
    shell.atexit_operations()


@pytest.fixture
def prompt(bare: Prompt) -> Prompt:
    """A shell with the extension."""
    bare("%load_ext tcpflow_scapy")
    return bare


@pytest.fixture
def loaded(prompt: Prompt, sample_pcaps: Path) -> Prompt:
    """A shell in which a capture is loaded."""
    prompt(f"%flows {sample_pcaps / 'mem.pcap'};")
    return prompt
