"""Which stream of a flow a picture shows, and where it is broken or contradicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.flows.frames import gap_frame, rows_of
from tcpflow_scapy.reassembly.tables import GapCause

if TYPE_CHECKING:
    from tcpflow_scapy.flows.evidence import Evidence
    from tcpflow_scapy.flows.flow import Flow
    from tcpflow_scapy.flows.stream import Stream

Array = np.ndarray[Any, np.dtype[Any]]

SIDES = ("client", "server")


def choose(flow: Flow, direction: str | None) -> Stream:
    """The stream of that side; without one, the larger.

    Raises
    ------
    ValueError
        If `direction` is no side.
    """
    if direction is None:
        return max(flow.streams, key=lambda stream: stream.size)
    if direction not in SIDES:
        raise ValueError(f"direction must be client, server or None, not {direction!r}")
    return flow.streams[SIDES.index(direction)]


def heading(picture: str, stream: Stream) -> str:
    """Title of a picture of one stream."""
    return (
        f"{picture} of what the {stream.direction} sent:  "
        f"{stream.address}:{stream.port} → {stream.peer.address}:{stream.peer.port}"
    )


@dataclass(frozen=True, slots=True)
class Missing:
    """Gaps of one stream. Columns of the same length."""

    start: Array
    end: Array
    """int64, stream offsets, half open"""
    cause: Array
    """int8, `GapCause`"""
    before: Array
    after: Array
    """int64, 1-based frames that carried the bytes on either side; 0 where there is none"""


def missing(evidence: Evidence, stream: int) -> Missing:
    """Gaps of one stream."""
    data = gap_frame(evidence, np.array([stream]))
    return Missing(
        data["start"].to_numpy(np.int64),
        data["end"].to_numpy(np.int64),
        data["cause"].cat.codes.to_numpy(),
        data["before_frame"].to_numpy(np.int64, na_value=0),
        data["after_frame"].to_numpy(np.int64, na_value=0),
    )


@dataclass(frozen=True, slots=True)
class Contradictions:
    """Conflicts of one stream. Columns of the same length."""

    start: Array
    end: Array
    """int64, stream offsets, half open"""
    frame: Array
    """int64, 1-based, of the segment that contradicts what is delivered"""


def contradictions(evidence: Evidence, stream: int) -> Contradictions:
    """Conflicts of one stream."""
    found = evidence.reassembly
    rows, _ = rows_of(found.streams.conflict_start, np.array([stream]))
    frame = evidence.packets.frame[found.conflicts.packet[rows]].astype(np.int64) + 1
    return Contradictions(found.conflicts.start[rows], found.conflicts.end[rows], frame)


def times_of(evidence: Evidence, frame: Array) -> Array:
    """ns of frames by 1-based number; `NO_TIME` for 0."""
    if not len(frame):
        return np.empty(0, np.int64)
    times: Array = np.where(frame > 0, evidence.frames.time[np.maximum(frame, 1) - 1], NO_TIME)
    return times


CAUSES = [cause.label for cause in GapCause]
