"""Rules of the code base that a machine can hold: sizes, names, imports, a test file for each source file."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tcpflow_scapy"
SOURCES = sorted(PACKAGE.rglob("*.py"))

LONGEST_FILE = 400
LONGEST_FUNCTION = 60

HEAVY = {"pandas", "scapy", "rich", "matplotlib", "IPython", "pyarrow", "plotly", "ipywidgets"}
"""Libraries that are imported inside the functions that need them."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(params=SOURCES, ids=name_of)
def source(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    start = node.body[1].lineno if documented and len(node.body) > 1 else first.lineno
    return (node.end_lineno or start) - start + 1


def test_files_and_functions_stay_readable(source: Path) -> None:
    text = source.read_text()
    assert text.count("\n") <= LONGEST_FILE
    long = [
        f"{node.name}: {code_lines(node)}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and code_lines(node) > LONGEST_FUNCTION
    ]
    assert not long


def test_every_file_says_what_it_does(source: Path) -> None:
    docstring = ast.get_docstring(ast.parse(source.read_text()))
    assert docstring is not None
    assert len(docstring) > 10
    assert source.stem not in ("utils", "util", "helpers", "misc", "common")


def test_heavy_libraries_are_imported_where_they_are_needed(source: Path) -> None:
    top = ast.parse(source.read_text()).body
    names = {alias.name.split(".")[0] for node in top if isinstance(node, ast.Import) for alias in node.names}
    names |= {(node.module or "").split(".")[0] for node in top if isinstance(node, ast.ImportFrom)}
    assert not names & HEAVY


def test_no_unfinished_work(source: Path) -> None:
    text = source.read_text()
    assert "TODO" not in text
    assert "FIXME" not in text


def test_tests_mirror_the_package() -> None:
    """A source file has its own test file, or its folder has one that names it for all of them."""
    expected = [
        path for path in SOURCES if path.name not in ("__init__.py", "__main__.py") and path.parent != PACKAGE
    ]
    missing = []
    for path in expected:
        folder = ROOT / "tests" / path.relative_to(PACKAGE).parent
        candidates = [folder / f"test_{path.stem}.py", folder.parent / f"test_{folder.name}.py"]
        if not any(candidate.exists() for candidate in candidates):
            missing.append(name_of(path))
    assert not missing


def test_nothing_runs_a_shell() -> None:
    calls = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "shell" and getattr(node.value, "value", None):
                calls.append(name_of(path))
            if isinstance(node, ast.Attribute) and node.attr in ("system", "popen"):
                calls.append(name_of(path))
    assert not calls
