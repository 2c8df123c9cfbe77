"""What the package says about a capture, as plain values that can be compared with anybody's.

The one place of the peers' tests that knows the package's names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.helpers.oracle import runs_of

THOROUGH = 16
"""Streams of a capture whose own tables are compared with the flow table's"""

ZERO_FILL_LIMIT = 1 << 28
"""Bytes up to which a stream with gaps is hashed as one piece"""


@dataclass
class SeenStream:
    """One direction that carried payload."""

    src: str
    sport: int
    dst: str
    dport: int
    flow: int
    """number of its flow"""
    vlan: tuple[int, ...]
    length: int
    """offset after the last captured byte"""
    captured: int
    size: int
    sha256: str | None
    """of the zero-filled stream; None where that would be too long"""
    runs: list[tuple[int, int, str]]
    """offset, length, sha256 of what is there"""
    gaps: list[tuple[int, int]]
    """offset, length; below the last captured byte, neighbours joined"""
    conflicts: list[tuple[int, int]]
    """start, end; joined"""
    first_frame: int
    """of the frames that carried payload"""
    inconsistent: list[str] = field(default_factory=list)
    """where the package contradicts itself"""

    @property
    def key(self) -> tuple[str, int, str, int]:
        """Both endpoints, in direction."""
        return self.src, self.sport, self.dst, self.dport


@dataclass
class Seen:
    """A capture."""

    frames: int
    flows: int
    streams: list[SeenStream]


def look(path: Path | list[Path], **options: Any) -> Seen:
    """Reassemble and tell."""
    from tcpflow_scapy import reassemble

    flows = reassemble(path, progress=False, **options)
    tables = Tables(flows)
    streams = []
    for flow in flows:
        for stream in flow.streams:
            # A table of one stream costs as much as the table of all: some are asked for, the others trusted.
            seen = stream_values(flow, stream, tables, thorough=len(streams) < THOROUGH)
            if seen.captured:
                streams.append(seen)
    return Seen(int(flows.capture.frames), len(flows), streams)


class Tables:
    """Ranges and first frames of all streams, by flow and direction."""

    def __init__(self, flows: Any) -> None:
        self.gaps = _by_stream(flows.gaps)
        self.conflicts = _by_stream(flows.conflicts)
        self.first: dict[tuple[int, str], int] = {}
        packets = flows.packets
        carrying = packets[(packets["length"] > 0) & (packets["class"] != "rst_payload")]
        columns = (carrying[name].tolist() for name in ("flow", "direction", "frame"))
        for flow, direction, frame in zip(*columns, strict=True):
            self.first[flow, direction] = min(frame, self.first.get((flow, direction), frame))


def _by_stream(table: Any) -> dict[tuple[int, str], list[tuple[int, int]]]:
    out: dict[tuple[int, str], list[tuple[int, int]]] = {}
    columns = (table[name].tolist() for name in ("flow", "direction", "start", "end"))
    for flow, direction, start, end in zip(*columns, strict=True):
        out.setdefault((flow, direction), []).append((start, end))
    return out


def stream_values(flow: Any, stream: Any, tables: Tables, thorough: bool = True) -> SeenStream:
    """One `Stream` as plain values."""
    runs = list(runs_of((int(offset), bytes(data)) for offset, _, data in stream.chunks()))
    length = runs[-1][0] + len(runs[-1][1]) if runs else 0
    captured = sum(len(data) for _, data in runs)
    row = int(flow.id), str(stream.direction)
    gaps = [(a, b) for a, b in union(tables.gaps.get(row, [])) if a < length]
    seen = SeenStream(
        src=str(stream.address),
        sport=int(stream.port),
        dst=str(stream.peer.address),
        dport=int(stream.peer.port),
        flow=int(flow.id),
        vlan=tuple(int(v) for v in flow.vlan),
        length=length,
        captured=captured,
        size=int(stream.size),
        sha256=_sha256(runs, length),
        runs=[(offset, len(data), hashlib.sha256(data).hexdigest()) for offset, data in runs],
        gaps=[(a, b - a) for a, b in gaps],
        conflicts=union(tables.conflicts.get(row, [])),
        first_frame=tables.first.get(row, 0),
    )
    _check(seen, stream, runs)
    if thorough:
        _check_tables(seen, stream)
    return seen


def joined(table: Any) -> list[tuple[int, int]]:
    """The `start`, `end` ranges of a DataFrame, neighbours and overlapping ones joined."""
    return union(zip(table["start"].tolist(), table["end"].tolist(), strict=True))


def union(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Half-open ranges in order, neighbours and overlapping ones joined."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((int(start), int(end)))
    return out


def _sha256(runs: list[tuple[int, bytes]], length: int) -> str | None:
    if length - sum(len(data) for _, data in runs) > ZERO_FILL_LIMIT:
        return None
    digest, at = hashlib.sha256(), 0
    for offset, data in runs:
        digest.update(bytes(offset - at))
        digest.update(data)
        at = offset + len(data)
    return digest.hexdigest()


def _check(seen: SeenStream, stream: Any, runs: list[tuple[int, bytes]]) -> None:
    """The package's own answers must agree with each other."""
    wrong = seen.inconsistent
    if seen.size < seen.length:
        wrong.append(f"size {seen.size} below the last captured byte {seen.length}")
    if int(stream.missing) != seen.size - seen.captured:
        wrong.append(f"missing {stream.missing}, size - captured {seen.size - seen.captured}")
    if bool(stream.complete) and stream.missing:
        wrong.append("complete, with missing bytes")
    at, holes = 0, []
    for offset, data in runs:
        if offset > at:
            holes.append((at, offset - at))
        at = offset + len(data)
    if holes != seen.gaps:
        wrong.append(f"gaps {seen.gaps[:3]}, between the chunks {holes[:3]}")
    if seen.length - seen.captured <= ZERO_FILL_LIMIT:
        data = stream.data
        if len(data) != seen.length or hashlib.sha256(data).hexdigest() != seen.sha256:
            wrong.append("data is not the chunks with zeros between")


def _check_tables(seen: SeenStream, stream: Any) -> None:
    """A stream's own tables must be the flow table's."""
    segments = stream.segments
    carrying = segments[(segments["length"] > 0) & (segments["class"] != "rst_payload")]
    for what, own, all_of_them in (
        ("gaps", [(a, b - a) for a, b in joined(stream.gaps) if a < seen.length], seen.gaps),
        ("conflicts", joined(stream.conflicts), seen.conflicts),
        ("first frame", int(carrying["frame"].min()) if len(carrying) else 0, seen.first_frame),
    ):
        if own != all_of_them:
            seen.inconsistent.append(f"{what} of the stream {own}, of the table {all_of_them}")
