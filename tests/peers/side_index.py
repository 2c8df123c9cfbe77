"""-I: the time index of every stream, line by line."""

from __future__ import annotations

from typing import Any

from .side_evidence import Evidence, key_text
from .side_files import UNEXPLAINED, Finding, broken, key_of
from .side_runs import Run
from .tcpflow_flows import File

Line = tuple[int, int, int]
"""Offset, microseconds, length"""


def lines(text: bytes) -> list[Line]:
    """The lines of an index."""
    found = []
    for line in text.decode().splitlines():
        offset, time, length = line.split("|")
        seconds, fraction = time.split(".")
        moment = abs(int(seconds)) * 1_000_000 + int(fraction)
        found.append((int(offset), -moment if seconds.startswith("-") else moment, int(length)))
    return found


def modelled(file: File) -> bytes:
    """What tcpflow writes: a line for each segment, in order of arrival."""
    return "".join(
        f"{offset}|{segment.time[0]}.{segment.time[1]:06d}|{length}\n"
        for offset, segment, length in file.index
    ).encode()


def compare_indexes(evidence: Evidence, their: Run, our: Run, words: str, **options: Any) -> list[Finding]:
    """Of all streams whose files are equal."""
    found = []
    model = evidence.model(**options).named()
    one, other = their.streams(), our.streams()
    for name in sorted(one.keys() & other.keys()):
        if one[name].data != other[name].data:
            continue  # says why already
        theirs, ours = (run.files.get(f"{name}.findx") for run in (their, our))
        key = key_of(name)
        subject = key_text(key) if key else name
        if theirs is None or ours is None:
            found.append(Finding(UNEXPLAINED, evidence.name, words, subject, "an index is not there"))
        elif theirs.data != modelled(model[name]):
            found.append(
                Finding(UNEXPLAINED, evidence.name, words, subject, "tcpflow's index is not as modelled")
            )
        elif theirs.data != ours.data:
            kind, what = _difference(evidence, lines(theirs.data), lines(ours.data), model[name])
            found.append(Finding(kind, evidence.name, words, subject, what))
    return found


def _difference(evidence: Evidence, theirs: list[Line], ours: list[Line], file: File) -> tuple[str, str]:
    """Why two indexes of equal files differ; ours must be in order, disjoint, and about the same bytes."""
    ends = [offset + length for offset, _, length in ours]
    if any(start < end for (start, _, _), end in zip(ours[1:], ends, strict=False)):
        return UNEXPLAINED, "our lines overlap or are not in order"
    if sum(length for _, _, length in ours) != sum(file.known):
        return UNEXPLAINED, "our lines are not about every byte that was captured"
    if any(broken(s) for _, s, _ in file.index):
        return "broken_time", f"{len(theirs)} lines"
    if any(t < 0 for _, t, _ in theirs):
        return "after_2038", f"{len(theirs)} lines"
    if file.seen is None:
        return "index_front", "the offsets are those before earlier bytes were put in front"
    earlier = {each.time // 1000: (each, why) for each, why in evidence.unseen(file.key)}
    for start, time, length in ours:
        if time in earlier:
            each, why = earlier[time]
            return why, f"frame {each.frame} carried offset {start} first"
        held = [t for at, t, n in theirs if at <= start and start + length <= at + n]
        if not held or time != held[0]:
            return UNEXPLAINED, f"offset {start}: ours says {time}, {held[:3]}"
    pairs = enumerate(zip(theirs, ours, strict=False))
    first = next((i for i, (a, b) in pairs if a != b), min(len(theirs), len(ours)))
    told = [str(lines[first]) if first < len(lines) else "none" for lines in (theirs, ours)]
    return "index_order", f"line {first + 1}: {told[0]}, ours {told[1]}"
