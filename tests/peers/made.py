"""Oracles of traffic scripts, in the JSON format of the real ones. The byte map is the reference."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.helpers.oracle import ExpectedStream, expect
from tests.helpers.traffic import Capture, Frame


def oracle_of(capture: Capture) -> dict[str, Any]:
    """The JSON document of a capture; connections of one pair of endpoints in order of first frame."""
    streams, counts = [], dict[object, int]()
    for flow in expect(capture):
        ends = frozenset((flow.client.source, flow.server.source))
        connection = counts.get(ends, 0)
        counts[ends] = connection + 1
        streams += [_stream(s, connection, capture) for s in flow.streams if s.captured]
    streams.sort(key=lambda s: int(s["first_frame"]))
    return {"frames": len(capture), "streams": streams}


def write(capture: Capture, captures: Path, oracles: Path, name: str, **options: Any) -> None:
    """A capture in one folder, its oracle in another."""
    path = captures / name
    path.parent.mkdir(parents=True, exist_ok=True)
    capture.write(path, **options)
    (oracles / name).parent.mkdir(parents=True, exist_ok=True)
    (oracles / (name + ".json")).write_text(json.dumps(oracle_of(capture)))


def _stream(stream: ExpectedStream, connection: int, capture: Capture) -> dict[str, Any]:
    runs = stream.runs()
    frames = [v.frame for versions in stream.bytes_at.values() for v in versions]
    first = capture[min(frames) - 1]
    assert isinstance(first, Frame)
    found: dict[str, Any] = {
        "src": stream.source[0],
        "sport": stream.source[1],
        "dst": stream.destination[0],
        "dport": stream.destination[1],
        "conn": connection,
        "vlan": list(first.vlans),
        "first_frame": min(frames),
        "length": stream.length,
        "captured": stream.captured,
        "sha256": hashlib.sha256(stream.data()).hexdigest(),
        "gaps": [[a, b - a] for a, b in stream.gaps()],
        "conflicts": [[a, b - a, 0] for a, b in stream.conflicts()],
    }
    if found["gaps"]:
        found["runs"] = [[at, len(data), hashlib.sha256(data).hexdigest()] for at, data in runs]
    if found["conflicts"]:
        found["sha256_last_wins"] = hashlib.sha256(stream.data("last")).hexdigest()
    return found
