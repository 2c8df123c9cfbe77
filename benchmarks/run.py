"""Measure side by side: ``python benchmarks/run.py [--quick] [--json FILE] [--only PART ...]``.

Every figure is the best of several runs with a warm file cache; programs that are compared take turns, so
that what else the machine does hits all of them. Other jobs still show: believe ratios, and repeat a run
that looks odd, or give everything that is measured real-time priority (`--priority`, for root). `--quick`
does less of everything and leaves RESULTS.md alone.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import children
from hostile import hostile
from make_captures import make
from ours_alone import at_hand, growth, startup, wrapped
from peers import PEERS
from report import Section, Verdict, verdict_table
from side_by_side import compare, filters

HERE = Path(__file__).resolve().parent
PARTS = ("large", "small", "filter", "growth", "start", "hand", "wrapped", "hostile")
SIZES = [1_000, 10_000, 100_000, 1_000_000]


def parts(arguments: argparse.Namespace, scratch: Path) -> Iterator[tuple[str, Callable[[], Section]]]:
    """What to measure, in order."""
    data, quick = arguments.data, arguments.quick
    rounds = 1 if quick else arguments.rounds
    sizes = SIZES if quick else [*SIZES, 10_000_000]
    yield "large", lambda: compare(make("large.pcap", data), rounds, scratch)
    yield "small", lambda: compare(make("small.pcap", data), rounds, scratch)
    yield "filter", lambda: filters(make("large.pcap", data), min(rounds, 2), scratch)
    yield "growth", lambda: growth(data, sizes, rounds, arguments.keep)
    yield "start", lambda: startup(data, 3 if quick else 9, scratch)
    yield "hand", lambda: at_hand(data)
    yield "wrapped", lambda: wrapped(data, rounds)
    yield "hostile", lambda: hostile(scratch, min(rounds, 2), 0.1 if quick else 1.0)


def _measured(name: str, measure: Callable[[], Section]) -> Section:
    """A part that fails is part of the report; the others go on."""
    try:
        return measure()
    except RuntimeError as error:
        return Section(f"{name}: failed", [], notes=[str(error)])


def _merged(earlier: list[dict[str, Any]], now: list[Section]) -> list[Section]:
    """Parts of an earlier run, with those measured again in their places."""
    found = [Section(**{**x, "verdicts": [Verdict(**v) for v in x["verdicts"]]}) for x in earlier]
    fresh = {section.title: section for section in now}
    return [fresh.pop(section.title, section) for section in found] + list(fresh.values())


def head() -> list[str]:
    """What the report begins with."""
    versions = [f"{p.name} {p.version}" for p in PEERS if p.there and p.name != "cat"]
    return [
        "# Results",
        "",
        "Made by `python benchmarks/run.py`; how is said in [README.md](README.md), what the figures mean in",
        "[docs/performance.md](../docs/performance.md). Best of several runs in turns, file cache warm,",
        f"{_processors()}, {platform.system()}, Python {platform.python_version()}. Compared with:",
        "",
        *(f"- {version}" for version in versions),
        "",
    ]


def _processors() -> str:
    import os

    return f"{os.cpu_count()} processor cores"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="one run of each, nothing beyond a million packets"
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS)
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each program (3)")
    parser.add_argument("--merge", type=Path, metavar="FILE", help="parts of an earlier run's --json to keep")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures for other programs")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="where the captures are")
    parser.add_argument("--keep", action="store_true", help="keep the captures of the growth series")
    parser.add_argument("--output", type=Path, help="Markdown file (RESULTS.md after a complete run)")
    parser.add_argument(
        "--priority", action="store_true", help="before all other jobs of the machine (chrt -f 1)"
    )
    arguments = parser.parse_args()
    if arguments.priority:
        children.PREFIX[:] = ["chrt", "-f", "1"]
    arguments.data.mkdir(parents=True, exist_ok=True)
    sections: list[Section] = []
    scratch = Path(tempfile.mkdtemp(prefix="bench-", dir=arguments.data))
    try:
        for name, measure in parts(arguments, scratch):
            if name in arguments.only:
                sections.append(_measured(name, measure))
                print(sections[-1].text(), flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if arguments.merge is not None:
        sections = _merged(json.loads(arguments.merge.read_text()), sections)
    verdicts = [v for section in sections for v in section.verdicts]
    summary = ["## What was promised, and what came out", "", *verdict_table(verdicts), ""]
    print("\n".join(summary))
    complete = not arguments.quick and (set(arguments.only) == set(PARTS) or arguments.merge is not None)
    output = arguments.output or (HERE / "RESULTS.md" if complete else None)
    if output is not None:
        output.write_text(
            "\n".join([*head(), *summary, *(section.text() for section in sections)]).rstrip() + "\n"
        )
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(section) for section in sections], indent=2) + "\n")


if __name__ == "__main__":
    main()
