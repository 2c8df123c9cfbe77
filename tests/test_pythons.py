"""Which Pythons the tests run on, and what is claimed of them."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from tools import pythons
from tools.pythons import Python, ask, claimed, find, oldest, report


def script(folder: Path, name: str, answer: str, status: int = 0) -> str:
    """An interpreter that gives an answer."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{answer.format(path)}'\nexit {status}\n")
    path.chmod(0o755)
    return str(path)


def test_the_oldest_version_is_the_first_claimed_and_none_is_left_out() -> None:
    versions = sorted(claimed())
    assert versions[0] == oldest()
    assert versions == [(3, minor) for minor in range(oldest()[1], versions[-1][1] + 1)]
    tools = tomllib.loads((pythons.ROOT / "pyproject.toml").read_text())["tool"]
    assert tools["mypy"]["python_version"] == f"{oldest()[0]}.{oldest()[1]}"
    assert tools["ruff"]["target-version"] == f"py{oldest()[0]}{oldest()[1]}"


def test_this_python_is_found() -> None:
    own = ask(sys.executable)
    assert own is not None
    assert own.version == sys.version_info[:3]
    # Not that of the virtual environment, which has other packages.
    assert Path(own.path).resolve() == Path(sys.executable).resolve()


def test_the_newest_of_each_minor_version_that_runs_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pythons, "SYSTEM", ())
    monkeypatch.setenv("PATH", f"{tmp_path / 'a'}:{tmp_path / 'b'}:{tmp_path / 'nowhere'}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("HOME", str(tmp_path))
    a, b, pyenv = tmp_path / "a", tmp_path / "b", tmp_path / "pyenv" / "versions"
    script(a, "python3", "CPython 3 12 1 final True {}")
    script(a, "python3.10", "CPython 3 10 9 final True {}")
    script(a, "python3.13", "pyenv: python3.13: command not found", 127)
    script(a, "python3.14", "CPython 3 14 0 candidate True {}")
    script(a, "python3.12-config", "CPython 3 12 9 final True {}")
    script(b, "python3.15", "PyPy 3 15 1 final True {}")
    script(b, "python3.11", "CPython 3 11 9 final False {}")
    wanted = [
        script(pyenv / "3.11.2" / "bin", "python", "CPython 3 11 2 final True {}"),
        script(pyenv / "3.12.10" / "bin", "python", "CPython 3 12 10 final True {}"),
        script(tmp_path / ".pyenv" / "versions" / "x" / "bin", "python", "CPython 3 16 0 final True {}"),
    ]
    # An interpreter that a virtual environment can be made with is better than a newer one.
    assert [python.path for python in find().values()] == wanted
    assert list(find()) == [(3, 11), (3, 12), (3, 16)]


RAN = {(3, 11): "3.11.7", (3, 12): "3.12.1"}


def test_what_is_claimed_is_compared_with_what_was_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pythons, "claimed", lambda: {(3, 11), (3, 13)})
    assert report(RAN, [], required=0) == 0
    said = capsys.readouterr().out
    assert "ran on: 3.11.7, 3.12.1" in said
    assert "Python 3.12 is here, but not in pyproject.toml" in said
    assert "Python 3.13 is in pyproject.toml, but not here" in said
    # In CI a version that is run is claimed.
    assert report(RAN, [], required=2) == 1
    monkeypatch.setattr(pythons, "claimed", lambda: {(3, 11), (3, 12), (3, 13)})
    assert report(RAN, [], required=2) == 0


def test_too_few_and_failed_ones(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(pythons, "claimed", lambda: set(RAN))
    assert report(RAN, [], required=3) == 1
    assert "3 minor versions of CPython >= 3.11 are required here" in capsys.readouterr().out
    assert report(RAN, ["3.12.1"], required=0) == 1
    assert "failed on: 3.12.1" in capsys.readouterr().out


def test_a_python_without_an_environment_fails_only_where_it_is_required(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Python(False, (3, 99, 0), "/nowhere/python3.99")
    monkeypatch.setattr(pythons, "find", lambda: {(3, 99): broken})
    monkeypatch.setattr(pythons, "environment", lambda python: None)
    monkeypatch.delenv("TCPFLOW_SCAPY_REQUIRE_PYTHONS", raising=False)
    assert pythons.main([]) == 0
    monkeypatch.setenv("TCPFLOW_SCAPY_REQUIRE_PYTHONS", "1")
    assert pythons.main([]) == 1
    assert "3.99.0 (/nowhere/python3.99) cannot be used" in capsys.readouterr().out
