"""tcpflow and tshark, run on a capture, their answers as plain values.

A program that is not installed skips the test, unless ``TCPFLOW_SCAPY_REQUIRE_PEERS=1`` says that nothing may
be skipped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SAMPLES = sorted((Path(__file__).resolve().parents[2] / "sample_pcaps").glob("*.pcap*"))

NO_STREAM_FILES = ("report.xml", "alerts.txt")


def require(program: str) -> str:
    """Its path."""
    found = shutil.which(program)
    if found is None:
        if os.environ.get("TCPFLOW_SCAPY_REQUIRE_PEERS") == "1":
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")
    return found


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Standard output; the exit code does not matter (tcpflow's is no help)."""
    done = subprocess.run([str(c) for c in command], capture_output=True, cwd=cwd, timeout=120, check=False)
    return done.stdout.decode("utf-8", "replace")


def tcpflow_files(capture: Path, folder: Path) -> dict[str, bytes]:
    """Name and contents of every stream file that tcpflow writes."""
    folder.mkdir()
    run(require("tcpflow"), "-r", capture, "-o", folder)
    files = (p for p in sorted(folder.iterdir()) if p.name not in NO_STREAM_FILES)
    return {p.name: p.read_bytes() for p in files if p.is_file()}


@dataclass
class Followed:
    """One conversation as tshark follows it."""

    number: int
    nodes: tuple[str, str]
    data: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    """what each node sent, in the order in which tshark delivers it, without what is missing"""
    missing: list[int] = field(default_factory=lambda: [0, 0])
    """bytes that tshark says are missing"""


MISSING = re.compile(rb"\[(\d+) bytes missing in capture file\]\0?")


def tshark_rows(capture: Path) -> list[dict[str, str]]:
    """Every TCP frame with its conversation number and payload length."""
    names = ["frame.number", "tcp.stream", "tcp.len", "tcp.srcport", "ip.src", "ipv6.src"]
    fields = [word for name in names for word in ("-e", name)]
    text = run(require("tshark"), "-n", "-r", capture, "-Y", "tcp", "-T", "fields", *fields)
    return [dict(zip(names, line.split("\t"), strict=True)) for line in text.splitlines()]


def tshark_follow(capture: Path, count: int) -> list[Followed]:
    """The first `count` conversations."""
    taps = [word for number in range(count) for word in ("-z", f"follow,tcp,raw,{number}")]
    text = run(require("tshark"), "-n", "-r", capture, "-q", *taps)
    found = []
    for block in text.split("Follow: tcp,raw\n")[1:]:
        lines = block.splitlines()
        number = int(lines[0].rpartition(" ")[2])
        nodes = lines[1].partition(": ")[2], lines[2].partition(": ")[2]
        conversation = Followed(number, nodes)
        for line in lines[3:]:
            if line.startswith("="):
                break
            side = int(line.startswith("\t"))
            data = bytes.fromhex(line)
            told = MISSING.fullmatch(data)
            if told:
                conversation.missing[side] += int(told[1])
            else:
                conversation.data[side].extend(data)
        found.append(conversation)
    return sorted(found, key=lambda f: f.number)
