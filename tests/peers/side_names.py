"""-T and -F: the names of all streams whose files are equal under their default names."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from .side_evidence import Evidence, OurFrame, key_text
from .side_files import UNEXPLAINED, Finding, broken
from .side_runs import Run
from .tcpflow_flows import File, Key, address
from .tcpflow_frames import ETHERNET

DEFAULT = "%A.%a-%B.%b%V%v%C%c"

EVERYTHING = "%T_%t_%N_%K_%M_%G_%S_%#_%%_%E_%e_%A.%a-%B.%b%V%v"

TEMPLATES = {
    f"-T {EVERYTHING}": f"{EVERYTHING}%C%c",
    "-T %t/%A/%a_%B/%b_%c": "%t/%A/%a_%B/%b_%c",
    "-Ft": "%tT" + DEFAULT,
    "-FT": "%T" + DEFAULT,
    "-FTk": "%K/%T" + DEFAULT,
    "-Fm": "%M000-%M999/%M%K/" + DEFAULT,
    "-Fg": "%G000000-%G999999/%G%M000-%G%M999/%G%M%K/" + DEFAULT,
}
"""Words of the command line, and the template they mean."""


@dataclass
class Fields:
    """What a name is made of."""

    key: Key
    second: int
    vlan: int | None
    number: int
    session: int
    macs: bytes
    count: int = 0


ESCAPES: dict[str, Callable[[Fields], str]] = {
    "A": lambda f: address(f.key[0]),
    "B": lambda f: address(f.key[1]),
    "a": lambda f: f"{f.key[2]:05d}",
    "b": lambda f: f"{f.key[3]:05d}",
    "T": lambda f: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(f.second)),
    "t": lambda f: str(f.second),
    "V": lambda f: "" if f.vlan is None else "--",
    "v": lambda f: "" if f.vlan is None else str(f.vlan),
    "N": lambda f: f"{f.number % 1000:03d}",
    "K": lambda f: f"{f.number // 10**3 % 1000:03d}",
    "M": lambda f: f"{f.number // 10**6 % 1000:03d}",
    "G": lambda f: f"{f.number // 10**9 % 1000:03d}",
    "S": lambda f: f"{f.session:020d}",
    "E": lambda f: f.macs[6:12].hex(":"),
    "e": lambda f: f.macs[:6].hex(":"),
    "C": lambda f: "c" if f.count else "",
    "c": lambda f: str(f.count) if f.count else "",
    "#": lambda f: str(f.count),
    "%": lambda f: "%",
}


def expand(template: str, fields: Fields) -> str:
    """A name."""
    return re.sub(r"%(.)", lambda m: ESCAPES[m[1]](fields), template)


def named(template: str, each: list[Fields]) -> list[str]:
    """The names of several files, in the order in which they are made."""
    taken: set[str] = set()
    out = []
    for fields in each:
        while (name := expand(template, fields)) in taken:
            fields.count += 1
        taken.add(name)
        out.append(name)
    return out


def their_fields(evidence: Evidence) -> list[tuple[File, Fields]]:
    """Of tcpflow's files, in the order in which they get data."""
    files = [f for f in evidence.model().files if f.name]
    files.sort(key=lambda f: f.named_at)
    return [
        (f, Fields(f.key, f.first.time[0], f.first.vlan, f.number, f.session, f.first.macs)) for f in files
    ]


def our_fields(evidence: Evidence) -> list[tuple[list[OurFrame], Fields]]:
    """Of our files: directions with data by first packet."""
    streams: dict[tuple[int, bool], list[OurFrame]] = {}
    for each in evidence.ours:
        streams.setdefault((each.flow, each.from_client), []).append(each)
    for frames in streams.values():
        frames.sort(key=lambda f: f.frame)
    found = []
    for number, frames in enumerate(sorted(streams.values(), key=lambda s: s[0].frame)):
        first = frames[0]
        if any(f.payload and not f.flags & 4 for f in frames):
            tag = first.vlan[0] if first.vlan else None
            second = max(first.time, 0) // 10**9
            found.append((frames, Fields(first.key, second, tag, number, first.flow, first.macs)))
    return found


def compare_names(evidence: Evidence, their: Run, our: Run, words: str, settled: set[Key]) -> list[Finding]:
    """Both programs' names are what the template says of their own fields; then the fields are compared.

    Directions in `settled` differ in their files already, which says why.
    """
    template = TEMPLATES[words]
    theirs, ours = their_fields(evidence), our_fields(evidence)
    one, other = named(template, [f for _, f in theirs]), named(template, [f for _, f in ours])
    found = []
    if sorted(one) != sorted(their.streams()):
        wrong = sorted(set(one) ^ set(their.streams()))[:2]
        found.append(Finding(UNEXPLAINED, evidence.name, words, "", f"tcpflow's names: {wrong}"))
    if sorted(other) != sorted(our.streams()):
        wrong = sorted(set(other) ^ set(our.streams()))[:2]
        found.append(Finding(UNEXPLAINED, evidence.name, words, "", f"our names: {wrong}"))
    usual = named(DEFAULT, [replace(f, count=0) for _, f in ours])
    by_default = dict(zip(usual, ours, strict=True))
    letters = set(re.findall(r"%(.)", template))
    for file, fields in theirs:
        if file.key not in settled and file.name in by_default:
            kinds = _fields(evidence, letters, file, fields, *by_default[file.name])
            found += [Finding(kind, evidence.name, words, key_text(file.key), what) for kind, what in kinds]
    return found


def _fields(
    evidence: Evidence, letters: set[str], file: File, one: Fields, frames: list[OurFrame], other: Fields
) -> list[tuple[str, str]]:
    """Why the fields of one stream differ."""
    kinds = []
    if letters & set("Tt") and one.second != other.second:
        kinds.append(_time(evidence, file, one, other, frames))
    if letters & set("NKMG") and one.number != other.number:
        kinds.append(("flow_number", f"number {one.number}, ours {other.number}"))
    if "S" in letters and one.session != other.session:
        kinds.append(("session", f"session {one.session}, ours {other.session}"))
    if letters & set("Ee") and one.macs != other.macs:
        same_frame = file.first.frame == frames[0].frame
        wrong = same_frame and evidence.reading.linktype in ETHERNET
        kinds.append((UNEXPLAINED if wrong else "mac_of_no_ethernet", f"frame {file.first.frame}"))
    return kinds


def _time(
    evidence: Evidence, file: File, one: Fields, other: Fields, frames: list[OurFrame]
) -> tuple[str, str]:
    told = f"{one.second}, ours {other.second}"
    if one.second + (1 << 32) == other.second:
        return "after_2038", told
    if broken(file.first):
        return "broken_time", told
    if frames[0].frame < file.first.frame:
        ignored = frames[0].frame in evidence.model().ignored
        return (
            "stray_first" if ignored else evidence.why_unseen(frames[0])
        ), f"frame {frames[0].frame}; {told}"
    return UNEXPLAINED, told
