"""Payload of a flow over time, both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.flows.frames import rows_of
from tcpflow_scapy.plot import palette
from tcpflow_scapy.plot.bins import Bins, make_bins
from tcpflow_scapy.plot.clock import Clock, stopwatch
from tcpflow_scapy.plot.scene import Axis, Scene, Stack, Steps
from tcpflow_scapy.plot.segments import segments
from tcpflow_scapy.plot.streams import SIDES
from tcpflow_scapy.plot.words import counted

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.flow import Flow

Array = np.ndarray[Any, np.dtype[Any]]


def table(flow: Flow, *, every: Any = None) -> pd.DataFrame:
    """Payload in each interval.

    Returns
    -------
    pandas.DataFrame
        ``client_sent``, ``server_sent``: payload of all segments, retransmissions included, as the headers
        say; ``client_new``, ``server_new``: bytes that became part of the stream, at the time of the segment
        that delivered them (their sums are the captured bytes). int64, indexed by the begin of the interval:
        ``time`` (UTC), or ``frame`` where the capture has no clock. ``attrs["bin_seconds"]`` (or
        ``bin_frames``) is its length.
    """
    made, _, _, _ = _numbers(flow, every)
    return made


def scene(flow: Flow, *, every: Any = None) -> Scene:
    """Payload over time: filled what was new, as a line all that was sent, retransmissions included.

    Parameters
    ----------
    every : str, pandas.Timedelta or int, optional
        Length of an interval, such as ``"10ms"``; a number of frames where the capture has no clock.
        Default: a round one.
    """
    data, bins, clock, lost = _numbers(flow, every)
    scale = 1 / bins.seconds if bins.ticking else 1.0
    label = f"payload per second, by {bins.text}" if bins.ticking else f"payload per {bins.text}"
    found = Scene(
        f"Throughput:  {flow.key.replace('-', ' → ')}",
        clock.axis,
        Axis(label, "rate" if bins.ticking else "bytes"),
        empty="no payload",
    )
    edges = _edges(bins, clock)
    for side in SIDES:
        new = data[f"{side}_new"].to_numpy(np.float64) * scale
        if new.any():
            name = f"{side}: new bytes"
            found.marks.append(
                Stack(edges[:-1], edges[1:], {name: new}, {name: palette.SIDE[side]}, opacity=0.45)
            )
    for side in SIDES:
        everything = data[f"{side}_sent"].to_numpy(np.float64) * scale
        if not (data[f"{side}_sent"] == data[f"{side}_new"]).all():
            line = np.r_[everything, 0.0]
            found.marks.append(Steps(edges, line, f"{side}: all it sent", palette.SIDE[side], width=1.2))
    if lost:
        found.notes.append(f"not shown: {counted(lost, 'segment without a time')}")
    return found


def _edges(bins: Bins, clock: Clock) -> Array:
    if not bins.ticking or clock.origin is None:
        return bins.edges
    # In whole numbers, as far as they go: ns since the epoch do not fit a float64.
    steps = [(bins.first - clock.origin + i * bins.width) / clock.unit[1] for i in range(bins.count + 1)]
    return np.array(steps)


def _numbers(flow: Flow, every: Any) -> tuple[pd.DataFrame, Bins, Clock, int]:
    import pandas as pd

    evidence = flow._evidence
    clock = stopwatch(evidence, flow.id)
    numbers = (2 * flow.id, 2 * flow.id + 1)
    parts = [segments(evidence, n) for n in numbers]
    time, frame = np.concatenate([p.time for p in parts]), np.concatenate([p.frame for p in parts])
    bins = make_bins(clock, time, frame, every)
    columns: dict[str, Array] = {}
    lost = int((time == NO_TIME).sum()) if clock.ticking else 0
    for side, part in zip(SIDES, parts, strict=True):
        columns[f"{side}_sent"] = _sum(bins, part.time, part.frame, part.end - part.offset)
    extents = evidence.reassembly.extents
    for side, number in zip(SIDES, numbers, strict=True):
        rows, _ = rows_of(evidence.reassembly.streams.extent_start, np.array([number]))
        packet = extents.packet[rows]
        place = evidence.packets.frame[packet].astype(np.int64) + 1
        columns[f"{side}_new"] = _sum(
            bins, evidence.times[packet], place, extents.length[rows].astype(np.int64)
        )
    data = pd.DataFrame(columns, index=bins.index())
    data.attrs.update(bins.attrs())
    return data, bins, clock, lost


def _sum(bins: Bins, time: Array, frame: Array, amount: Array) -> Array:
    place = bins.of(time, frame)
    known = place >= 0
    return np.bincount(place[known], weights=amount[known], minlength=bins.count).astype(np.int64)
