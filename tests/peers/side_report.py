"""The DFXML reports of both programs: every record, every number."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from .side_evidence import Evidence, key_text
from .side_files import UNEXPLAINED, Finding, broken
from .side_runs import Run
from .tcpflow_flows import File, Key
from .tcpflow_frames import ETHERNET
from .tcpflow_model import Model

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Entry:
    """A fileobject."""

    key: Key
    values: dict[str, str] = field(default_factory=dict)
    filename: str = ""
    md5: str = ""


def entries(report: bytes) -> list[Entry] | None:
    """The records of a report; None if it is no XML."""
    try:
        root = ET.fromstring(report)
    except ET.ParseError:
        return None
    found = []
    for each in root.iter("fileobject"):
        told = each.find("tcpflow")
        if told is None:
            continue
        ends = [ip_address(told.get(name, "")).packed for name in ("src_ipn", "dst_ipn")]
        key = ends[0], ends[1], int(told.get("srcport", 0)), int(told.get("dstport", 0))
        entry = Entry(key, dict(told.attrib), each.findtext("filename", ""))
        entry.values["filesize"] = each.findtext("filesize", "")
        for digest in each.findall("hashdigest"):
            if digest.get("type") == "MD5":
                entry.md5 = digest.text or ""
        found.append(entry)
    return found


def compare_reports(
    evidence: Evidence, their: Run, our: Run, words: str, settled: set[Key], **options: Any
) -> list[Finding]:
    """All records; directions in `settled` differ in their files already, which says why."""
    name = "report.xml"
    theirs = entries(their.files[name].data) if name in their.files else None
    ours = entries(our.files[name].data) if name in our.files else None
    if ours is None:
        return (
            [] if evidence.refused else [Finding(UNEXPLAINED, evidence.name, words, name, "ours is no XML")]
        )
    if theirs is None:
        kind = "report_broken" if their.code == 1 else UNEXPLAINED
        return [Finding(kind, evidence.name, words, name, f"exit code {their.code}: {_last(their.messages)}")]
    model = evidence.model(**options)
    if not _modelled(theirs, model):
        return [Finding(UNEXPLAINED, evidence.name, words, name, "tcpflow's records are not as modelled")]
    one, other = _by_key(theirs), _by_key(ours)
    found: list[Finding] = []
    for key in sorted(one.keys() | other.keys(), key=str):
        if key not in settled:
            kinds = _direction(evidence, model, key, one.get(key, []), other.get(key, []))
            found += [Finding(kind, evidence.name, words, key_text(key), what) for kind, what in kinds]
    return found


def without_files(evidence: Evidence, their: Run, our: Run, words: str) -> list[Finding]:
    """-FX: a report and no stream files."""
    found = [
        Finding(UNEXPLAINED, evidence.name, words, name, "was written")
        for run in (their, our)
        for name in run.streams()
    ]
    name = "report.xml"
    if name not in their.files or name not in our.files:
        return found
    theirs, ours = (entries(run.files[name].data) for run in (their, our))
    if ours is None:
        return [*found, Finding(UNEXPLAINED, evidence.name, words, name, "ours is no XML")]
    if theirs is None:
        return found  # the run without -FX says why
    if not _modelled(theirs, evidence.model(console=True)):
        found.append(
            Finding(UNEXPLAINED, evidence.name, words, name, "tcpflow's records are not as modelled")
        )
    sized = [e for e in ours if e.values["filesize"] != "0"]
    if sized:
        told = f"filesize 0, ours {sized[0].values['filesize']}"
        found.append(Finding("no_files", evidence.name, words, key_text(sized[0].key), told))
    return found


def _last(messages: str) -> str:
    return (messages.strip().splitlines() or [""])[-1][:100]


def _by_key(found: list[Entry]) -> dict[Key, list[Entry]]:
    groups: dict[Key, list[Entry]] = defaultdict(list)
    for entry in found:
        groups[entry.key].append(entry)
    for group in groups.values():
        group.sort(key=lambda e: e.values.get("startime", ""))
    return groups


def _modelled(theirs: list[Entry], model: Model) -> bool:
    """Whether the model gives every number of tcpflow's report."""
    wanted = sorted(str((f.key, _numbers(f))) for f in model.files)
    return wanted == sorted(str((e.key, tuple(e.values.get(name, "") for name in NUMBERS))) for e in theirs)


NUMBERS = ("filesize", "packets", "len", "caplen", "out_of_order_count", "violations")


def _numbers(file: File) -> tuple[str, ...]:
    caplen = str(file.caplen) if file.caplen != file.wire else ""
    return (
        str(file.last_byte),
        str(file.packets),
        str(file.wire),
        caplen,
        str(file.backwards or ""),
        str(file.violations or ""),
    )


