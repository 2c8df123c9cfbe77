"""Runs that are ended while they write: whatever has a name in the folder is whole, and is listed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.helpers.traffic import Capture, Conversation

ROOT = Path(__file__).parents[2]
CONNECTIONS = 1000
SEGMENT = 50_000
RUNS = 2
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}

PROGRAM = """
import os, signal, sys
# A job in the background inherits that interrupts are ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.argv.pop(1) == "hidden":
    del os.O_TMPFILE
from tcpflow_scapy.cli.entry import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "many.pcap"
    Capture(*map(_talk, range(CONNECTIONS))).write(path)
    return path


def _talk(number: int) -> Conversation:
    made = Conversation(client=f"10.0.0.1:{2000 + number}", server="10.0.0.2:80")
    request = _request(number)
    for at in range(0, len(request), SEGMENT):
        made.client(request[at : at + SEGMENT])
    return made


def _request(number: int) -> bytes:
    """Told by its file's name; some are long enough for the threads."""
    return b"%d," % number * (20_000 if number % 50 == 7 else 200)


@pytest.mark.parametrize("way", ["nameless", "hidden"])
@pytest.mark.parametrize("number", list(CODES), ids=lambda number: number.name)
def test_only_whole_files_have_names(number: signal.Signals, way: str, capture: Path, tmp_path: Path) -> None:
    chosen = random.Random(f"{number}{way}")
    for run in range(RUNS):
        out = tmp_path / str(run)
        command = [sys.executable, "-c", PROGRAM, way, "-q", "-r", str(capture), "-o", str(out)]
        child = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
        _wait_for_files(out, chosen.randrange(1, CONNECTIONS + 1), child)
        child.send_signal(number)
        error = child.communicate(timeout=60)[1]
        assert child.returncode in (CODES[number], 0), error
        assert b"Traceback" not in error
        _check(out, report=number != signal.SIGKILL, leftovers=(number, way) == (signal.SIGKILL, "hidden"))


def _wait_for_files(out: Path, count: int, child: subprocess.Popen[bytes]) -> None:
    while child.poll() is None and (not out.exists() or len(os.listdir(out)) < count):
        time.sleep(0.0005)


def _check(out: Path, *, report: bool, leftovers: bool) -> None:
    names = {name for name in os.listdir(out) if not (leftovers and name.endswith(".part"))}
    streams = {name for name in names if not name.startswith("report")}
    for name in streams:
        assert (out / name).read_bytes() == _request(int(name[16:21]) - 2000), name
    if report:
        told = ET.parse(out / "report.xml").iterfind("configuration/fileobject/filename")
        assert {os.path.basename(each.text or "") for each in told} == streams
