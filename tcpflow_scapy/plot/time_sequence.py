"""Segments, acknowledgments and window over time: the graph that tcptrace and Wireshark made known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.packets import FIN, RST, SYN
from tcpflow_scapy.flows.summary import datetimes
from tcpflow_scapy.plot import palette
from tcpflow_scapy.plot.acknowledgments import acknowledgments, selective
from tcpflow_scapy.plot.clock import nanoseconds, stopwatch
from tcpflow_scapy.plot.scene import Axis, Boxes, Points, Scene, Shape, Steps
from tcpflow_scapy.plot.scene import Segments as Lines
from tcpflow_scapy.plot.segments import Segments, segments
from tcpflow_scapy.plot.streams import choose, contradictions, heading, missing, times_of
from tcpflow_scapy.plot.words import counted
from tcpflow_scapy.reassembly.tables import GapCause, SegmentClass
from tcpflow_scapy.render.quantity import count

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.evidence import Evidence
    from tcpflow_scapy.flows.flow import Flow
    from tcpflow_scapy.flows.stream import Stream

Array = np.ndarray[Any, np.dtype[Any]]

MARKS = ("data", "ack", "sack", "zero_window", "syn", "fin", "rst", "gap", "conflict")
"""What a row of the table can be."""

WORDS = tuple(
    dict.fromkeys(["", *(c.label for c in SegmentClass), *(g.label for g in GapCause), "client", "server"])
)
"""What ``what`` can be."""

_FLAG_SHAPES: dict[str, Shape] = {"syn": "up", "fin": "square", "rst": "cross"}


def table(flow: Flow, *, direction: str | None = None) -> pd.DataFrame:
    """Everything in the picture.

    Returns
    -------
    pandas.DataFrame
        ``mark`` says what a row is; ``what``, ``start`` and ``end`` (stream offsets, bytes) depend on it:

        ============= ==================== ==========================================
        mark          what                 start, end
        ============= ==================== ==========================================
        data          class of the segment its payload, as the headers say
        ack                                next byte expected; right edge of the window
        sack                               a block
        zero_window                        next byte expected, twice
        syn, fin, rst side that sent it    its place, twice
        gap           cause                the missing bytes
        conflict                           the bytes with two versions
        ============= ==================== ==========================================

        ``frame`` (1-based) and ``time`` (UTC) are those of the segment; for a gap, of the byte before it, and
        ``until_frame``, ``until`` those of the byte behind it (0 and NaT where there is none).
        ``attrs["window_scale"]`` is the shift count, None where the handshake does not say.
    """
    return _numbers(choose(flow, direction))


def scene(flow: Flow, *, direction: str | None = None) -> Scene:
    """Segments of one side over time, as tcptrace and Wireshark draw them.

    A bar is a segment, from its first to its last byte; the line below is what the other side acknowledged,
    the dashed line above how much its window lets through. What is missing is hatched between the frames on
    either side of the gap.

    Parameters
    ----------
    direction : {"client", "server"}, optional
        Whose bytes; default: the larger stream's.
    """
    stream = choose(flow, direction)
    data = _numbers(stream)
    clock = stopwatch(flow._evidence, flow.id)
    top = float(max(stream.size, 1))
    found = Scene(
        heading("Time sequence", stream), clock.axis, Axis("stream offset", "bytes"), empty="no segments"
    )
    if not len(data):
        return found
    x = clock.at(nanoseconds(data["time"]), data["frame"].to_numpy())
    until = clock.at(nanoseconds(data["until"]), data["until_frame"].to_numpy())
    _gaps(found, data, x, until)
    top = _acks(found, data, x, top, clock.ticking)
    _segments(found, data, x)
    _flags(found, data, x)
    found.y = Axis("stream offset", "bytes", limits=(-0.03 * top, 1.05 * top))
    lost = int(np.isnan(x[(data["mark"] != "gap").to_numpy()]).sum())
    if lost:
        found.notes.append(f"not shown: {counted(lost, 'mark without a time')}")
    return found


# -- numbers ----------------------------------------------------------------------------------------


def _numbers(stream: Stream) -> pd.DataFrame:
    evidence, number = stream._evidence, stream._number
    own, peer = segments(evidence, number), segments(evidence, number ^ 1)
    acks = acknowledgments(evidence, number, own, peer)
    rows = _Rows()
    full = np.flatnonzero(own.end > own.offset)
    rows.add("data", own, full, own.offset[full], own.end[full], own.kind[full])
    rows.add("ack", peer, acks.index, acks.offset, acks.edge)
    index, left, right = selective(evidence, number, own, peer)
    rows.add("sack", peer, index, left, right)
    shut = np.flatnonzero(peer.window[acks.index] == 0)
    rows.add("zero_window", peer, acks.index[shut], acks.offset[shut], acks.offset[shut])
    _flag_rows(rows, stream, own, peer, acks.index, acks.offset)
    _break_rows(rows, evidence, number)
    data = rows.frame()
    data.attrs.update(direction=stream.direction, window_scale=acks.scale)
    order = np.argsort(data["frame"].to_numpy(), kind="stable")
    made: pd.DataFrame = data.iloc[order].reset_index(drop=True)
    return made


class _Rows:
    """Collects rows by kind."""

    def __init__(self) -> None:
        self._parts: list[tuple[Array, ...]] = []

    def append(
        self,
        mark: str,
        what: Any,
        frame: Array,
        time: Array,
        start: Array,
        end: Array,
        until: tuple[Any, Any] = (0, NO_TIME),
    ) -> None:
        """Rows of one kind; `until` is a frame and its time."""
        columns = (MARKS.index(mark), what, frame, time, start, end, *until)
        self._parts.append(tuple(np.broadcast_to(np.asarray(c, np.int64), len(frame)) for c in columns))

    def add(
        self, mark: str, of: Segments, index: Array, start: Array, end: Array, kind: Array | None = None
    ) -> None:
        """Rows of segments."""
        what = 0 if kind is None else 1 + kind.astype(np.int64)
        self.append(mark, what, of.frame[index], of.time[index], start, end)

    def frame(self) -> pd.DataFrame:
        import pandas as pd

        mark, what, frame, time, start, end, until_frame, until = (
            np.concatenate(column) for column in zip(*self._parts, strict=True)
        )
        categories: Any = pd.Categorical.from_codes
        return pd.DataFrame(
            {
                "mark": categories(mark, categories=list(MARKS)),
                "what": categories(what, categories=list(WORDS)),
                "frame": frame,
                "time": datetimes(time),
                "start": start,
                "end": end,
                "until_frame": until_frame,
                "until": datetimes(until),
            }
        )


def _flag_rows(
    rows: _Rows, stream: Stream, own: Segments, peer: Segments, acked: Array, offset: Array
) -> None:
    """SYN and FIN of this side, RST of both."""
    for mark, bit, place in (("syn", SYN, own.offset), ("fin", FIN, own.end), ("rst", RST, own.offset)):
        index = np.flatnonzero(own.flags & bit)
        what = WORDS.index(stream.direction)
        rows.append(mark, what, own.frame[index], own.time[index], place[index], place[index])
    index = np.flatnonzero(peer.flags & RST)
    # A reset of the other side stands where its last acknowledgment stood.
    at = np.searchsorted(acked, index) - 1
    place = np.where(at >= 0, offset[np.maximum(at, 0)], 0) if len(offset) else np.zeros(len(index), np.int64)
    what = WORDS.index(stream.peer.direction)
    rows.append("rst", what, peer.frame[index], peer.time[index], place, place)


def _break_rows(rows: _Rows, evidence: Evidence, stream: int) -> None:
    """Gaps and conflicts."""
    gone = missing(evidence, stream)
    what = WORDS.index(GapCause(0).label) + gone.cause.astype(np.int64)
    before, after = times_of(evidence, gone.before), times_of(evidence, gone.after)
    rows.append("gap", what, gone.before, before, gone.start, gone.end, (gone.after, after))
    twice = contradictions(evidence, stream)
    rows.append("conflict", 0, twice.frame, times_of(evidence, twice.frame), twice.start, twice.end)


# -- marks ------------------------------------------------------------------------------------------


def _columns(data: pd.DataFrame, x: Array, chosen: Array) -> tuple[Array, Array, Array, Array]:
    """Place, start, end and frame of some rows."""
    rows = np.flatnonzero(chosen)
    start, end = data["start"].to_numpy()[rows], data["end"].to_numpy()[rows]
    return x[rows], start.astype(np.float64), end.astype(np.float64), data["frame"].to_numpy()[rows]


def _gaps(found: Scene, data: pd.DataFrame, x: Array, until: Array) -> None:
    mark, what = data["mark"].to_numpy(), data["what"].to_numpy()
    # Frame 0 stands for none: such a gap reaches to the edge of what was seen.
    seen = x[(mark != "gap") & ~np.isnan(x)]
    low, high = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 1.0)
    before = np.where(data["frame"].to_numpy() > 0, x, low)
    after = np.where(data["until_frame"].to_numpy() > 0, until, high)
    thinnest = (high - low) / 300
    for cause in GapCause:
        rows = np.flatnonzero((mark == "gap") & (what == cause.label))
        if not len(rows):
            continue
        left, right = np.minimum(before, after)[rows], np.maximum(before, after)[rows]
        thin = right - left < thinnest
        left, right = np.where(thin, left - thinnest / 2, left), np.where(thin, right + thinnest / 2, right)
        start, end = data["start"].to_numpy(np.float64)[rows], data["end"].to_numpy(np.float64)[rows]
        label = f"gap: {cause.label.replace('_', ' ')} ({count(len(rows))})"
        found.marks.append(Boxes(left, right, start, end, label, palette.GAP[cause], palette.HATCH[cause]))


def _acks(found: Scene, data: pd.DataFrame, x: Array, top: float, ticking: bool) -> float:
    """Lines of acknowledgments and of the window; how high the picture reaches."""
    at, offset, edge, _ = _columns(data, x, (data["mark"] == "ack").to_numpy())
    order = np.argsort(at, kind="stable")
    at, offset, edge = at[order], offset[order], edge[order]
    if not len(at):
        return top
    if not ticking:
        # Without a clock their order means nothing: no line leads from one to the next.
        found.marks.append(Points(at, offset, f"acknowledged ({count(len(at))})", palette.GREEN, "dot", 4.0))
        return top
    label = "window of the receiver"
    if data.attrs["window_scale"] is None:
        label += ", scale unknown"
    usual = float(np.median(edge))
    if usual <= 2 * top:
        top = max(top, min(float(edge.max()), 2 * top))
    else:
        label += ", above the picture"
    found.marks.append(Steps(at, edge, label, palette.GREY, dashed=True))
    found.marks.append(Steps(at, offset, "acknowledged", palette.GREEN, width=1.2))
    at, start, end, frame = _columns(data, x, (data["mark"] == "sack").to_numpy())
    if len(at):
        found.marks.append(
            Lines(at, start, at, end, f"SACK blocks ({count(len(at))})", palette.SKY, 1.0, frame)
        )
    return top


def _segments(found: Scene, data: pd.DataFrame, x: Array) -> None:
    full, what = (data["mark"] == "data").to_numpy(), data["what"].to_numpy()
    others = [k for k in SegmentClass if k not in palette.SEGMENT]
    for kind in [*others, *palette.SEGMENT]:
        at, start, end, frame = _columns(data, x, full & (what == kind.label))
        if len(at):
            plain = kind is SegmentClass.NEW
            label = f"{'data' if plain else kind.label.replace('_', ' ')} ({count(len(at))})"
            colour = palette.SEGMENT.get(kind, palette.GREY)
            found.marks.append(Lines(at, start, at, end, label, colour, 1.6 if plain else 2.4, frame))


def _flags(found: Scene, data: pd.DataFrame, x: Array) -> None:
    mark = data["mark"].to_numpy()
    at, start, end, frame = _columns(data, x, mark == "conflict")
    if len(at):
        middle = (start + end) / 2
        label = f"conflict ({count(len(at))})"
        found.marks.append(Lines(at, start, at, end, "", palette.CONFLICT, 4.0, frame))
        found.marks.append(Points(at, middle, label, palette.CONFLICT, "diamond", 8.0, frame))
    at, start, _, frame = _columns(data, x, mark == "zero_window")
    if len(at):
        found.marks.append(
            Points(at, start, f"window closed ({count(len(at))})", palette.ORANGE, "down", 7.0, frame)
        )
    for name, shape in _FLAG_SHAPES.items():
        at, start, _, frame = _columns(data, x, mark == name)
        if len(at):
            found.marks.append(
                Points(at, start, f"{name.upper()} ({count(len(at))})", palette.INK, shape, 6.0, frame)
            )
