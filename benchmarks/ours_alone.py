"""Memory, growth, start-up, what is at hand, wrapped packets."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

from children import best, ours, run
from make_captures import make
from peers import export_ours
from report import Section, Verdict, ratio, seconds
from side_by_side import cut

CONSTANT = 200_000_000
"""Bytes of memory that may be needed however small the capture is."""

WRAPS = {"vlan-gre": 1.6, "vxlan": 1.6, "fragments": 3.0}


def flows_wall(path: Path, rounds: int) -> float:
    """Best time to flows."""
    return min(ours("flows", str(path))[1]["wall"] for _ in range(rounds))


def growth(data: Path, sizes: list[int], rounds: int, keep: bool) -> Section:
    """Time and memory against the number of packets."""
    section = Section(
        "Growth", ["packets", "time to flows", "per doubling", "peak private memory", "bytes a packet"]
    )
    last: tuple[int, float] | None = None
    for size in sizes:
        there = (data / f"grow-{size}.pcap").exists()
        path = make(f"grow-{size}.pcap", data)
        run(["cat", str(path)])
        wall = flows_wall(path, rounds if size < 10_000_000 else min(rounds, 2))
        cost, found = ours("flows", str(path), watch=True)
        factor = math.nan
        if last is not None:
            factor = (wall / last[1]) ** (1 / math.log2(size / last[0]))
            section.verdicts.append(
                Verdict(f"growth from {last[0]:,} to {size:,}: a doubling", factor, 2.1, "x")
            )
        each = (cost.private - CONSTANT) / found["frames"]
        section.rows.append(
            [
                f"{size:,}",
                seconds(wall),
                "-" if math.isnan(factor) else ratio(factor),
                f"{cost.private / 1e6:,.0f} MB",
                f"{each:.0f}" if each > 0 else "-",
            ]
        )
        last = size, wall
        if size >= 1_000_000:
            section.verdicts.append(
                Verdict(f"memory for {size:,} packets, beyond 200 MB", max(each, 0), 120, "B/packet")
            )
        if not (keep or there):
            path.unlink()
    section.notes.append(
        "Private memory is what is anonymous: pages of the mapped capture are the page cache's."
    )
    return section


def startup(data: Path, rounds: int, scratch: Path) -> Section:
    """From the shell."""
    section = Section("Start", ["", "wall", "processor"])
    small = cut(make("grow-1000.pcap", data), scratch, 100)[0]
    version = [sys.executable, "-m", "tcpflow_scapy", "--version"]
    plain = best([run([sys.executable, "-c", "pass"]) for _ in range(rounds)])
    for name, what, limit in (
        ("`tcpflow-scapy --version`", lambda: run(version), 0.2),
        ("100 packets to files", lambda: run([*export_ours(small, scratch / "few"), "--overwrite"]), 0.7),
    ):
        cost = best([what() for _ in range(rounds)])
        section.rows.append([name, seconds(cost.wall), seconds(cost.cpu)])
        section.verdicts.append(Verdict(f"start: {name}", cost.wall, limit, "s"))
    section.rows.append(["`python -c pass`, for comparison", seconds(plain.wall), seconds(plain.cpu)])
    return section


def at_hand(data: Path) -> Section:
    """What somebody at a keyboard waits for."""
    section = Section("At hand", ["", "best"])
    stream = ours("hand", str(data / "large.pcap"))[1]
    few = ours("table", str(data / "small.pcap"), "100000")[1]
    many = ours("table", str(data / "small.pcap"), "1000000")[1]
    megabyte = stream["wall"] * 1_000_000 / stream["bytes"]
    section.rows = [
        [f"`flow.server.data`, {stream['bytes']:,} bytes", seconds(stream["wall"])],
        ["the same, first time", seconds(stream["first"])],
        [f"`flows.query(...)`, {few['flows']:,} flows", seconds(few["query"])],
        [f"notebook table, {many['flows']:,} flows", seconds(many["html"])],
        [f"terminal table, {many['flows']:,} flows", seconds(many["text"])],
    ]
    section.verdicts = [
        Verdict("at hand: a stream's data, a megabyte", megabyte * 1000, 5, "ms"),
        Verdict("at hand: query on 100,000 flows", few["query"] * 1000, 20, "ms"),
        Verdict("at hand: notebook table of a million flows", many["html"] * 1000, 100, "ms"),
    ]
    return section


def wrapped(data: Path, rounds: int) -> Section:
    """The same packets inside other packets."""
    section = Section("Wrapped packets (small.pcap)", ["", "time to flows", "of plain"])
    names = ["plain", *WRAPS]
    paths = [make("small.pcap" if n == "plain" else f"small-{n}.pcap", data) for n in names]
    walls: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, path in zip(names, paths, strict=True):
            walls[name].append(ours("flows", str(path))[1]["wall"])
    plain = min(walls["plain"])
    for name in names:
        wall = min(walls[name])
        section.rows.append([name, seconds(wall), ratio(wall / plain)])
        if name in WRAPS:
            section.verdicts.append(Verdict(f"wrapped: {name}, of plain", wall / plain, WRAPS[name], "x"))
    return section


__all__ = ["at_hand", "growth", "startup", "wrapped"]
assert os.name == "posix", "memory is read from /proc"
