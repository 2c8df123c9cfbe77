"""The real tcpflow and our command line, side by side, over every capture of a folder.

    python -m tests.peers.side_by_side CAPTURES [ORACLES]

Both get the same words, for many sets of words; files (names, bytes, times), reports, indexes, captures, HTTP
bodies, hashes and console output are compared. Prints each class of difference with its count, the reason and
examples; ends with 1 where a difference is not explained, with 2 where nothing can be compared.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from .judge import pairs
from .side_bodies import compare_bodies, compare_hashes
from .side_captures import compare_split, compare_unused
from .side_classes import CLASSES
from .side_console import STYLES, compare_console, compare_json
from .side_evidence import WIRELESS, Evidence, gather, key_text
from .side_files import UNEXPLAINED, Finding, compare_files
from .side_index import compare_indexes
from .side_names import TEMPLATES, compare_names
from .side_report import compare_reports, without_files
from .side_runs import OUT, Run, ours, theirs
from .tcpflow_flows import Key

LIMITED: dict[str, dict[str, Any]] = {
    "-b 100": {"max_bytes": 100},
    "-m 5000": {"max_gap": 5000},
    "-S tcp_timeout=2": {"timeout": 2},
}
"""Words that change streams, and what they mean to the model."""

SHIFT = 3600
"""seconds of -S tdelta"""

MOST_OUTPUT = 64 << 20
"""Captures larger than this are compared with the first set of words only"""


@dataclass
class Comparison:
    """What was found in a folder."""

    captures: int = 0
    runs: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def unexplained(self) -> list[Finding]:
        return [f for f in self.findings if f.kind not in CLASSES or f.kind == UNEXPLAINED]


class Capture:
    """One capture, all sets of words."""

    def __init__(self, name: str, path: Path, oracle: dict[str, Any] | None) -> None:
        self.evidence = gather(name, path, oracle)
        self.path = path.resolve()
        self.runs = 0
        self.settled: set[Key] = set()

    def both(self, words: str) -> tuple[Run, Run]:
        """Both programs, in folders of their own."""
        return self.twice(words, 1)[0]

    def twice(self, words: str, times: int = 2) -> list[tuple[Run, Run]]:
        """The same, again and again into the same folders."""
        self.runs += 2 * times
        to = [] if words == "-C -J" else ["-o", OUT]
        line = ["-r", str(self.path), *to, *words.split()]
        with tempfile.TemporaryDirectory() as folder:
            one, other = Path(folder, "theirs"), Path(folder, "ours")
            return [(theirs(line, one), ours(["-q", *line], other)) for _ in range(times)]

    def compare(self, quick: bool = False) -> Iterator[Finding]:
        """Every difference; `quick`: with a few sets of words only."""
        their, our = self.both("")
        found = compare_files(self.evidence, their, our, "")
        self._settle(found)
        yield from found
        yield from _codes(self.evidence, their, our)
        if self.evidence.reading.linktype in WIRELESS or self.path.stat().st_size > MOST_OUTPUT:
            return  # not modelled; too much to do everything
        yield from compare_reports(self.evidence, their, our, "", self.settled)
        if quick:
            yield from self._quick()
            return
        yield from self._second_run()
        yield from self._streams()
        yield from self._outputs()
        yield from self._console()

    def _quick(self) -> Iterator[Finding]:
        words = next(iter(TEMPLATES))
        yield from compare_names(self.evidence, *self.both(words), words, self.settled)
        their, our = self.both("-I -e http -e md5 -x netviz")
        yield from compare_bodies(self.evidence, their, our, "-e http")
        yield from compare_hashes(self.evidence, their, our, "-e md5")
        yield from compare_indexes(self.evidence, their, our, "-I")
        yield from compare_split(self.evidence, *self.both("-K"), "-K")
        yield from compare_console(self.evidence, *self.both("-c"), "-c")

    def _settle(self, found: list[Finding]) -> None:
        """Directions whose files differ: nothing else about them can be equal."""
        different = {f.subject for f in found}
        known = {s.key for s in self.evidence.reading.segments} | set(self.evidence.by_key)
        self.settled = {key for key in known if key_text(key) in different}

    def _second_run(self) -> Iterator[Finding]:
        """Into the same folder: c1, and nothing that was there is touched."""
        words = "(again)"
        (their, our), (one, other) = self.twice("")
        for run, before in ((one, their), (other, our)):
            for name, file in before.streams().items():
                after = run.files.pop(name, None)
                if after is None or after.data != file.data:
                    yield Finding(UNEXPLAINED, self.evidence.name, words, name, "was touched")
        report = other.files.pop("reportc1.xml", None)
        if report is not None:
            kept = (
                "report.xml" in our.files and other.files["report.xml"].data == our.files["report.xml"].data
            )
            kind = "report_numbered" if kept else UNEXPLAINED
            yield Finding(kind, self.evidence.name, words, "reportc1.xml", "beside that of the run before")
        yield from compare_files(self.evidence, one, other, words, taken=frozenset(their.streams()))

    def _streams(self) -> Iterator[Finding]:
        for words, options in LIMITED.items():
            yield from compare_files(self.evidence, *self.both(words), words, **options)
        for words in TEMPLATES:
            yield from compare_names(self.evidence, *self.both(words), words, self.settled)
        words = f"-S tdelta={SHIFT}"
        their, our = (_shifted(run) for run in self.both(words))
        yield from compare_files(self.evidence, their, our, words)

    def _outputs(self) -> Iterator[Finding]:
        # Drawing takes a second; that -a draws is tested on one capture.
        their, our = self.both("-a -x netviz")
        yield from compare_bodies(self.evidence, their, our, "-a")
        yield from compare_hashes(self.evidence, their, our, "-a")
        yield from compare_bodies(self.evidence, *self.both("-e http -Z"), "-e http -Z")
        yield from compare_indexes(self.evidence, *self.both("-I"), "-I")
        yield from compare_split(self.evidence, *self.both("-K"), "-K")
        yield from compare_unused(self.evidence, *self.both("-w rest.pcap"), "-w rest.pcap")
        yield from without_files(self.evidence, *self.both("-FX"), "-FX")

    def _console(self) -> Iterator[Finding]:
        if self.evidence.reading.linktype < 0 and not self.evidence.ours:
            return  # neither can read it
        for words in STYLES:
            yield from compare_console(self.evidence, *self.both(words), words)
        yield from compare_json(self.evidence, *self.both("-C -J"), "-C -J")


def _shifted(run: Run) -> Run:
    """Back to the times of the capture."""
    files = {name: replace(f, mtime=f.mtime - SHIFT * 10**9) for name, f in run.files.items()}
    return replace(run, files=files)


def _codes(evidence: Evidence, their: Run, our: Run) -> Iterator[Finding]:
    """Exit codes, which tcpflow makes 1 for whatever it cannot read."""
    if their.code == our.code:
        return
    reading = evidence.reading
    told = f"exit code {their.code}, ours {our.code}"
    kind = UNEXPLAINED
    if their.code == 1 and our.code == 0:
        if reading.linktype < 0:
            kind = "format"
        elif reading.error:
            kind = "stopped"
        elif re.search("unknown data ?link type", their.messages):
            kind = "link_type"
    yield Finding(kind, evidence.name, "", "", f"{told}; {reading.error or their.messages.strip()[-60:]}")


def compare_one(name: str, path: Path, oracle_path: Path | None) -> tuple[int, list[Finding]]:
    """Number of runs, and the differences of one capture. Raises nothing."""
    try:
        oracle = json.loads(oracle_path.read_text()) if oracle_path else None
        capture = Capture(name, path, oracle)
        found = list(capture.compare())
        return capture.runs, found
    except Exception as error:
        return 0, [Finding(UNEXPLAINED, name, "", "", f"{type(error).__name__}: {error}")]


def compare_folder(captures: Path, oracles: Path | None, jobs: int | None = None) -> Comparison:
    """Every capture below a folder, in parallel."""
    comparison = Comparison()
    work = list(pairs(captures, oracles or captures))
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for runs, found in pool.map(compare_one, *zip(*work, strict=True)):
            comparison.captures += 1
            comparison.runs += runs
            comparison.findings += found
    return comparison


def report(comparison: Comparison, kind: str | None, examples: int) -> str:
    """The table of classes, as text."""
    classes: dict[str, list[Finding]] = defaultdict(list)
    for finding in comparison.findings:
        classes[finding.kind if finding.kind in CLASSES else UNEXPLAINED].append(finding)
    lines = [
        f"{comparison.captures} captures, {comparison.runs} runs, {len(comparison.findings)} differences "
        f"in {len(classes)} classes, {len(comparison.unexplained)} unexplained"
    ]
    for label, reason in CLASSES.items():
        found = classes.get(label, [])
        if not found or kind not in (None, label):
            continue
        captures = len({f.capture for f in found})
        where = Counter(f.words or "default" for f in found)
        shown = ", ".join(f"{words} {count}" for words, count in where.most_common(4))
        lines += ["", f"{label}: {len(found)} in {captures} captures ({reason})", f"    with {shown}"]
        lines += [
            f"    {f.capture}  {f.words}  {f.subject}  {f.what}".rstrip() for f in _spread(found, examples)
        ]
    return "\n".join(lines)


def _spread(found: list[Finding], count: int) -> list[Finding]:
    """Examples of different captures first."""
    first = list({f.capture: f for f in reversed(found)}.values())[::-1]
    return [*first, *(f for f in found if f not in first)][:count]


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.peers.side_by_side", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("captures", type=Path, metavar="CAPTURES", help="folder of captures")
    parser.add_argument(
        "oracles", type=Path, nargs="?", metavar="ORACLES", help="folder of their oracles (JSON)"
    )
    parser.add_argument(
        "--class", dest="kind", choices=list(CLASSES), help="list every difference of one class"
    )
    parser.add_argument("--jobs", type=int, help="processes (default: one for each core)")
    parser.add_argument("--examples", type=int, default=2, help="examples shown of each class (default 2)")
    options = parser.parse_args(arguments)
    if shutil.which("tcpflow") is None:
        parser.error("tcpflow is not installed")
    if not options.captures.is_dir() or not any(p.is_file() for p in options.captures.rglob("*")):
        parser.error(f"{options.captures} holds no files")
    began = time.monotonic()
    comparison = compare_folder(options.captures, options.oracles, options.jobs)
    print(report(comparison, options.kind, sys.maxsize if options.kind else options.examples))
    print(f"\n{time.monotonic() - began:.0f} seconds")
    return 1 if comparison.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
