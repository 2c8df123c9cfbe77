"""Traffic over time, stacked by service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.plot.bins import Bins, make_bins
from tcpflow_scapy.plot.clock import NO_CLOCK, calendar
from tcpflow_scapy.plot.scene import Axis, Scene, Stack
from tcpflow_scapy.plot.services import Services
from tcpflow_scapy.plot.traffic import NAMED, Traffic
from tcpflow_scapy.plot.words import counted

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.table import FlowTable

Array = np.ndarray[Any, np.dtype[Any]]

REST = "other frames"
"""Frames that carry no segment of these flows: other protocols, fragments, what was not used."""


def table(
    flows: FlowTable, *, every: Any = None, services: int = NAMED, other_frames: bool = False
) -> pd.DataFrame:
    """Bytes on the wire in each interval.

    Returns
    -------
    pandas.DataFrame
        One int64 column for each service, in order of bytes, and indexed by the begin of the interval:
        ``time`` (UTC), or ``frame`` where the capture has no clock. ``attrs["bin_seconds"]`` (or
        ``bin_frames``) is its length. Frames without a time are in none of them;
        ``attrs["without_time"]`` counts those.
    """
    made, _, _ = _numbers(flows, every, services, other_frames)
    return made


def scene(flows: FlowTable, *, every: Any = None, services: int = NAMED, other_frames: bool = False) -> Scene:
    """Traffic over time, stacked by service (the port of the server).

    Bytes are those of whole frames on the wire, headers and retransmissions included.

    Parameters
    ----------
    every : str, pandas.Timedelta or int, optional
        Length of an interval, such as ``"100ms"``; a number of frames where the capture has no clock.
        Default: a round one.
    services : int
        How many services are shown apart; the smaller ones are one.
    other_frames : bool
        Show also all frames of the capture that carry no segment of these flows.
    """
    data, bins, named = _numbers(flows, every, services, other_frames)
    scale = 1 / bins.seconds if bins.ticking else 1.0
    edges = bins.edges
    x = Axis("time (UTC)", "utc") if bins.ticking else Axis(NO_CLOCK)
    y = (
        Axis(f"bytes per second, by {bins.text}", "rate")
        if bins.ticking
        else Axis(f"bytes per {bins.text}", "bytes")
    )
    found = Scene(f"Traffic by service: {counted(len(flows), 'flow')}", x, y, empty="no frames")
    if int(data.to_numpy().sum()):
        series = {name: data[name].to_numpy(np.float64) * scale for name in data.columns if data[name].any()}
        colour = {**named.colour, REST: "#C8C8C8"}
        found.marks.append(Stack(edges[:-1], edges[1:], series, colour, {REST: "..."}))
    lost = data.attrs["without_time"]
    if lost:
        found.notes.append(f"not shown: {counted(lost, 'frame without a time')}")
    return found


def _numbers(
    flows: FlowTable, every: Any, services: int, other_frames: bool
) -> tuple[pd.DataFrame, Bins, Services]:
    import pandas as pd

    traffic = Traffic(flows, services)
    sent, named = traffic.sent, traffic.services
    frame, time, wire, code = sent.frame, sent.time, sent.wire, traffic.codes
    names = list(named.names)
    if other_frames:
        frames = flows._evidence.frames
        rest = np.ones(len(frames), bool)
        rest[frame - 1] = False
        more = np.flatnonzero(rest)
        frame, time = np.r_[frame, more + 1], np.r_[time, frames.time[more]]
        wire = np.r_[wire, frames.wirelen[more].astype(np.int64)]
        code = np.r_[code, np.full(len(more), len(names))]
        names.append(REST)
    bins = make_bins(calendar(flows._evidence, time), time, frame, every)
    place = bins.of(time, frame)
    known = place >= 0
    key = code[known] * bins.count + place[known]
    total = np.bincount(key, weights=wire[known], minlength=len(names) * bins.count)
    values = total.reshape(len(names), bins.count).astype(np.int64)
    data = pd.DataFrame(dict(zip(names, values, strict=True)), index=bins.index())
    data.attrs.update(bins.attrs(), without_time=int((~known).sum()))
    return data, bins, named