def _direction(
    evidence: Evidence, model: Model, key: Key, theirs: list[Entry], ours: list[Entry]
) -> list[tuple[str, str]]:
    """Everything that differs in one direction whose files are equal."""
    frames = evidence.by_key.get(key, [])
    stray = [f.frame for f in frames if f.frame in model.ignored]
    unseen = evidence.unseen(key)
    kinds: list[tuple[str, str]] = []
    if unseen:
        each, why = unseen[0]
        return [(why if not why.startswith("unseen") else UNEXPLAINED, f"frame {each.frame}")]
    if len(theirs) != len(ours):
        return _counts(evidence, model, key, theirs, ours, stray)
    if stray and not _stray_is_all(evidence, theirs, ours, stray):
        return [(UNEXPLAINED, f"frames {stray[:3]} count for nothing, but that is not all of the difference")]
    for one, other in zip(theirs, ours, strict=True):
        for name in sorted((one.values.keys() | other.values.keys()) & COMPARED):
            mine, your = one.values.get(name, ""), other.values.get(name, "")
            if mine != your:
                kinds.append(_number(evidence, model, name, mine, your, one, stray))
    return list(dict.fromkeys(kinds))


def _stray_is_all(evidence: Evidence, theirs: list[Entry], ours: list[Entry], stray: list[int]) -> bool:
    """Whether packets and bytes differ by exactly the frames that count for no flow of tcpflow."""

    def total(found: list[Entry], name: str) -> int:
        return sum(int(entry.values[name]) for entry in found)

    bytes_of = sum(evidence.segments[frame].wirelen for frame in stray)
    more = [total(ours, name) - total(theirs, name) for name in ("packets", "len")]
    return more == [len(stray), bytes_of]


COMPARED = {
    *NUMBERS,
    "startime",
    "endtime",
    "mac_daddr",
    "mac_saddr",
    "family",
}


def _counts(
    evidence: Evidence, model: Model, key: Key, theirs: list[Entry], ours: list[Entry], stray: list[int]
) -> list[tuple[str, str]]:
    """Another number of records, and the files equal: records of directions without payload."""
    told = f"{len(theirs)} records, ours {len(ours)}"
    if not theirs and len(stray) == len(evidence.by_key[key]):
        return [("stray", f"frame {stray[0]}: {model.ignored[stray[0]]}")]
    events = [e for e in model.events.get(key, []) if e.kind in SPLITTING]
    if events:
        return [(events[0].kind, f"frame {events[0].frame}: {events[0].what}; {told}")]
    if stray:
        return [("stray", f"frame {stray[0]}: {model.ignored[stray[0]]}; {told}")]
    return [(UNEXPLAINED, told)]


SPLITTING = (
    "closed_by_fin",
    "closed_by_reset",
    "far",
    "reuse",
    "late_syn",
    "padding",
    "vlan_merged",
    "timeout",
)


def _number(
    evidence: Evidence, model: Model, name: str, mine: str, your: str, one: Entry, stray: list[int]
) -> tuple[str, str]:
    told = f"{name}: {mine or 'none'}, ours {your or 'none'}"
    if name == "violations":
        return "violations", told
    if name == "out_of_order_count":
        return "out_of_order", told
    if name.startswith("mac"):
        wrong = UNEXPLAINED if evidence.reading.linktype in ETHERNET else "mac_of_no_ethernet"
        return wrong, told
    if name == "filesize":
        file = model.named().get(one.filename.rpartition("/")[2])
        front = file is not None and file.seen is None and str(len(file.data)) == your
        return ("filesize" if front else UNEXPLAINED), told
    if stray:
        return "stray", f"frame {stray[0]}: {model.ignored[stray[0]]}; {told}"
    return _time(evidence, model, one, name, told, mine, your)


def _time(
    evidence: Evidence, model: Model, one: Entry, name: str, told: str, mine: str, your: str
) -> tuple[str, str]:
    """Times that differ though every frame counts for both."""
    if name not in ("startime", "endtime"):
        return UNEXPLAINED, told
    own = sorted(f.time for f in evidence.by_key[one.key])
    wrong = [s for s in evidence.reading.segments if s.key == one.key and broken(s)]
    if wrong:
        return "broken_time", f"frame {wrong[0].frame}: {wrong[0].time[1]} microseconds"
    shift = _moment(your) - _moment(mine) if mine and your else timedelta()
    if shift == timedelta(seconds=1 << 32):
        return "after_2038", told
    in_order = [f.time for f in sorted(evidence.by_key[one.key], key=lambda f: f.frame)]
    if own != in_order:
        return "clock_backwards", told
    return UNEXPLAINED, told


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return EPOCH
