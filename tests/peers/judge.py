"""The judge: every capture of a folder against its oracle.

    python -m tests.peers.judge CAPTURES ORACLES [--zeek FOLDER] [--http]

CAPTURES is searched for files at any depth; the oracle of ``CAPTURES/a/b.pcap`` is ``ORACLES/a/b.pcap.json``,
or any JSON below ORACLES whose ``sha256`` is the capture's. A capture without an oracle is taken as one
without TCP payload. With --zeek flows are compared with the rows of ``FOLDER/a/b.pcap.conn.log`` (or
``FOLDER/a/b.pcap/conn.log``) too, with --http bodies with the objects that tshark exports. Prints each class
of difference with its count and examples; ends with 1 where a difference is not explained, with 2 where
there is nothing to judge.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import sys
import threading
import traceback
import warnings
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tcpflow_scapy.errors import CaptureError

from . import conn_log, http_objects
from .compare import CLASSES, Difference, Oracle, compare
from .explained import EXPLAINED
from .ours import look

NO_PAYLOAD: Oracle = {"streams": []}
SECONDS = 120
"""A capture that takes longer is a finding of its own"""


@dataclass(frozen=True)
class Also:
    """What else is compared than streams."""

    zeek: Path | None = None
    """folder of Zeek's logs"""
    tshark: str | None = None
    """the program, where its HTTP objects are wanted"""


@dataclass
class Verdict:
    """What the judge found in a folder."""

    captures: int = 0
    streams: int = 0
    """of the oracles"""
    differences: list[Difference] = field(default_factory=list)

    def split(self) -> tuple[list[Difference], list[Difference]]:
        """Explained ones, others."""
        known = [d for d in self.differences if explanation(d)]
        return known, [d for d in self.differences if not explanation(d)]


def explanation(difference: Difference) -> str | None:
    """The reason that `explained` gives."""
    keys = ((difference.capture, stream, difference.kind) for stream in (difference.stream, "*"))
    return next((EXPLAINED[key] for key in keys if key in EXPLAINED), None)


def pairs(captures: Path, oracles: Path) -> Iterator[tuple[str, Path, Path | None]]:
    """Name, capture, oracle (or none) of every file below a folder."""
    by_digest: dict[str, Path] | None = None
    for path in sorted(p for p in captures.rglob("*") if p.is_file()):
        name = path.relative_to(captures).as_posix()
        if path.name in ("MANIFEST.csv", "README.md") or (captures == oracles and path.suffix == ".json"):
            continue
        oracle = oracles / (name + ".json")
        if oracle.is_file():
            yield name, path, oracle
            continue
        if by_digest is None:
            by_digest = {}
            for file in sorted(oracles.rglob("*.json")):
                by_digest.setdefault(_load(file).get("sha256", ""), file)
        yield name, path, by_digest.get(hashlib.sha256(path.read_bytes()).hexdigest())


def _load(path: Path) -> Oracle:
    found = json.loads(path.read_text())
    return found if isinstance(found, dict) else {}


def judge_one(
    name: str, path: Path, oracle_path: Path | None, also: Also | None = None
) -> tuple[int, list[Difference]]:
    """Number of the oracle's streams, and the differences of one capture. Raises nothing."""
    oracle = NO_PAYLOAD if oracle_path is None else _load(oracle_path)
    streams = oracle["streams"]
    try:
        with warnings.catch_warnings(record=True) as issued:
            warnings.simplefilter("always")
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="scapy")
            found = _compare(name, path, oracle, also or Also())
        texts = sorted({f"{w.category.__name__}: {w.message}" for w in issued})
        found += [Difference(name, "warning", "", text) for text in texts]
    except CaptureError as error:
        found = [Difference(name, "refused", "", str(error))] if streams else []
    except _TooLong:
        found = [Difference(name, "timeout", "", f"more than {SECONDS} s")]
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        found = [Difference(name, "exception", "", f"{type(error).__name__}: {error} ({where})")]
    return len(streams), found


class _TooLong(BaseException):
    """Not an `Exception`, so that nothing in between takes it for one of its own."""


def _ring(signum: int, frame: object) -> None:
    raise _TooLong


