"""Our streams against an oracle's: every class of difference, for one capture. No input or output here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from .ours import Seen, SeenStream, union

CLASSES = {
    "exception": "an exception other than CaptureError",
    "refused": "CaptureError, but the oracle has streams",
    "timeout": "took longer than the limit",
    "warning": "a Python warning was issued",
    "frames": "another number of frames",
    "missing_stream": "the oracle has a stream that we do not have",
    "extra_stream": "we have a stream with payload that the oracle does not have",
    "length": "another offset after the last captured byte",
    "captured": "same length, but another number of captured bytes",
    "content": "same length and count, other bytes",
    "gaps": "other gaps below the last captured byte",
    "runs": "a run of captured bytes differs",
    "conflicts": "other ranges seen with different contents",
    "last_wins": "other bytes with overlap='last'",
    "by_encap": "neither the merged nor the separate streams of a connection seen in several encapsulations",
    "vlan": "other VLAN ids",
    "pairing": "two streams of one connection are not in one flow, or of two connections are",
    "order": "connections of one pair of endpoints are numbered in another order",
    "size": "size is below what the headers say",
    "conn_log": "a row of Zeek's conn.log differs",
    "http_object": "an HTTP object that tshark exports is in no body of ours",
    "inconsistent": "our own answers contradict each other",
}


@dataclass(frozen=True)
class Difference:
    """One finding."""

    capture: str
    kind: str
    stream: str
    """``src:port > dst:port #conn``, empty where the whole capture is meant"""
    what: str

    def to_dict(self) -> dict[str, str]:
        """As JSON wants it."""
        return asdict(self)


Oracle = dict[str, Any]
Pair = tuple[Oracle, SeenStream]


def name(stream: Oracle | SeenStream) -> str:
    """How reports call a stream."""
    if isinstance(stream, SeenStream):
        return f"{stream.src}:{stream.sport} > {stream.dst}:{stream.dport}"
    return f"{stream['src']}:{stream['sport']} > {stream['dst']}:{stream['dport']} #{stream['conn']}"


def _key(stream: Oracle) -> tuple[str, int, str, int]:
    return str(stream["src"]), int(stream["sport"]), str(stream["dst"]), int(stream["dport"])


def match(theirs: list[Oracle], ours: list[SeenStream]) -> tuple[list[Pair], list[Oracle], list[SeenStream]]:
    """Pairs of the same stream, what is only theirs, what is only ours. Each is used once.

    Among streams of the same endpoints: first those of equal contents, then those that begin in the same
    frame, then in order.
    """
    left: dict[object, list[SeenStream]] = defaultdict(list)
    for stream in sorted(ours, key=lambda s: s.first_frame):
        left[stream.key].append(stream)
    pairs: list[Pair] = []
    rest = sorted(theirs, key=lambda s: (s["conn"], s["first_frame"]))
    tests: tuple[Callable[[Oracle, SeenStream], bool], ...] = (
        lambda a, b: a["sha256"] == b.sha256 and a["first_frame"] == b.first_frame,
        lambda a, b: a["sha256"] == b.sha256,
        lambda a, b: a["first_frame"] == b.first_frame,
        lambda a, b: True,
    )
    for same in tests:
        waiting, rest = rest, []
        for wanted in waiting:
            candidates = left[_key(wanted)]
            found = next((c for c in candidates if same(wanted, c)), None)
            if found is None:
                rest.append(wanted)
            else:
                candidates.remove(found)
                pairs.append((wanted, found))
    return pairs, rest, [s for streams in left.values() for s in streams]


def compare(
    capture: str,
    oracle: Oracle,
    seen: Seen,
    *,
    last: Seen | None = None,
    tagged: Seen | None = None,
) -> list[Difference]:
    """Everything in which we differ.

    `seen` ignores VLAN tags, as the oracle does; `tagged` does not; `last` is with overlap="last".
    """
    out: list[Difference] = []

    def differ(kind: str, stream: Oracle | SeenStream | None, what: str) -> None:
        out.append(Difference(capture, kind, "" if stream is None else name(stream), what))

    if oracle.get("frames", seen.frames) != seen.frames:
        differ("frames", None, f"{seen.frames}, not {oracle['frames']}")
    several = [s for s in oracle["streams"] if s.get("by_encap")]
    apart = {_key(s) for s in several}
    pairs, missing, extra = match(
        [s for s in oracle["streams"] if _key(s) not in apart],
        [s for s in seen.streams if s.key not in apart],
    )
    for stream in missing:
        differ("missing_stream", stream, f"{stream['captured']} bytes from frame {stream['first_frame']}")
    for other in extra:
        differ("extra_stream", other, f"{other.captured} bytes from frame {other.first_frame}")
    for other in seen.streams:
        for text in other.inconsistent:
            differ("inconsistent", other, text)
    for theirs, ours in pairs:
        for kind, what in stream_differences(theirs, ours):
            differ(kind, theirs, what)
    for kind, stream, what in _connections(pairs):
        differ(kind, stream, what)
    if last is not None:
        for theirs, ours in match([p[0] for p in pairs], last.streams)[0]:
            wanted = str(theirs.get("sha256_last_wins") or theirs["sha256"])
            if ours.sha256 is not None and ours.sha256 != wanted:
                differ("last_wins", theirs, f"{ours.sha256[:16]}, not {wanted[:16]}")
    if tagged is not None:
        for kind, stream, what in _encapsulations(oracle, several, tagged):
            differ(kind, stream, what)
    return out


