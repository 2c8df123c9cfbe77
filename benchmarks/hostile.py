"""Captures made to hurt: time to flows, and what their files, tables and bodies cost, beside honest ones."""

from __future__ import annotations

import math
import sys
from pathlib import Path

from children import ROOT, ours
from report import Section, Verdict, ratio, seconds

sys.path.insert(0, str(ROOT))
from tests.helpers.adversarial import CAPTURES, SUFFIXES, honest
from tests.helpers.costly import COSTLY, MEASURES

LIMIT = 3.0
"""Of an honest capture of the same size"""

JOBS = ("export", "conflicts", "http", "linux")
"""Of `ours.cost`; ``flows`` goes before them"""

PATIENCE = 60.0
"""Seconds after which a job is ended"""

FEWER = 10
"""Captures of `CAPTURES` have so many times fewer frames for the jobs: the flows themselves are measured"""


class Measure:
    """What honest captures cost, by number of frames and job: each made and measured once."""

    def __init__(self, scratch: Path, rounds: int) -> None:
        self._path = scratch / "measure.pcap"
        self._rounds = rounds
        self._known: dict[tuple[str, int, str], float] = {}

    def wall(self, name: str, path: Path, size: int, job: str) -> float:
        """Best time of a job for an honest capture like the hostile one of that name, path and size."""
        make = MEASURES.get(name, honest)
        frames = _frames(path, name, size)
        key = (make.__name__, frames, job)
        if key not in self._known:
            make(self._path, frames)
            self._known[key] = min(job_wall(self._path, job)[0] for _ in range(self._rounds))
            self._path.unlink()
        return self._known[key]


def job_wall(path: Path, job: str) -> tuple[float, str]:
    """Seconds a job took, infinite if it was ended; and why a capture was refused."""
    arguments = ("flows", str(path)) if job == "flows" else ("cost", str(path), job)
    try:
        found = ours(*arguments, timeout=PATIENCE)[1]
    except RuntimeError:
        return math.inf, ""
    return found.get("wall", math.nan), found.get("refused", "")


def hostile(scratch: Path, rounds: int, share: float) -> Section:
    """Every hostile capture, against honest ones of the same size and of the same number of frames."""
    header = ["", "bytes", "time to flows", "an honest one", "ratio", *(f"{job}, ratio" for job in JOBS)]
    section = Section("Captures made to hurt", header)
    measure = Measure(scratch, rounds)
    for name, make in {**CAPTURES, **COSTLY}.items():
        path = scratch / (name + SUFFIXES.get(name, ".pcap"))
        size = _default_size(make)
        # Small ones are not made smaller.
        size = size if size <= 1_000 else max(int(size * share), 1_000)
        make(path, size)
        row = [name, f"{path.stat().st_size:,}"]
        found = [job_wall(path, "flows") for _ in range(rounds)]
        if found[0][1]:
            section.rows.append([*row, "refused", *["-"] * (len(header) - 3)])
            section.notes.append(f"{name}: {found[0][1].replace(str(path), path.name)}")
        else:
            wall, plain = min(found)[0], measure.wall(name, path, size, "flows")
            ratios = {"flows": wall / plain}
            if name in CAPTURES and size > 1_000:
                size //= FEWER
                make(path, size)
            for job in JOBS:
                ratios[job] = job_wall(path, job)[0] / measure.wall(name, path, size, job)
            section.rows.append([*row, seconds(wall), seconds(plain), *map(ratio, ratios.values())])
            if name != "honest":
                section.verdicts += [
                    Verdict(f"hostile: {name}, {job}, of honest", value, LIMIT, "x")
                    for job, value in ratios.items()
                ]
        path.unlink()
    section.notes.append(
        f"The jobs (see `ours.cost`) are measured once, on a {FEWER}th of the frames where these are many;"
        f" one that takes {PATIENCE:.0f} s is ended (inf)."
    )
    return section


def _frames(path: Path, name: str, size: int) -> int:
    """Frames of the honest capture that a hostile one is measured by: in steps, to have few of them."""
    if name in MEASURES:
        return size
    # An honest frame takes 74 bytes in these files.
    frames = max(path.stat().st_size // 74, size, 1_000)
    return 1 << math.ceil(math.log2(frames) * 2) // 2 if frames < 10_000 else round(frames, -4)


def _default_size(write: object) -> int:
    return int(write.__defaults__[0])  # type: ignore[attr-defined]
