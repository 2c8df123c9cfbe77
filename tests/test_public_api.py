"""What other people's code calls: names, documentation, cost of the import."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tcpflow_scapy

ROOT = Path(__file__).resolve().parent.parent

HEAVY = {"numpy", "pandas", "scapy", "rich", "matplotlib", "IPython"}


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running `code`."""
    script = f"import sys\n{code}\nprint('MODULES', *{{name.split('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(run.stdout.rpartition("MODULES")[2].split())


def test_every_public_name_exists_and_is_listed() -> None:
    for name in tcpflow_scapy.__all__:
        assert getattr(tcpflow_scapy, name) is not None
        assert name in dir(tcpflow_scapy)
    assert sorted(tcpflow_scapy.__all__) == list(tcpflow_scapy.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        tcpflow_scapy.no_such_name  # noqa: B018


@pytest.mark.parametrize("name", [n for n in tcpflow_scapy.__all__ if not n.startswith("_")])
def test_public_things_are_documented(name: str) -> None:
    thing = getattr(tcpflow_scapy, name)
    assert inspect.getdoc(thing)
    if not inspect.isclass(thing):
        return
    undocumented = [
        member
        for member, value in vars(thing).items()
        if not member.startswith("_") and (callable(value) or isinstance(value, property))
        and not inspect.getdoc(value)
    ]  # fmt: skip
    assert not undocumented


def test_importing_the_package_is_cheap() -> None:
    assert not modules_after("import tcpflow_scapy") & HEAVY


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_load_nothing_heavy(option: str) -> None:
    code = f"import tcpflow_scapy.cli as cli; assert cli.main([{option!r}]) == 0"
    assert not modules_after(code) & HEAVY


def test_the_command_line_does_without_pandas(tmp_path: Path) -> None:
    """A hundred packets from the shell must not wait for pandas."""
    capture = ROOT / "sample_pcaps" / "http_ipv4.pcap"
    arguments = ["-q", "-r", str(capture), "-o", str(tmp_path)]
    code = f"import tcpflow_scapy.cli as cli; assert cli.main({arguments!r}) == 0"
    assert not modules_after(code) & (HEAVY - {"numpy"})
    assert any(tmp_path.iterdir())


def test_version_is_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" in project["dynamic"]
    assert (
        tcpflow_scapy.__version__ in (ROOT / "CHANGELOG.md").read_text()
        or "Unreleased" in (ROOT / "CHANGELOG.md").read_text()
    )


def test_every_export_verb_leads_somewhere() -> None:
    from tcpflow_scapy._accessors import VERBS

    for target in VERBS.values():
        module, _, attribute = target.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute))