def stream_differences(theirs: Oracle, ours: SeenStream) -> Iterator[tuple[str, str]]:
    """Class and explanation of each difference between two streams."""
    if theirs["length"] != ours.length:
        yield "length", f"{ours.length}, not {theirs['length']}"
    elif theirs["captured"] != ours.captured:
        yield "captured", f"{ours.captured}, not {theirs['captured']}"
    elif ours.sha256 is not None and theirs["sha256"] != ours.sha256:
        yield "content", f"{ours.sha256[:16]}, not {theirs['sha256'][:16]}"
    gaps = [(int(o), int(n)) for o, n in theirs["gaps"]]
    if gaps != ours.gaps:
        yield "gaps", f"{_differing(ours.gaps, gaps)}"
    runs = [(int(o), int(n), str(h)) for o, n, h in theirs.get("runs", [])]
    if runs and runs != ours.runs:
        yield "runs", f"{_differing(ours.runs, runs)}"
    conflicts = union((o, o + n) for o, n, _ in theirs["conflicts"])
    if conflicts != ours.conflicts:
        yield "conflicts", f"{_differing(ours.conflicts, conflicts)}"
    least = max(theirs["length"], theirs.get("wire_length", 0))
    if ours.size < least:
        yield "size", f"{ours.size}, headers say {least}"


def _differing(ours: list[Any], theirs: list[Any]) -> str:
    """Short text: what only one of two lists has."""
    only_ours = [x for x in ours if x not in theirs]
    only_theirs = [x for x in theirs if x not in ours]
    return (
        f"{len(ours)}, not {len(theirs)}; only ours {only_ours[:3]} ({len(only_ours)}), "
        f"only theirs {only_theirs[:3]} ({len(only_theirs)})"
    )


def _connections(pairs: list[Pair]) -> Iterator[tuple[str, Oracle, str]]:
    """Do flows and the oracle's connections correspond, one to one and in order?"""
    flow_of: dict[object, tuple[Oracle, int]] = {}
    by_ends: dict[object, dict[int, tuple[int, Oracle]]] = defaultdict(dict)
    for theirs, ours in pairs:
        ends = frozenset(((theirs["src"], theirs["sport"]), (theirs["dst"], theirs["dport"])))
        first = flow_of.setdefault((ends, theirs["conn"]), (theirs, ours.flow))
        if first[1] != ours.flow:
            yield "pairing", theirs, f"flow {ours.flow}, the other direction flow {first[1]}"
        by_ends[ends].setdefault(theirs["conn"], (ours.flow, theirs))
    for connections in by_ends.values():
        flows = [flow for _, (flow, _) in sorted(connections.items())]
        sample = next(iter(connections.values()))[1]
        if len(set(flows)) < len(flows):
            yield "pairing", sample, f"connections {sorted(connections)} are flows {flows}"
        elif flows != sorted(flows):
            yield "order", sample, f"connections {sorted(connections)} are flows {flows}"


def _encapsulations(oracle: Oracle, several: list[Oracle], tagged: Seen) -> Iterator[tuple[str, Oracle, str]]:
    """VLAN ids, and connections that were captured in more than one encapsulation."""
    groups: dict[object, list[Oracle]] = defaultdict(list)
    for stream in several:
        groups[_key(stream)].append(stream)
    for key, streams in groups.items():
        ours = Counter((s.length, s.sha256) for s in tagged.streams if s.key == key)
        merged = Counter((s["length"], s["sha256"]) for s in streams)
        separate = Counter((e["length"], e["sha256"]) for s in streams for e in s["by_encap"])
        if ours not in (merged, separate):
            lengths = [sorted(n for n, _ in x.elements()) for x in (ours, merged, separate)]
            yield "by_encap", streams[0], f"lengths {lengths[0]}, not {lengths[1]} or {lengths[2]}"
    plain = [s for s in oracle["streams"] if not s.get("by_encap") and not s.get("several_encaps")]
    for theirs, found in match(plain, tagged.streams)[0]:
        if tuple(theirs["vlan"]) != found.vlan and theirs["sha256"] == found.sha256:
            yield "vlan", theirs, f"{found.vlan}, not {tuple(theirs['vlan'])}"
