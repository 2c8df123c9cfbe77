"""Flows against time: when each ran."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.flows.categories import categorical
from tcpflow_scapy.plot import palette
from tcpflow_scapy.plot.clock import Clock, calendar, nanoseconds
from tcpflow_scapy.plot.scene import Axis, Points, Scene, Segments
from tcpflow_scapy.plot.traffic import NAMED, Traffic
from tcpflow_scapy.plot.words import counted

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.table import FlowTable

Array = np.ndarray[Any, np.dtype[Any]]

LABELLED = 32
"""Up to so many flows are named, and show each of their segments with data."""


_LONGEST = 44


def table(flows: FlowTable, *, services: int = NAMED) -> pd.DataFrame:
    """When each flow ran.

    Returns
    -------
    pandas.DataFrame
        Indexed by flow number, in the order of `flows`: ``client``, ``client_port``, ``server``,
        ``server_port``, ``service``, ``start``, ``end`` (UTC), ``first_frame``, ``last_frame`` (1-based),
        ``bytes``, ``missing_bytes``.
    """
    return _numbers(flows, Traffic(flows, services))


def scene(flows: FlowTable, *, services: int = NAMED) -> Scene:
    """When each flow ran, in the order of the table, coloured by service.

    Few flows are named, and every segment with data is a tick: those of the client above, those of the
    server below the line. Red dots mark flows with missing bytes.

    Parameters
    ----------
    services : int
        How many services have a colour of their own.
    """
    traffic = Traffic(flows, services)
    data = _numbers(flows, traffic)
    number = len(data)
    clock = calendar(flows._evidence, np.r_[nanoseconds(data["start"]), nanoseconds(data["end"])])
    few = number <= LABELLED
    title = f"Timeline of {counted(number, 'flow')}"
    found = Scene(
        title, clock.axis, Axis("flow, in order of the table", "count", reversed=True), empty="no flows"
    )
    if not number:
        return found
    if few:
        found.y = Axis("flow", limits=(-0.6, number - 0.4), ticks=tuple(_names(data)), reversed=True)
        found.size = (10.0, 1.4 + 0.35 * max(number, 3))
    start = clock.at(nanoseconds(data["start"]), data["first_frame"].to_numpy())
    end = clock.at(nanoseconds(data["end"]), data["last_frame"].to_numpy())
    _bars(found, data, traffic, start, end, few)
    if few:
        _ticks(found, flows, traffic, clock)
    gone = np.flatnonzero(data["missing_bytes"].to_numpy() > 0)
    if len(gone):
        found.marks.append(
            Points(
                end[gone],
                gone.astype(np.float64),
                "bytes missing",
                palette.VERMILLION,
                "dot",
                7.0 if few else 2.0,
            )
        )
    lost = int(np.isnan(start).sum())
    if lost:
        found.notes.append(f"not shown: {counted(lost, 'flow without a time')}")
    return found


def _numbers(flows: FlowTable, traffic: Traffic) -> pd.DataFrame:
    first, last = frame_span(flows)
    data = flows.df[["client", "client_port", "server", "server_port"]].copy()
    codes = traffic.service_of(flows._index)
    names = traffic.services.names
    data["service"] = categorical(codes, names)
    data["start"], data["end"] = flows.df["start"], flows.df["end"]
    data["first_frame"], data["last_frame"] = first, last
    data["bytes"], data["missing_bytes"] = flows.df["bytes"], flows.df["missing_bytes"]
    return data


def frame_span(flows: FlowTable) -> tuple[Array, Array]:
    """First and last frame of each flow, 1-based."""
    evidence = flows._evidence
    found = evidence.reassembly
    if not len(flows):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    # Every connection has a packet, so no group of two streams is empty.
    frame = evidence.packets.frame[found.order].astype(np.int64) + 1
    begins = found.streams.packet_start[:-1:2]
    return np.minimum.reduceat(frame, begins)[flows._index], np.maximum.reduceat(frame, begins)[flows._index]


def _names(data: pd.DataFrame) -> list[tuple[float, str]]:
    ends = zip(
        data.index.tolist(),
        data["client"],
        data["client_port"],
        data["server"],
        data["server_port"],
        strict=True,
    )
    # Two IPv6 addresses would leave no room for the picture.
    arrows = (
        "\n→ " if len(c) + len(s) > _LONGEST else " → "
        for c, s in zip(data["client"], data["server"], strict=True)
    )
    texts = (f"{n}  {c}:{p}{a}{s}:{q}" for (n, c, p, s, q), a in zip(ends, arrows, strict=True))
    return [(float(i), text) for i, text in enumerate(texts)]


def _bars(found: Scene, data: pd.DataFrame, traffic: Traffic, start: Array, end: Array, few: bool) -> None:
    """One line for each flow, by service."""
    place = np.arange(len(data), dtype=np.float64)
    code = data["service"].cat.codes.to_numpy()
    width = 3.5 if few else float(np.clip(300 / len(data), 0.8, 3.5))
    for number, name in enumerate(traffic.services.names):
        mine = np.flatnonzero(code == number)
        if len(mine):
            found.marks.append(
                Segments(
                    start[mine],
                    place[mine],
                    end[mine],
                    place[mine],
                    name,
                    traffic.services.colour[name],
                    width,
                    data["first_frame"].to_numpy()[mine],
                )
            )


def _ticks(found: Scene, flows: FlowTable, traffic: Traffic, clock: Clock) -> None:
    """Segments with data, of few flows."""
    sent, packets = traffic.sent, flows._evidence.packets
    full = packets.wire_length[sent.row] > 0
    place = np.zeros(int(flows._index.max()) + 1)
    place[flows._index] = np.arange(len(flows))
    mine = np.flatnonzero(full)
    x = clock.at(sent.time[mine], sent.frame[mine])
    y = place[sent.stream[mine] >> 1] + np.where(sent.stream[mine] & 1, 0.22, -0.22)
    label = "data: above the client's,\nbelow the server's"
    found.marks.append(Points(x, y, label, palette.INK, "tick", 6.0, sent.frame[mine]))
