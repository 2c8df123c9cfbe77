"""-K and -w: which frames both programs write, and how."""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from pathlib import Path

from .side_evidence import REASONS, Evidence, OurFrame, key_text
from .side_files import UNEXPLAINED, Finding, key_of
from .side_runs import Run, Written
from .tcpflow_flows import Key
from .tcpflow_frames import RawFrame, raw_frames


def opened(file: Written) -> tuple[int, list[RawFrame]]:
    """Link type and frames of a capture that was written."""
    with tempfile.NamedTemporaryFile() as copy:
        copy.write(file.data)
        copy.flush()
        linktype, frames, _ = raw_frames(Path(copy.name))
    return linktype, frames


def compare_split(evidence: Evidence, their: Run, our: Run, words: str) -> list[Finding]:
    """-K: one capture for each direction."""
    if evidence.reading.linktype < 0 or their.code < 0:
        return _refused(evidence, their, our, words)
    found = []
    theirs = {key_of(n.removesuffix(".pcap")): opened(f) for n, f in their.ending(".pcap").items()}
    ours: dict[Key | None, list[tuple[int, list[RawFrame]]]] = defaultdict(list)
    for ending in (".pcap", ".pcapng"):
        for name, file in our.ending(ending).items():
            ours[key_of(name.removesuffix(ending))].append(opened(file))
    expected: dict[Key | None, list[bytes]] = defaultdict(list)
    for segment in evidence.reading.segments:
        expected[segment.key].append(evidence.reading.raw[segment.frame - 1])
    skipped = evidence.reading.skipped.items()
    cut = {evidence.reading.raw[frame - 1] for frame, why in skipped if why == "truncated"}
    for key in sorted(theirs.keys() | ours.keys() | expected.keys(), key=str):
        if key is None:
            found.append(Finding(UNEXPLAINED, evidence.name, words, "", "a capture with a strange name"))
            continue
        written = [f.data for f in theirs.get(key, (0, []))[1]]
        whole = [data for data in written if data not in cut]
        if len(whole) < len(written) and key not in ours:
            what = f"{len(written) - len(whole)} frames"
            found.append(Finding("truncated_header", evidence.name, words, key_text(key), what))
        if whole != expected.get(key, []):
            found.append(Finding(UNEXPLAINED, evidence.name, words, key_text(key), "not as modelled"))
            continue
        if key in theirs and not whole and key not in ours:
            continue
        kinds = _direction(evidence, key, theirs.get(key), ours.get(key, []))
        found += [Finding(kind, evidence.name, words, key_text(key), what) for kind, what in kinds]
    return found


def _direction(
    evidence: Evidence,
    key: Key,
    theirs: tuple[int, list[RawFrame]] | None,
    ours: list[tuple[int, list[RawFrame]]],
) -> list[tuple[str, str]]:
    kinds: list[tuple[str, str]] = []
    if theirs and any(linktype != theirs[0] for linktype, _ in ours):
        linktype = ours[0][0]
        right = linktype == evidence.reading.linktype
        kinds.append(("split_link_type" if right else UNEXPLAINED, f"link type {theirs[0]}, ours {linktype}"))
    mine = sorted(frame.data for _, frames in ours for frame in frames)
    if theirs and len(ours) > 1:
        kinds.append(("split_shared", f"one file, ours {len(ours)}"))
    if sorted(frame.data for frame in theirs[1]) == mine if theirs else not mine:
        return kinds
    unseen = evidence.unseen(key)
    if unseen:
        each, why = unseen[0]
        return [
            *kinds,
            (why if not why.startswith(("unseen", "other")) else UNEXPLAINED, f"frame {each.frame}"),
        ]
    bad = [s for s in evidence.reading.segments if s.key == key and s.bad_offset]
    if bad and len(theirs[1] if theirs else []) == len(mine) + len(bad):
        return [*kinds, ("data_offset", f"frame {bad[0].frame}")]
    return [*kinds, (UNEXPLAINED, f"{len(theirs[1]) if theirs else 0} frames, ours {len(mine)}")]


def _refused(evidence: Evidence, their: Run, our: Run, words: str) -> list[Finding]:
    """tcpflow could not open the capture, or died."""
    if not our.files and not evidence.ours:
        return []
    if evidence.reading.linktype < 0:
        return [Finding("format", evidence.name, words, "", evidence.reading.error)]
    return [Finding("aborted", evidence.name, words, "", f"signal {-their.code}")]


def compare_unused(evidence: Evidence, their: Run, our: Run, words: str) -> list[Finding]:
    """-w: the frames of no flow."""
    one, other = their.files.get("rest.pcap"), our.files.get("rest.pcap")
    if evidence.reading.linktype < 0 or their.code < 0 or one is None:
        kinds = _refused(evidence, their, our, words)
        return kinds or _none(evidence, their, other, words)
    reading = evidence.reading
    theirs = [f.data for f in opened(one)[1]]
    numbers = sorted({*reading.unprocessed, *evidence.model().unprocessed})
    if one.data[6:8] in (b"\2\0", b"\1\0", b"\0\0") and len(theirs) < len(numbers):
        told = f"version 2.{one.data[6]} of the header is copied, its order of lengths is not"
        return [Finding("unused_version", evidence.name, words, "", told)]
    if theirs != [reading.raw[n - 1] for n in numbers]:
        return [
            Finding(UNEXPLAINED, evidence.name, words, "", f"{len(theirs)} frames, modelled {len(numbers)}")
        ]
    mine = _ours_unused(evidence)
    if other is None or (len(opened(other)[1]) != len(mine) and not reading.error):
        return [Finding(UNEXPLAINED, evidence.name, words, "", "our frames are not those our tables name")]
    found = []
    used = {f.frame: f for f in evidence.ours}
    for frame in sorted(set(numbers) ^ mine):
        kind = _unused_kind(evidence, frame, frame in mine, used)
        found.append(
            Finding(kind, evidence.name, words, f"frame {frame}", f"{reading.skipped.get(frame, '')}")
        )
    return found


def _none(evidence: Evidence, their: Run, other: Written | None, words: str) -> list[Finding]:
    if other is None:
        return []
    unknown = re.search("unknown data ?link type", their.messages)
    kind = "aborted" if their.code < 0 else "link_type" if unknown else UNEXPLAINED
    return [Finding(kind, evidence.name, words, "", f"exit code {their.code}: no file")]


def _ours_unused(evidence: Evidence) -> set[int]:
    """Frames that our tables call unused."""
    return evidence.unused


def _unused_kind(evidence: Evidence, frame: int, mine: bool, used: dict[int, OurFrame]) -> str:
    if not mine:
        # They wrote it, for us it is part of a flow.
        if frame in evidence.model().unprocessed:
            return "reuse"
        why = evidence.reading.skipped.get(frame, "")
        return REASONS.get(why, UNEXPLAINED)
    if frame > evidence.reading.frames:
        return "stopped"
    why = evidence.reading.skipped.get(frame, "")
    if why in ("ethertype", "link type", "loopback family"):
        return "never_reported"
    segment = evidence.segments.get(frame)
    if segment is not None and segment.bad_offset:
        return "data_offset"
    return UNEXPLAINED
