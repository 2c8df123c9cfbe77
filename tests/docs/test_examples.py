"""What README and docstrings show really runs: prompts, blocks of Python, commands, expressions."""

from __future__ import annotations

import ast
import doctest
import io
import re
import shlex
import textwrap
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy import FlowTable, reassemble

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
SOURCES = sorted((ROOT / "tcpflow_scapy").rglob("*.py"))

CAPTURES = {
    "mem.pcap": "mem.pcap",
    "x.pcap": "http_ipv4.pcap",
    "a.pcap": "http_ipv4.pcap",
    "capture.pcapng": "any_sll2.pcapng",
}
"""names that examples use, and the sample behind each"""


class Lenient(doctest.OutputChecker):
    """An example that shows no output may have any."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return not want or super().check_output(want, got, optionflags)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the names of the examples mean something."""
    monkeypatch.chdir(tmp_path)
    samples = ROOT / "sample_pcaps"
    (tmp_path / "sample_pcaps").symlink_to(samples)
    for name, sample in CAPTURES.items():
        (tmp_path / name).symlink_to(samples / sample)
    return tmp_path


def run_examples(text: str, name: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run what stands behind ``>>>``; the variables that it leaves."""
    test = doctest.DocTestParser().get_doctest(text, names, name, None, 0)
    runner = doctest.DocTestRunner(Lenient(), optionflags=doctest.ELLIPSIS)
    told = io.StringIO()
    runner.run(test, out=told.write, clear_globs=False)
    assert not runner.failures, told.getvalue()
    assert test.examples
    return test.globs


def docstrings() -> Iterator[tuple[str, str]]:
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                text = ast.get_docstring(node)
                if text and re.search(r"^\s*>>> ", text, re.M):
                    yield f"{path.stem}.{getattr(node, 'name', '')}", text


EXAMPLES = dict(docstrings())


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_docstrings(name: str, desk: Path) -> None:
    from scapy.all import sniff

    from tcpflow_scapy import FlowSession

    run_examples(EXAMPLES[name], name, {"sniff": sniff, "FlowSession": FlowSession})


def test_examples_of_the_readme_at_a_prompt(desk: Path) -> None:
    # What follows an example's code without a prompt is its output; the README shows none.
    lines = [line for line in README.splitlines() if line.startswith("    >>> ")]
    assert len(lines) > 8
    names = run_examples("\n".join(lines) + "\n", "README", {})
    assert any((desk / "out").iterdir())
    assert isinstance(names["flows"], FlowTable)


def blocks() -> list[str]:
    """Indented blocks of the README."""
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", README, re.M)
    return [textwrap.dedent(block).strip() for block in found]


def test_blocks_of_python_run(desk: Path) -> None:
    python = [b for b in blocks() if b.startswith(("from ", "import "))]
    assert python
    for block in python:
        names: dict[str, Any] = {}
        exec(compile(block, "README", "exec"), names)
        assert len(names["flows"]) == 3


def commands() -> list[str]:
    lines = [line for block in blocks() for line in block.splitlines()]
    return [line.partition(" #")[0].strip() for line in lines if line.startswith("tcpflow-scapy ")]


@pytest.mark.parametrize("line", commands())
def test_commands_run(line: str, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tcpflow_scapy.cli as cli

    opened: list[FlowTable] = []
    monkeypatch.setattr("tcpflow_scapy.cli.shell.open_shell", opened.append)
    words = shlex.split(line)[1:]
    if "-i" in words:
        pytest.skip("needs an interface; tests/cli/test_live.py runs such commands")
    told = io.StringIO()
    with redirect_stdout(told):
        assert cli.main(words) == 0
    assert opened or told.getvalue() or any((desk / "out").iterdir())


def expressions() -> list[str]:
    """What README says about flows in backticks: ``flows.gaps``, ``flow.server.at(1000)``."""
    found = re.findall(r"`((?:flows|flow|FlowTable)[.\[][^`]+)`", README)
    return sorted(set(found))


@pytest.fixture(scope="module")
def things() -> dict[str, Any]:
    flows = reassemble(ROOT / "sample_pcaps" / "http_ipv4.pcap")
    names = {"flows": flows, "flow": flows[0], "FlowTable": FlowTable, "df": flows.df, "re": re}
    return {**names, "__builtins__": __builtins__}


@pytest.mark.parametrize("text", expressions())
def test_expressions_are_true(text: str, things: dict[str, Any], desk: Path) -> None:
    tree = ast.parse(text, mode="eval")
    if any(isinstance(node, ast.Constant) and node.value is ... for node in ast.walk(tree)):
        # Arguments are left open: then at least the name is one.
        assert isinstance(tree.body, ast.Call)
        eval(compile(ast.Expression(tree.body.func), "README", "eval"), things)
        return
    eval(compile(tree, "README", "eval"), things)


def fences() -> dict[str, str]:
    """Blocks of Python in Markdown that are shown and not run while the site is built."""
    found = {}
    for path in sorted((ROOT / "docs").rglob("*.md")):
        if "_build" not in path.parts:
            for number, block in enumerate(
                re.findall(r"^```python\n(.*?)^```", path.read_text(), re.M | re.S)
            ):
                found[f"{path.relative_to(ROOT / 'docs')}-{number}"] = block
    live = [block.partition("\n\n")[0] for block in blocks() if block.startswith("live =")]
    return {**found, **{f"README-live-{number}": block for number, block in enumerate(live)}}


SAFE = {'["eth0", "wlan0"]': '"lo"', '"eth0"': '"lo"', "timeout=60": "timeout=1"}
"""what an example names, and what a test may use instead"""


@pytest.mark.parametrize("name", fences())
def test_blocks_of_the_guide_run(name: str, desk: Path, need_root: Any) -> None:
    import tcpflow_scapy

    text = fences()[name]
    for given, ours in SAFE.items():
        text = text.replace(given, ours)
    if "sniff" in text:
        need_root()
    names: dict[str, Any] = {"tcpflow_scapy": tcpflow_scapy, "reassemble": reassemble}
    exec(compile(text, name, "exec"), names)
