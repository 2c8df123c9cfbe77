"""Which bytes of a stream are there, missing or contradictory, and when they came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.flows.categories import categorical
from tcpflow_scapy.flows.frames import rows_of
from tcpflow_scapy.flows.summary import datetimes
from tcpflow_scapy.plot import palette
from tcpflow_scapy.plot.clock import nanoseconds, stopwatch
from tcpflow_scapy.plot.scene import Axis, Boxes, Points, Scene, Segments
from tcpflow_scapy.plot.streams import CAUSES, choose, contradictions, heading, missing, times_of
from tcpflow_scapy.plot.words import counted
from tcpflow_scapy.reassembly.tables import GapCause
from tcpflow_scapy.render.quantity import count, percent, size

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.flow import Flow
    from tcpflow_scapy.flows.stream import Stream

Array = np.ndarray[Any, np.dtype[Any]]

STATES = ("captured", "missing", "conflict")


def table(flow: Flow, *, direction: str | None = None) -> pd.DataFrame:
    """Every run of bytes of a stream, and what is known of it.

    Returns
    -------
    pandas.DataFrame
        ``state`` (``captured``, ``missing``, ``conflict``), ``start``, ``end``, ``length`` (stream offsets,
        half open), ``cause`` (of a gap), ``frame`` (1-based: which delivered it, or contradicts; 0 for a
        gap), ``time`` (UTC). Captured and missing runs are disjoint and together the whole
        stream; conflicts lie within captured ones. In order of offset.
    """
    return _numbers(choose(flow, direction))


def scene(flow: Flow, *, direction: str | None = None) -> Scene:
    """A stream from its first byte to its last: when each part came, what is missing, what is contradictory.

    Bars stand at the time of the frame that delivered them, so that a stream in order is a rising line.
    Hatched bands are missing; diamonds say that a frame had other bytes there.

    Parameters
    ----------
    direction : {"client", "server"}, optional
        Whose bytes; default: the larger stream's.
    """
    stream = choose(flow, direction)
    data = _numbers(stream)
    clock = stopwatch(flow._evidence, flow.id)
    title = heading("Coverage", stream)
    if stream.size:
        share = percent(stream.captured, stream.size)
        title += f"\n{size(stream.captured)} of {size(stream.size)} captured ({share})"
    found = Scene(title, Axis("stream offset", "bytes"), clock.axis, empty="no bytes")
    if not len(data):
        return found
    found.x = Axis("stream offset", "bytes", limits=(-0.01 * stream.size, 1.01 * stream.size))
    state = data["state"].to_numpy()
    start, end = data["start"].to_numpy(np.float64), data["end"].to_numpy(np.float64)
    y = clock.at(nanoseconds(data["time"]), data["frame"].to_numpy())
    frame = data["frame"].to_numpy()
    _gaps(found, data, start, end)
    there = np.flatnonzero(state == "captured")
    if len(there):
        found.marks.append(
            Segments(
                start[there], y[there], end[there], y[there], "captured", palette.CAPTURED, 3.0, frame[there]
            )
        )
    twice = np.flatnonzero(state == "conflict")
    if len(twice):
        middle = (start[twice] + end[twice]) / 2
        found.marks.append(Segments(start[twice], y[twice], end[twice], y[twice], "", palette.CONFLICT, 3.0))
        label = f"other contents ({count(len(twice))})"
        found.marks.append(Points(middle, y[twice], label, palette.CONFLICT, "diamond", 8.0, frame[twice]))
    lost = int(np.isnan(y[state != "missing"]).sum())
    if lost:
        found.notes.append(f"not shown: {counted(lost, 'run without a time')}")
    return found


def _gaps(found: Scene, data: pd.DataFrame, start: Array, end: Array) -> None:
    state, cause = data["state"].to_numpy(), data["cause"].to_numpy()
    for kind in GapCause:
        rows = np.flatnonzero((state == "missing") & (cause == kind.label))
        if len(rows):
            total = size(float((end - start)[rows].sum()))
            label = f"missing: {kind.label.replace('_', ' ')}\n{counted(len(rows), 'gap')}, {total}"
            edge = np.full(len(rows), np.inf)
            found.marks.append(
                Boxes(start[rows], end[rows], -edge, edge, label, palette.GAP[kind], palette.HATCH[kind])
            )


def _numbers(stream: Stream) -> pd.DataFrame:
    import pandas as pd

    evidence, number = stream._evidence, stream._number
    found = evidence.reassembly
    rows, _ = rows_of(found.streams.extent_start, np.array([number]))
    offset = found.extents.offset[rows]
    frame = evidence.packets.frame[found.extents.packet[rows]].astype(np.int64) + 1
    gone, twice = missing(evidence, number), contradictions(evidence, number)
    none = np.zeros(len(gone.start), np.int64)
    start = np.r_[offset, gone.start, twice.start]
    end = np.r_[offset + found.extents.length[rows].astype(np.int64), gone.end, twice.end]
    frames = np.r_[frame, none, twice.frame]
    lengths = (len(offset), len(gone.start), len(twice.start))
    cause = np.repeat(np.int8(-1), sum(lengths))
    cause[lengths[0] : lengths[0] + lengths[1]] = gone.cause
    data = pd.DataFrame(
        {
            "state": categorical(np.repeat(np.arange(3, dtype=np.int8), lengths), list(STATES)),
            "start": start,
            "end": end,
            "length": end - start,
            "cause": categorical(cause, CAUSES),
            "frame": frames,
            "time": datetimes(times_of(evidence, frames)),
        }
    )
    data.attrs["direction"] = stream.direction
    order = np.lexsort((np.repeat(np.arange(3), lengths), start))
    return data.iloc[order].reset_index(drop=True)
