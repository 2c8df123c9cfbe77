"""What laws compare: the streams of a capture, ours and the oracle's, as plain values."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.helpers.headers import Endpoint
from tests.helpers.oracle import ExpectedFlow, ExpectedStream, expect, runs_of
from tests.helpers.traffic import Capture, RawFrame

Runs = tuple[tuple[int, bytes], ...]
FlowView = frozenset[tuple[Endpoint, Runs]]


def reassembled(capture: Capture, *, format: str = "pcap", linktype: int = 1, **options: Any) -> Any:
    """Our answer to a capture."""
    from tcpflow_scapy import reassemble

    blob = capture.to_bytes(format, linktype=linktype, ns=True)
    return reassemble(io.BytesIO(blob), progress=False, **options)


def runs(stream: Any) -> Runs:
    """Contiguous bytes of one of our streams."""
    return tuple(runs_of((int(offset), bytes(data)) for offset, _, data in stream.chunks()))


def endpoint_of(stream: Any) -> Endpoint:
    return str(stream.address), int(stream.port)


def view(flows: Any) -> Counter[FlowView]:
    """Our flows with payload: who sent which bytes. Which side is the client is left out."""
    found = (frozenset((endpoint_of(s), runs(s)) for s in flow.streams) for flow in flows)
    return Counter(v for v in found if any(r for _, r in v))


def wanted(capture: Iterable[RawFrame], policy: str = "first") -> Counter[FlowView]:
    """The oracle's flows with payload."""
    found = (frozenset((s.source, tuple(s.runs(policy))) for s in flow.streams) for flow in expect(capture))
    return Counter(v for v in found if any(r for _, r in v))


def whole_view(flows: Any) -> Counter[Any]:
    """All that order must not change: bytes, sizes, gaps and their causes."""
    out: Counter[Any] = Counter()
    for flow in flows:
        sides = []
        for s in flow.streams:
            gaps = s.gaps
            rows = zip(gaps["start"].tolist(), gaps["end"].tolist(), gaps["cause"].tolist(), strict=True)
            sides.append((endpoint_of(s), runs(s), int(s.size), int(s.missing), tuple(rows)))
        if any(side[1] for side in sides):
            out[frozenset(sides)] += 1
    return out


def captured(flows: Any) -> int:
    """Stream bytes of all flows."""
    return sum(len(data) for flow in flows for s in flow.streams for _, data in runs(s))


def pairs(flows: Any, capture: Capture) -> list[tuple[Any, ExpectedStream, ExpectedFlow]]:
    """Each of our streams with the oracle's of the same endpoints (one conversation for each pair)."""
    expected = {(s.source, s.destination): (s, flow) for flow in expect(capture) for s in flow.streams}
    return [
        (s, *expected[endpoint_of(s), endpoint_of(s.peer)])
        for flow in flows
        for s in flow.streams
        if (endpoint_of(s), endpoint_of(s.peer)) in expected
    ]
