"""Round-trip times: from a segment to the acknowledgment that names its last byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.packets import FIN, RST, SYN
from tcpflow_scapy.flows.categories import categorical
from tcpflow_scapy.flows.summary import datetimes
from tcpflow_scapy.plot import palette
from tcpflow_scapy.plot.acknowledgments import acknowledgments
from tcpflow_scapy.plot.clock import has_clock, nanoseconds, stopwatch
from tcpflow_scapy.plot.scene import Axis, Points, Scene, Shape
from tcpflow_scapy.plot.segments import Segments, segments
from tcpflow_scapy.plot.streams import SIDES
from tcpflow_scapy.reassembly.tables import SegmentClass
from tcpflow_scapy.render.quantity import count

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.evidence import Evidence
    from tcpflow_scapy.flows.flow import Flow

Array = np.ndarray[Any, np.dtype[Any]]

_MEASURED = (SegmentClass.NEW, SegmentClass.SYN, SegmentClass.FIN)
"""Sent once and in order; all others may be answered for another reason (Karn's algorithm, RFC 6298, 3)."""

_AGAIN = (SegmentClass.RETRANSMISSION, SegmentClass.PARTIAL_OVERLAP)

_LATE = (*_AGAIN, SegmentClass.OUT_OF_ORDER)
"""What fills a hole releases acknowledgments that waited for it."""


def table(flow: Flow) -> pd.DataFrame:
    """Samples of both sides.

    Returns
    -------
    pandas.DataFrame
        ``direction`` (who sent the data), ``frame`` and ``time`` (of the data), ``ack_frame``, ``offset``
        (stream offset behind its last byte), ``rtt_ms``. In order of frames.
    """
    import pandas as pd

    parts = [_samples(flow._evidence, 2 * flow.id + side) for side in (0, 1)]
    side, frame, time, ack_frame, offset, took = (np.concatenate(c) for c in zip(*parts, strict=True))
    data = pd.DataFrame(
        {
            "direction": categorical(side.astype(np.int8), list(SIDES)),
            "frame": frame,
            "time": datetimes(time),
            "ack_frame": ack_frame,
            "offset": offset,
            "rtt_ms": took / 1e6,
        }
    )
    return data.sort_values("frame", kind="stable", ignore_index=True)


def scene(flow: Flow) -> Scene:
    """From data to its acknowledgment, as seen where the capture was made.

    The client's data measure the way from there to the server and back, the server's the way to the client.
    Only acknowledgments that name the last byte of a segment count, as in Wireshark; none of ranges that
    were sent, or captured, more than once, nor across a repaired loss (Karn's algorithm).
    """
    data = table(flow)
    clock = stopwatch(flow._evidence, flow.id)
    found = Scene(
        f"Round trips:  {flow.key.replace('-', ' → ')}",
        clock.axis,
        Axis("data to acknowledgment (ms)"),
        empty="no data that was acknowledged while a clock ran",
    )
    if not len(data):
        return found
    x = clock.at(nanoseconds(data["time"]), data["frame"].to_numpy())
    shapes: dict[str, Shape] = {"client": "dot", "server": "square"}
    for side, far in zip(SIDES, reversed(SIDES), strict=True):
        mine = (data["direction"] == side).to_numpy()
        if mine.any():
            took = data["rtt_ms"].to_numpy()[mine]
            label = f"{side}'s data, {far}'s acks ({count(len(took))})\nmedian {np.median(took):.3g} ms"
            frame = data["frame"].to_numpy()[mine]
            found.marks.append(Points(x[mine], took, label, palette.SIDE[side], shapes[side], 4.5, frame))
    found.y = Axis("data to acknowledgment (ms)", limits=(0.0, 1.05 * float(data["rtt_ms"].max()) or 1.0))
    return found


def _samples(evidence: Evidence, stream: int) -> tuple[Array, ...]:
    """Columns of the samples of one stream: side, frame, time, frame of the ack, offset, ns."""
    own, peer = segments(evidence, stream), segments(evidence, stream ^ 1)
    acks = acknowledgments(evidence, stream, own, peer)
    empty = np.empty(0, np.int64)
    chosen = _measured(own)
    if not len(chosen) or not len(acks.index):
        return (empty,) * 6
    # A FIN takes a sequence number; that of a SYN lies before offset 0.
    end = own.end[chosen] + ((own.flags[chosen] & FIN) != 0)
    reach = np.maximum.accumulate(acks.offset)
    answer = np.searchsorted(reach, end)
    inside = answer < len(reach)
    chosen, end, answer = chosen[inside], end[inside], answer[inside]
    index = acks.index[answer]
    sent_row, ack_row = own.row[chosen], peer.row[index]
    late = own.row[np.isin(own.kind, _LATE)]
    between = np.searchsorted(late, ack_row) - np.searchsorted(late, sent_row, side="right")
    start, stop = own.time[chosen], peer.time[index]
    good = (acks.offset[answer] == end) & (ack_row > sent_row) & (between == 0)
    good &= (start != NO_TIME) & (stop != NO_TIME) & (stop >= start)
    if not has_clock(evidence):
        good[:] = False
    chosen, index = chosen[good], index[good]
    took = stop[good] - start[good]
    side = np.full(len(chosen), stream & 1, np.int64)
    return side, own.frame[chosen], own.time[chosen], peer.frame[index], end[good], took


def _measured(own: Segments) -> Array:
    """Index of segments that were sent once, in order, and must be acknowledged."""
    takes = (own.end > own.offset) | ((own.flags & (SYN | FIN)) != 0)
    good = np.isin(own.kind, _MEASURED) & takes & ((own.flags & RST) == 0)
    again = np.isin(own.kind, _AGAIN)
    if again.any():
        low, high = _merged(own.offset[again], own.end[again])
        at = np.searchsorted(high, own.offset, side="right")
        inside = np.minimum(at, len(low) - 1)
        good &= ~((at < len(low)) & (low[inside] < own.end))
    for bit in (SYN, FIN):
        # Which of several was answered nobody knows.
        twice = np.flatnonzero(own.flags & bit)
        if len(twice) > 1:
            good[twice] = False
    return np.flatnonzero(good)


def _merged(low: Array, high: Array) -> tuple[Array, Array]:
    """Overlapping and touching ranges as one, ascending."""
    order = np.argsort(low, kind="stable")
    low, reach = low[order], np.maximum.accumulate(high[order])
    first = np.flatnonzero(np.r_[True, low[1:] > reach[:-1]])
    last = np.r_[first[1:], len(low)] - 1
    return low[first], reach[last]
