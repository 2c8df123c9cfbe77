"""Programs run one at a time, with what they took: wall time, processor time, memory of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_SECONDS = 0.005

PREFIX: list[str] = []
"""Put before every command, such as a program that sets the priority."""


@dataclass(slots=True)
class Cost:
    """What one run took."""

    wall: float
    """seconds"""
    cpu: float
    """seconds of user and system time, children included"""
    private: int = 0
    """bytes: largest anonymous memory seen (files that are mapped are the page cache's), 0 if not watched"""


def best(costs: list[Cost]) -> Cost:
    """The least of each: what other jobs of the machine add is left out as far as it goes."""
    return Cost(min(c.wall for c in costs), min(c.cpu for c in costs), max(c.private for c in costs))


def environment() -> dict[str, str]:
    """The environment of a child that can import the package."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    # Compiled modules are kept, as they are wherever a package is installed.
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPATH": path}


def run(command: list[str], *, watch: bool = False, timeout: float = 3_600) -> Cost:
    """Run a command to its end; its output is thrown away.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    return _run(command, watch, timeout)[0]


def run_json(command: list[str], *, watch: bool = False, timeout: float = 3_600) -> tuple[Cost, Any]:
    """Run a command whose standard output is JSON."""
    cost, out = _run(command, watch, timeout)
    return cost, json.loads(out)


def ours(job: str, *arguments: str, watch: bool = False, timeout: float = 3_600) -> tuple[Cost, Any]:
    """Run a job of `ours.py` in a fresh interpreter."""
    script = str(ROOT / "benchmarks" / "ours.py")
    return run_json([sys.executable, script, job, *arguments], watch=watch, timeout=timeout)


def _run(command: list[str], watch: bool, timeout: float) -> tuple[Cost, bytes]:
    began = time.perf_counter()
    child = subprocess.Popen(
        [*PREFIX, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    peak = [0]
    if watch:
        threading.Thread(target=_watch, args=(child.pid, peak), daemon=True).start()
    stop = threading.Timer(timeout, child.kill)
    stop.start()
    errors: list[bytes] = []
    reader = threading.Thread(target=lambda: errors.append(child.stderr.read()))  # type: ignore[union-attr]
    reader.start()
    out = child.stdout.read()  # type: ignore[union-attr]
    reader.join()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    stop.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        words = b"".join(errors).decode(errors="replace").strip().splitlines()[-3:]
        raise RuntimeError(f"{command[0]} failed ({child.returncode}): {' | '.join(words)}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak[0]), out


def _watch(pid: int, peak: list[int]) -> None:
    """Follow a process's anonymous memory until it ends."""
    try:
        while True:
            with open(f"/proc/{pid}/status") as file:
                for line in file:
                    if line.startswith("RssAnon:"):
                        peak[0] = max(peak[0], int(line.split()[1]) * 1024)
                        break
                else:
                    return
            time.sleep(SAMPLE_SECONDS)
    except OSError:
        return
