"""Stream files of both programs: every difference with the faults of tcpflow that make it.

A difference is explained only if (1) the model, with all of tcpflow's faults, gives tcpflow's files of that
direction byte for byte, and (2) a fault took part in them: mending it alone, or all but it, changes what the
model writes; or the frames are none for tcpflow's decoder; and (3) our files are what the model writes with
all faults mended, or what the independent oracle says.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from .side_evidence import Evidence, OurFrame, key_text
from .side_runs import Run, Written
from .tcpflow_flows import File, Key
from .tcpflow_frames import Segment
from .tcpflow_model import Model

MENDABLE = frozenset(
    {
        "padding",
        "memory",
        "overwrite",
        "before_isn",
        "late_syn",
        "reset_payload",
        "far",
        "closed_by_reset",
        "closed_by_fin",
        "reuse",
        "stale",
        "data_offset",
        "limit",
        "timeout",
        "vlan_merged",
    }
)
"""Faults of the model that can be mended one by one."""

UNEXPLAINED = "unexplained"

NAME = re.compile(
    r"(?:.*/)?(?P<src>[^/]*)\.(?P<sport>\d{5})-(?P<dst>.*)\.(?P<dport>\d{5})(?:--\d+)?(?:c\d+)?"
)


@dataclass(frozen=True)
class Finding:
    """A difference between the two programs."""

    kind: str
    capture: str
    words: str
    """the arguments both programs got"""
    subject: str
    what: str
    """the evidence: a frame, numbers"""


def key_of(name: str) -> Key | None:
    """The endpoints that a file name tells."""
    found = NAME.fullmatch(name)
    if found is None:
        return None
    try:
        ends = [_packed(found["src"]), _packed(found["dst"])]
    except ValueError:
        return None
    return ends[0], ends[1], int(found["sport"]), int(found["dport"])


def _packed(text: str) -> bytes:
    if ":" in text:
        return ip_address(text).packed
    return bytes(int(octet) for octet in text.split("."))


def grouped(files: Mapping[str, Any]) -> dict[Key | None, dict[str, Any]]:
    """Files by the direction that their names tell."""
    found: dict[Key | None, dict[str, Any]] = defaultdict(dict)
    for name, file in files.items():
        found[key_of(name)][name] = file
    return found


def compare_files(evidence: Evidence, their: Run, our: Run, words: str, **options: Any) -> list[Finding]:
    """Names, contents and times of the stream files."""
    found = []
    theirs, ours = grouped(their.streams()), grouped(our.streams())
    model = evidence.model(**options)
    modelled = grouped(model.named())
    for key in sorted(theirs.keys() | ours.keys(), key=str):
        one, other = theirs.get(key, {}), ours.get(key, {})
        mine: dict[str, File] = modelled.get(key, {})
        subject = key_text(key) if key else ", ".join([*one, *other][:2])
        if _equal(one, other, mine):
            found += _times(evidence, key, one, other, words, subject, **options)
            continue
        kinds = explain(evidence, key, one, other, mine, **options)
        found += [Finding(kind, evidence.name, words, subject, what) for kind, what in kinds]
    return found


def _equal(one: dict[str, Written], other: dict[str, Written], model: dict[str, File]) -> bool:
    return one.keys() == other.keys() and all(one[name].data == other[name].data for name in one)


def explain(
    evidence: Evidence,
    key: Key | None,
    theirs: dict[str, Written],
    ours: dict[str, Written],
    modelled: dict[str, File],
    **options: Any,
) -> list[tuple[str, str]]:
    """The classes of a difference in one direction, each with its evidence."""
    if key is None:
        return [(UNEXPLAINED, f"names of no stream: {[*theirs][:3]} and {[*ours][:3]}")]
    if not _reproduced(theirs, modelled):
        return [(UNEXPLAINED, "tcpflow's files are not what the model of tcpflow writes")]
    kinds = taking_part(evidence, key, **options)
    unseen = evidence.unseen(key)
    kinds += _unseen_kinds(evidence, unseen)
    kinds += _name_kinds(evidence, key, theirs, ours)
    if not kinds:
        return [(UNEXPLAINED, "no fault of tcpflow takes part")]
    wrong = (
        ""
        if _right(evidence, key, ours, unseen, **options)
        else "; ours is neither the mended model's nor the oracle's"
    )
    return [(UNEXPLAINED, f"{kinds[0][0]}{wrong}")] if wrong else kinds


def _reproduced(theirs: dict[str, Written], modelled: dict[str, File]) -> bool:
    if theirs.keys() != modelled.keys():
        return False
    for name, file in modelled.items():
        data = bytearray(theirs[name].data)
        if len(data) != len(file.data):
            return False
        for start, end in file.unknown:
            data[start:end] = file.data[start:end]
        if data != file.data:
            return False
    return True


def contents(model: Model, key: Key) -> list[tuple[str, bytes]]:
    """What a model writes for one direction: names and bytes; those that nobody can tell as marks."""
    return [
        (f.name, bytes(f.data) + repr(f.unknown).encode()) for f in model.files if f.key == key and f.name
    ]


def beginnings(model: Model, key: Key) -> list[tuple[str, int]]:
    """The frame each file of a direction begins with."""
    return [(f.name, f.first.frame) for f in model.files if f.key == key and f.name]


Outcome = Callable[[Model, Key], Any]


def taking_part(
    evidence: Evidence, key: Key, outcome: Outcome = contents, **options: Any
) -> list[tuple[str, str]]:
    """Faults that change what becomes of a direction, with the frame at which they showed."""
    plain = evidence.model(**options)
    every = evidence.model(MENDABLE, **options)
    events = [e for model in (every, plain) for e in model.events.get(key, [])]
    kinds = sorted({e.kind for e in events} & MENDABLE)
    # With all others mended this one makes a difference; or, where faults hide each other, mending it does.
    chosen = [
        k for k in kinds if outcome(every, key) != outcome(evidence.model(MENDABLE - {k}, **options), key)
    ] or [k for k in kinds if outcome(plain, key) != outcome(evidence.model(frozenset({k}), **options), key)]
    found = []
    for kind in chosen:
        first = min((e for e in events if e.kind == kind), key=lambda e: e.frame)
        found.append((kind, f"frame {first.frame}: {first.what}"))
    return found


def _unseen_kinds(evidence: Evidence, unseen: list[tuple[OurFrame, str]]) -> list[tuple[str, str]]:
    """Classes of frames with payload or a SYN that are no segments for tcpflow."""
    first: dict[str, str] = {}
    for each, why in unseen:
        if each.payload or each.flags & 2:
            detail = evidence.reading.error if why in ("stopped", "format") else each.encapsulation
            first.setdefault(why, f"frame {each.frame}: {detail}")
    return [(why if not why.startswith("unseen") else UNEXPLAINED, what) for why, what in first.items()]


def _name_kinds(
    evidence: Evidence, key: Key, theirs: dict[str, Written], ours: dict[str, Written]
) -> list[tuple[str, str]]:
    """The same contents under names with other tags."""
    tags = {each.vlan[0]: each for each in evidence.by_key.get(key, []) if each.vlan}
    for tag, each in tags.items():
        segment = evidence.segments.get(each.frame)
        if segment is None or segment.vlan == tag:
            continue
        mine = [n for n in ours if f"--{tag}" in n]
        if mine and not set(mine) & theirs.keys():
            shown = "no tag" if segment.vlan is None else f"tag {segment.vlan}"
            return [("vlan_name", f"frame {each.frame}: tag {tag}, tcpflow shows {shown}")]
    return []


def _right(
    evidence: Evidence, key: Key, ours: dict[str, Written], unseen: list[tuple[OurFrame, str]], **options: Any
) -> bool:
    """Whether somebody else says of our files that they are right."""
    mended = evidence.model(MENDABLE, **options)
    data = sorted(file.data for file in ours.values())
    if data == sorted(bytes(f.data) for f in mended.files if f.key == key and f.name):
        return True
    if not options and _oracle_agrees(evidence, key, data):
        return True
    return any(each.payload or each.flags & 2 for each, _ in unseen) and (
        bool(options) or evidence.oracle is None
    )


def _oracle_agrees(evidence: Evidence, key: Key, data: Iterable[bytes]) -> bool:
    if evidence.oracle is None:
        return False
    source, destination, sport, dport = key
    wanted = (str(ip_address(source)), sport, str(ip_address(destination)), dport)
    told, apart = [], []
    for stream in evidence.oracle["streams"]:
        if (stream["src"], stream["sport"], stream["dst"], stream["dport"]) == wanted:
            told.append(stream["sha256"])
            apart += [each["sha256"] for each in stream.get("by_encap", [stream])]
    digests = sorted(hashlib.sha256(each).hexdigest() for each in data)
    return digests in (sorted(told), sorted(apart))


def _times(
    evidence: Evidence,
    key: Key | None,
    one: dict[str, Written],
    other: dict[str, Written],
    words: str,
    subject: str,
    **options: Any,
) -> list[Finding]:
    """Modification times of equal files."""
    found = []
    model = evidence.model(**options).named()
    for name in one:
        theirs, ours = one[name].mtime, other[name].mtime
        if theirs == ours:
            continue
        kind, what = UNEXPLAINED, f"{name}: {theirs} ns, ours {ours} ns"
        file = model.get(name)
        first = microseconds(file.first) * 1000 if file else None
        if key is not None and file is not None and broken(file.first):
            if theirs // 10**9 == file.first.time[0]:
                kind, what = "broken_time", f"frame {file.first.frame}: {file.first.time[1]} microseconds"
        elif key is not None and file is not None and first == theirs:
            skipped = evidence.model(**options).ignored
            frames = evidence.by_key[key]
            ignored = [f for f in frames if f.frame < file.first.frame and f.frame in skipped]
            late = [f for f in evidence.unseen(key) if f[0].frame < file.first.frame]
            if theirs + (10**9 << 32) == ours // 1000 * 1000:
                kind, what = "after_2038", f"{name}: {theirs // 10**9} s, ours {ours // 10**9} s"
            elif theirs == ours // 1000 * 1000:
                kind, what = "nanoseconds", f"{name}: {ours % 1000} ns more"
            elif ignored:
                kind, what = "stray_first", f"frame {ignored[0].frame} came before"
            elif late:
                kind, what = late[0][1], f"frame {late[0][0].frame} came before"
            elif began := taking_part(evidence, key, beginnings, **options):
                right = evidence.model(MENDABLE, **options).named().get(name)
                if right and microseconds(right.first) * 1000 == ours // 1000 * 1000:
                    kind, what = began[0]
        found.append(Finding(kind, evidence.name, words, subject, what))
    return found


def broken(segment: Segment) -> bool:
    """Whether the record's fraction of a second is none."""
    return not 0 <= segment.time[1] < 1_000_000


def microseconds(segment: Segment) -> int:
    """Its time."""
    return segment.time[0] * 1_000_000 + segment.time[1]