def _compare(name: str, path: Path, oracle: Oracle, also: Also) -> list[Difference]:
    """Reassemble as often as the oracle's questions need it."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGALRM, _ring)
        signal.alarm(SECONDS)
    try:
        streams = oracle["streams"]
        seen = look(path, ignore_vlan=True)
        last = tagged = None
        if any(s["conflicts"] for s in streams):
            last = look(path, ignore_vlan=True, overlap="last")
        if any(s.get("by_encap") or s["vlan"] for s in streams):
            tagged = look(path)
        more = _compare_more(name, path, also)
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.alarm(0)
    return compare(name, oracle, seen, last=last, tagged=tagged) + more


def _compare_more(name: str, path: Path, also: Also) -> list[Difference]:
    """Zeek's rows and tshark's objects."""
    found = []
    log = conn_log.log_of(also.zeek, name) if also.zeek else None
    if log is not None:
        _, rows = conn_log.differences(path, log)
        found += [Difference(name, "conn_log", stream, what) for stream, what in rows]
    if also.tshark:
        missed = http_objects.missed(also.tshark, path)
        found += [Difference(name, "http_object", "", what) for what in missed]
    return found


def judge(captures: Path, oracles: Path, jobs: int | None = None, also: Also | None = None) -> Verdict:
    """Every capture of a folder, in parallel. A process that dies is a finding too."""
    verdict, also = Verdict(), also or Also()
    waiting = [(*item, also) for item in pairs(captures, oracles)]
    while waiting:
        with _pool(min(jobs or os.cpu_count() or 1, len(waiting))) as pool:
            futures = [(item, pool.submit(judge_one, *item)) for item in waiting]
            waiting = []
            for item, future in futures:
                try:
                    streams, found = future.result()
                except BrokenProcessPool:
                    waiting.append(item)
                    continue
                verdict.captures += 1
                verdict.streams += streams
                verdict.differences += found
        if waiting:
            waiting = _alone(waiting, verdict)
    return verdict


def _pool(processes: int) -> ProcessPoolExecutor:
    # Spawned: a forked child would inherit threads' locks, and everything imported here.
    return ProcessPoolExecutor(processes, get_context("spawn"))


def _alone(waiting: list[tuple[str, Path, Path | None, Also]], verdict: Verdict) -> list[Any]:
    """After a crash: one capture at a time until the guilty one is found; gives back the rest."""
    for index, item in enumerate(waiting):
        with _pool(1) as pool:
            future: Future[tuple[int, list[Difference]]] = pool.submit(judge_one, *item)
            try:
                streams, found = future.result()
            except BrokenProcessPool:
                streams, found = 0, [Difference(item[0], "exception", "", "the process died")]
        verdict.captures += 1
        verdict.streams += streams
        verdict.differences += found
        if any(d.what == "the process died" for d in found):
            return waiting[index + 1 :]
    return []


def report(verdict: Verdict, kind: str | None, examples: int) -> str:
    """The findings as text."""
    known, unknown = verdict.split()
    differing = {(d.capture, d.stream) for d in verdict.differences if d.stream}
    lines = [
        f"{verdict.captures} captures, {verdict.streams} streams; {len(differing)} streams differ; "
        f"{len(verdict.differences)} differences, {len(known)} of them explained"
    ]
    classes: dict[str, list[Difference]] = defaultdict(list)
    for difference in unknown:
        classes[difference.kind].append(difference)
    for label in CLASSES:
        found = classes.get(label, [])
        if not found or kind not in (None, label):
            continue
        captures = len({d.capture for d in found})
        lines += ["", f"{label}: {len(found)} in {captures} captures ({CLASSES[label]})"]
        lines += [f"  {d.capture}  {d.stream}  {d.what}".rstrip() for d in found[:examples]]
        if len(found) > examples:
            lines.append(f"  ... and {len(found) - examples} more")
    shown = [d for d in known if kind in (None, d.kind)]
    if shown:
        lines += ["", "explained:"]
        lines += [f"  {d.capture}  {d.stream}  {d.kind}: {explanation(d)}" for d in shown]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.peers.judge", description=__doc__.split("\n")[0])
    parser.add_argument("captures", type=Path, metavar="CAPTURES", help="folder of captures")
    parser.add_argument("oracles", type=Path, metavar="ORACLES", help="folder of their oracles (JSON)")
    parser.add_argument(
        "--class", dest="kind", choices=list(CLASSES), help="list every difference of one class"
    )
    parser.add_argument("--json", metavar="FILE", help="write all differences as JSON (- is standard output)")
    parser.add_argument("--jobs", type=int, help="processes (default: one for each core)")
    parser.add_argument("--examples", type=int, default=5, help="examples shown of each class (default 5)")
    parser.add_argument("--zeek", type=Path, metavar="FOLDER", help="compare with Zeek's conn.log files too")
    parser.add_argument("--http", action="store_true", help="compare with the HTTP objects of tshark too")
    options = parser.parse_args(arguments)
    tshark = shutil.which("tshark") if options.http else None
    if options.http and tshark is None:
        parser.error("tshark is not installed")
    for folder in filter(None, (options.captures, options.oracles, options.zeek)):
        if not folder.is_dir():
            parser.error(f"{folder} is no folder")
    if not any(p.is_file() for p in options.captures.rglob("*")):
        parser.error(f"{options.captures} holds no files")
    verdict = judge(options.captures, options.oracles, options.jobs, Also(options.zeek, tshark))
    _, unknown = verdict.split()
    if options.json:
        document = {
            "captures": verdict.captures,
            "streams": verdict.streams,
            "differences": [{**d.to_dict(), "explanation": explanation(d)} for d in verdict.differences],
        }
        text = json.dumps(document, indent=1)
        if options.json == "-":
            print(text)
            return 1 if unknown else 0
        Path(options.json).write_text(text + "\n")
    print(report(verdict, options.kind, sys.maxsize if options.kind else options.examples))
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
