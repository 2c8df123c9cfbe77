"""Rules of the code base that a machine can hold: sizes, names, imports, a test file for each source file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tcpflow_scapy"
SOURCES = sorted(PACKAGE.rglob("*.py"))

LONGEST_FILE = 400
LONGEST_FUNCTION = 60

HEAVY = {"pandas", "scapy", "rich", "matplotlib", "IPython", "pyarrow", "plotly", "ipywidgets"}
"""Libraries that are imported inside the functions that need them."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    start = node.body[1].lineno if documented and len(node.body) > 1 else first.lineno
    return (node.end_lineno or start) - start + 1


def test_files_stay_readable() -> None:
    lengths = {name_of(path): path.read_text().count("\n") for path in SOURCES}
    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE}


def test_functions_stay_readable() -> None:
    long = {
        f"{name_of(path)}:{node.name}": code_lines(node)
        for path in SOURCES
        for node in functions(path)
        if code_lines(node) > LONGEST_FUNCTION
    }
    assert not long


def test_every_file_says_what_it_does() -> None:
    silent = [name_of(path) for path in SOURCES if len(ast.get_docstring(tree_of(path)) or "") < 10]
    assert not silent


def test_files_are_named_after_what_is_in_them() -> None:
    vague = {"utils", "util", "helpers", "misc", "common", "base"}
    assert not [name_of(path) for path in SOURCES if path.stem in vague]


def test_heavy_libraries_are_imported_where_they_are_needed() -> None:
    early = []
    for path in SOURCES:
        for node in tree_of(path).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            early += [f"{name_of(path)}: {name}" for name in names if name.split(".")[0] in HEAVY]
    assert not early


def test_no_unfinished_work() -> None:
    words = ("TODO", "FIXME", "XXX:")
    assert not [name_of(path) for path in SOURCES if any(word in path.read_text() for word in words)]


def test_nothing_runs_a_shell() -> None:
    calls = []
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.keyword) and node.arg == "shell" and getattr(node.value, "value", None):
                calls.append(name_of(path))
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.system", "os.popen"):
                calls.append(name_of(path))
    assert not calls


def test_tests_mirror_the_package() -> None:
    """Every folder of the package has its folder of tests, or one test file for all that is in it."""
    missing = []
    for folder in {path.parent for path in SOURCES if path.name != "__init__.py"} - {PACKAGE}:
        mirror = ROOT / "tests" / folder.relative_to(PACKAGE)
        if not any(mirror.glob("test_*.py")) and not (mirror.parent / f"test_{mirror.name}.py").exists():
            missing.append(name_of(folder))
    assert not missing


def test_no_test_file_outlives_what_it_tests() -> None:
    """A test file in a mirrored folder is named after a source file, a folder, or a law that it states."""
    orphans = []
    for folder in {path.parent for path in SOURCES} - {PACKAGE}:
        known = {path.stem for path in folder.iterdir() if not path.stem.startswith("_")}
        for test in (ROOT / "tests" / folder.relative_to(PACKAGE)).glob("test_*.py"):
            if test.stem.removeprefix("test_") not in known and not ast.get_docstring(tree_of(test)):
                orphans.append(name_of(test))
    assert not orphans
