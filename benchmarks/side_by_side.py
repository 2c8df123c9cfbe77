"""Time to flows, full export and filters, side by side with the peers."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from children import Cost, best, ours, run
from peers import PEERS, TCPFLOW, Peer, export_ours
from report import Section, Verdict, ratio, seconds

FLOWS, EXPORT = "tcpflow_scapy, time to flows", "tcpflow_scapy, full export"
LIMITS = {"large": 0.4, "small": 0.2}
"""Time to flows, in times of tcpflow's whole job."""

EXPRESSION = "tcp port 80"

OUT = "out-"
FEW_FILES = 1_000
"""Outputs of so many files are removed at once."""

_numbers = count()


def compare(capture: Path, rounds: int, scratch: Path) -> Section:
    """All of them on one capture, in turns."""
    name = capture.stem
    section = Section(
        f"{name}.pcap ({capture.stat().st_size / 1e6:,.0f} MB)",
        ["", "does", "wall", "of tcpflow's", "processor", "of tcpflow's"],
    )
    costs: dict[str, list[Cost]] = {}
    run(["cat", str(capture)])
    there = [peer for peer in PEERS if peer.there]
    section.notes += [
        f"{p.name} is not here{': ' + p.missing if p.missing else ''}" for p in PEERS if not p.there
    ]
    for turn in range(rounds):
        costs.setdefault(FLOWS, []).append(_flows(capture))
        for peer in there:
            # The slow ones have one or two turns, the others all.
            if turn < (rounds if peer.name in ("tcpflow", "tcptrace", "cat") else 1 if peer.limit else 2):
                costs.setdefault(peer.name, []).append(_peer(peer, capture, scratch))
        costs.setdefault(EXPORT, []).append(_into(scratch, lambda out: export_ours(capture, out)))
    _remove_outputs(scratch)
    found = {key: best(values) for key, values in costs.items()}
    base = found.get(TCPFLOW.name)
    does = {p.name: p.does for p in there} | {
        FLOWS: "table of flows with gaps",
        EXPORT: "all streams as files",
    }
    for key in (FLOWS, EXPORT, *(p.name for p in there)):
        cost = found[key]
        beside = [ratio(cost.wall / base.wall), ratio(cost.cpu / base.cpu)] if base else ["-", "-"]
        section.rows.append([key, does[key], seconds(cost.wall), beside[0], seconds(cost.cpu), beside[1]])
    for peer in there:
        if peer.limit:
            section.notes.append(f"{peer.name}: the first {peer.limit:,} frames, extrapolated to all.")
    if base:
        section.verdicts += [
            Verdict(f"{name}: time to flows, of tcpflow's", found[FLOWS].wall / base.wall, LIMITS[name], "x"),
            Verdict(f"{name}: full export, of tcpflow's", found[EXPORT].wall / base.wall, 1.0, "x"),
        ]
    if "tcptrace" in found:
        value = found[FLOWS].wall / found["tcptrace"].wall
        section.verdicts.append(Verdict(f"{name}: time to flows, of tcptrace's", value, 1.0, "x", aim=True))
    return section


def filters(capture: Path, rounds: int, scratch: Path) -> Section:
    """What a filter costs."""
    section = Section(
        f"Filter `{EXPRESSION}` on {capture.name}", ["", "all", "filtered", "processor, all", "filtered"]
    )
    mine: dict[str, list[Cost]] = {"": [], EXPRESSION: []}
    theirs: dict[str, list[Cost]] = {"": [], EXPRESSION: []}
    for _ in range(rounds):
        for expression in ("", EXPRESSION):
            mine[expression].append(_flows(capture, expression))
            if TCPFLOW.there:
                words = expression.split()
                theirs[expression].append(_into(scratch, partial(_tcpflow, capture, words)))
    for name, costs in ((FLOWS, mine), ("tcpflow, all streams as files", theirs)):
        if costs[""]:
            whole, some = best(costs[""]), best(costs[EXPRESSION])
            section.rows.append([name, *map(seconds, (whole.wall, some.wall, whole.cpu, some.cpu))])
    return section


def _tcpflow(capture: Path, words: list[str], out: Path) -> list[str]:
    return [*TCPFLOW.command(capture, out), *words]


def _flows(capture: Path, expression: str = "") -> Cost:
    _, found = ours("flows", str(capture), expression)
    return Cost(found["wall"], found["cpu"])


def _peer(peer: Peer, capture: Path, scratch: Path) -> Cost:
    if not peer.limit:
        return _into(scratch, lambda out: peer.command(capture, out))
    few, many = (cut(capture, scratch, peer.limit // share) for share in (2, 1))
    small, large = (run(peer.command(part, scratch)) for part, _, _ in (few, many))
    # Two slices tell what a frame costs and what starting costs.
    frames = many[1] - few[1]
    total = capture.stat().st_size / many[2] * many[1]
    scale = (total - many[1]) / max(frames, 1)
    return Cost(large.wall + (large.wall - small.wall) * scale, large.cpu + (large.cpu - small.cpu) * scale)


def _into(scratch: Path, command: Callable[[Path], list[str]]) -> Cost:
    """Run a command that writes to a folder that is made for it.

    Nobody pays for the one before: what that wrote is on the disk first, and many files stay where they are
    until all have run. A file system without a journal (as those of many virtual machines) hands out the
    inode of a deleted file only minutes later and looks at each of them until then for every new file: who
    came after the removal of 80,000 files once took 50 s instead of 5.
    """
    out = scratch / f"{OUT}{next(_numbers)}"
    os.sync()
    try:
        return run(command(out))
    finally:
        if out.is_dir() and len(os.listdir(out)) <= FEW_FILES:
            shutil.rmtree(out)


def _remove_outputs(scratch: Path) -> None:
    for out in scratch.glob(f"{OUT}*"):
        shutil.rmtree(out)


def cut(capture: Path, scratch: Path, frames: int) -> tuple[Path, int, int]:
    """The first frames of a pcap file: a file, the number of frames in it, its size."""
    path = scratch / f"{capture.stem}-first-{frames}.pcap"
    found = 0
    with capture.open("rb") as source, path.open("wb") as target:
        target.write(source.read(24))
        while found < frames and len(record := source.read(16)) == 16:
            target.write(record + source.read(struct.unpack("<4I", record)[2]))
            found += 1
    return path, found, os.path.getsize(path)
