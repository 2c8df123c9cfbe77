"""Run the tests on every other Python that is here: ``python tools/pythons.py [pytest arguments]``.

A CPython counts that is on PATH, among pyenv's versions, or the system's, and no older than what
pyproject.toml wants; of each minor version the newest. Each gets a virtual environment beside the usual one.
Left out are tests that need a browser, and those of the documentation.

TCPFLOW_SCAPY_REQUIRE_PYTHONS is set in CI to the number of minor versions that the tests must run on in all.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

ARGUMENTS = ("-m", "not browser", "--ignore=tests/docs")
"""What the other Pythons need not run."""

SYSTEM = (Path("/usr/bin"), Path("/usr/local/bin"))

ASK = (
    "import sys, platform, importlib.util as u; b = getattr(sys, '_base_executable', '') or sys.executable; "
    "print(platform.python_implementation(), *sys.version_info[:4], u.find_spec('ensurepip') is not None, b)"
)


class Python(NamedTuple):
    """An interpreter; the better of two compares greater."""

    has_pip: bool
    version: tuple[int, int, int]
    path: str

    @property
    def minor(self) -> tuple[int, int]:
        """As in ``python3.12``."""
        return self.version[:2]

    def __str__(self) -> str:
        return ".".join(map(str, self.version))


def oldest() -> tuple[int, int]:
    """The oldest version that the project wants."""
    first, second = re.findall(r"\d+", PROJECT["requires-python"])[:2]
    return int(first), int(second)


def claimed() -> set[tuple[int, int]]:
    """The versions that pyproject.toml names."""
    found = re.findall(r"Programming Language :: Python :: (\d+)\.(\d+)", "\n".join(PROJECT["classifiers"]))
    return {(int(first), int(second)) for first, second in found}


def places() -> Iterator[Path]:
    """Files that may be interpreters."""
    folders = [Path(name) for name in os.environ.get("PATH", os.defpath).split(os.pathsep) if name]
    for folder in [*folders, *SYSTEM]:
        yield from sorted(
            path for path in folder.glob("python3*") if re.fullmatch(r"python3(\.\d+)?", path.name)
        )
    for root in (os.environ.get("PYENV_ROOT"), Path.home() / ".pyenv"):
        if root:
            yield from sorted(Path(root, "versions").glob("*/bin/python"))


def ask(path: Path | str) -> Python | None:
    """What an interpreter says of itself; None if it does not run (as pyenv's do that are not chosen), is an
    alpha or beta, or no CPython."""
    command = [path, "-I", "-c", ASK]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    name, first, second, third, level, has_pip, base = answer.stdout.strip().split(" ", 6)
    if name != "CPython" or level != "final":
        return None
    return Python(has_pip == "True", (int(first), int(second), int(third)), base)


def find() -> dict[tuple[int, int], Python]:
    """For each minor version the newest interpreter, in order."""
    found: dict[tuple[int, int], Python] = {}
    for path in dict.fromkeys(map(os.path.realpath, places())):
        python = ask(path)
        if python is not None and python.minor >= oldest():
            found[python.minor] = max(found.get(python.minor, python), python)
    return dict(sorted(found.items()))


def environment(python: Python) -> Path | None:
    """The interpreter of a virtual environment with what the tests need; None if it cannot be made."""
    folder = ROOT / f".venv-{python.minor[0]}.{python.minor[1]}"
    inside, stamp = folder / "bin" / "python", folder / ".stamp-test"
    if stamp.exists() and stamp.stat().st_mtime >= (ROOT / "pyproject.toml").stat().st_mtime:
        return inside
    print(f"installing tcpflow-scapy and what its tests need into {folder.name} ...", flush=True)
    steps = [
        ["sh", ROOT / "tools" / "make-venv", python.path, folder],
        [inside, "-m", "pip", "--disable-pip-version-check", "-qq", "install", "--editable", ".[test]"],
    ]
    if any(subprocess.run(step, cwd=ROOT).returncode for step in steps):
        return None
    stamp.touch()
    return inside


def main(arguments: list[str]) -> int:
    """Run the tests; the number of Pythons on which they failed, or 1 if there were too few."""
    required = int(os.environ.get("TCPFLOW_SCAPY_REQUIRE_PYTHONS") or 0)
    here = tuple(sys.version_info[:2])
    ran, failed = {here: platform.python_version()}, list[str]()
    for minor, python in find().items():
        if minor == here:
            continue
        inside = environment(python)
        if inside is None:
            print(f"CPython {python} ({python.path}) cannot be used")
            failed += [str(python)] if required else []
            continue
        print(f"tests on CPython {python} ({python.path})", flush=True)
        ran[minor] = str(python)
        if subprocess.run([inside, "-m", "pytest", *ARGUMENTS, *arguments], cwd=ROOT).returncode:
            failed.append(str(python))
    return report(ran, failed, required)


def report(ran: dict[tuple[int, int], str], failed: list[str], required: int) -> int:
    """Say which Pythons were used and what that means; the exit status."""
    print(f"Pythons that the tests ran on: {', '.join(version for _, version in sorted(ran.items()))}")
    for minor in sorted(claimed() ^ set(ran)):
        what = "in pyproject.toml, but not here" if minor in claimed() else "here, but not in pyproject.toml"
        print(f"Python {minor[0]}.{minor[1]} is {what}")
    if failed:
        print(f"the tests failed on: {', '.join(failed)}")
    if len(ran) < required:
        print(f"{required} minor versions of CPython >= {oldest()[0]}.{oldest()[1]} are required here")
    return int(bool(failed) or len(ran) < required or bool(required and set(ran) - claimed()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
