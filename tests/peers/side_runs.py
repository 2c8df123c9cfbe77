"""tcpflow and our command line, run with the same words on the same capture."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 60
"""for one run of tcpflow"""
FILE_SIZE = 1 << 30
"""bytes that one file of tcpflow may have"""
OUT = "out"
"""The folder both write into, with -o; left out of the names"""
MOST_FILES = 20_000
"""files of one run that are looked at"""


@dataclass
class Written:
    """A file of a run."""

    data: bytes
    mtime: int
    """ns"""


@dataclass
class Run:
    """What one program did."""

    code: int
    output: bytes
    messages: str
    files: dict[str, Written] = field(default_factory=dict)
    """by name"""

    def streams(self) -> dict[str, Written]:
        """Without reports, indexes and bodies."""
        return {n: f for n, f in self.files.items() if not n.endswith(NO_STREAM) and "-HTTPBODY-" not in n}

    def ending(self, end: str) -> dict[str, Written]:
        """Files whose names end so."""
        return {n: f for n, f in self.files.items() if n.endswith(end)}


NO_STREAM = ("report.xml", "report.pdf", ".findx", ".pcap", ".pcapng")


def theirs(words: list[str], folder: Path) -> Run:
    """tcpflow, in a folder of its own."""
    folder.mkdir(exist_ok=True)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))

    try:
        done = subprocess.run(
            ["tcpflow", *words],
            capture_output=True,
            cwd=folder,
            timeout=SECONDS,
            check=False,
            preexec_fn=limit,
        )
    except subprocess.TimeoutExpired:
        return Run(-1, b"", f"more than {SECONDS} s", _files(folder))
    return Run(done.returncode, done.stdout, done.stderr.decode(errors="replace"), _files(folder))


def ours(words: list[str], folder: Path) -> Run:
    """Our command line, in this process: starting one costs more than most captures."""
    from tcpflow_scapy.cli import main

    folder.mkdir(exist_ok=True)
    with _caught(folder) as (output, messages):
        code = main(words)
        sys.stdout.flush()
    return Run(code, output.getvalue(), messages.getvalue(), _files(folder))


@contextmanager
def _caught(folder: Path) -> Iterator[tuple[io.BytesIO, io.StringIO]]:
    """Standard output and error, in a folder."""
    output, messages = io.BytesIO(), io.StringIO()
    before, place = (sys.stdout, sys.stderr), os.getcwd()
    sys.stdout, sys.stderr = io.TextIOWrapper(output, encoding="utf-8"), messages
    os.chdir(folder)
    try:
        yield output, messages
    finally:
        os.chdir(place)
        sys.stdout.flush()
        sys.stdout.detach()  # type: ignore[attr-defined]
        sys.stdout, sys.stderr = before


def _files(folder: Path) -> dict[str, Written]:
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file())[:MOST_FILES]:
        status = path.stat()
        found[path.relative_to(folder).as_posix().removeprefix(f"{OUT}/")] = Written(
            path.read_bytes(), status.st_mtime_ns
        )
    return found
