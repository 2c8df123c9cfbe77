"""What the package says about a capture, as plain values that can be compared with anybody's.

The one place of the peers' tests that knows the package's names.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.helpers.oracle import runs_of

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
    streams = []
    for flow in flows:
        for stream in flow.streams:
            seen = stream_values(flow, stream)
            if seen.captured:
                streams.append(seen)
    return Seen(int(flows.capture.frames), len(flows), streams)


def stream_values(flow: Any, stream: Any) -> SeenStream:
    """One `Stream` as plain values."""
    runs = list(runs_of((int(offset), bytes(data)) for offset, _, data in stream.chunks()))
    length = runs[-1][0] + len(runs[-1][1]) if runs else 0
    captured = sum(len(data) for _, data in runs)
    gaps = [(a, b) for a, b in joined(stream.gaps) if a < length]
    segments = stream.segments
    carrying = segments[(segments["length"] > 0) & (segments["class"] != "rst_payload")]
    seen = SeenStream(
        src=str(stream.address),
        sport=int(stream.port),
        dst=str(stream.peer.address),
        dport=int(stream.peer.port),
        flow=int(flow.id),
        vlan=_vlan(flow.vlan),
        length=length,
        captured=captured,
        size=int(stream.size),
        sha256=_sha256(runs, length),
        runs=[(offset, len(data), hashlib.sha256(data).hexdigest()) for offset, data in runs],
        gaps=[(a, b - a) for a, b in gaps],
        conflicts=joined(stream.conflicts),
        first_frame=int(carrying["frame"].min()) if len(carrying) else 0,
    )
    _check(seen, stream, runs)
    return seen


def joined(table: Any) -> list[tuple[int, int]]:
    """The `start`, `end` ranges of a DataFrame, neighbours and overlapping ones joined."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(zip(table["start"].tolist(), table["end"].tolist(), strict=True)):
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


def _vlan(value: Any) -> tuple[int, ...]:
    if value is None:
        return ()
    if isinstance(value, int):
        return (value,)
    return tuple(int(v) for v in value)


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
