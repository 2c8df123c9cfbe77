"""What was said, in order of time: the view behind `Flow.follow`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import merge
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.reassembly.tables import GapCause

if TYPE_CHECKING:
    from tcpflow_scapy.flows.flow import Flow

FORMS = ("text", "hex")

_STYLES = {"client": "blue", "server": "red", "note": "dim", "warning": "bold yellow"}
_CSS = {
    "client": "color:#0072b2",
    "server": "color:#d55e00",
    "note": "opacity:.6",
    "warning": "font-weight:bold;text-decoration:underline",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """A run of one side's stream, or a gap in it."""

    direction: str
    """``client`` or ``server``"""
    offset: int
    length: int
    time: int
    """ns since the epoch; NO_TIME where unknown"""
    frame: int
    """1-based number of the frame that carried the first byte; 0 for a gap"""
    gap: str = ""
    """cause, if this is a gap"""
    conflicts: int = 0
    """runs of this turn that were also seen with other contents"""


class Conversation:
    """Both directions of a flow, in order of time; shows itself in a terminal and in a notebook.

    The order within each direction is that of its stream. Between the directions it goes by time, and by
    frame number where the capture has no clock.

    Parameters
    ----------
    flow : Flow
    form : {"text", "hex"}
    limit : int or None
        Bytes of payload to show; None for all.
    """

    def __init__(self, flow: Flow, *, form: str = "text", limit: int | None = 65536) -> None:
        if form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, not {form!r}")
        if limit is not None and limit < 0:
            raise ValueError("limit must not be negative")
        self.flow = flow
        self.form = form
        self.limit = limit

    def __iter__(self) -> Iterator[Turn]:
        yield from self.turns()

    def turns(self) -> list[Turn]:
        """Maximal runs of one talker, with gaps between them."""
        merged: list[Turn] = []
        for _, turn in merge(self._lane(0), self._lane(1), key=itemgetter(0)):
            last = merged[-1] if merged else None
            if (
                last is not None
                and last.direction == turn.direction
                and not last.gap
                and not turn.gap
                and last.offset + last.length == turn.offset
            ):
                merged[-1] = replace(
                    last, length=last.length + turn.length, conflicts=last.conflicts + turn.conflicts
                )
            else:
                merged.append(turn)
        return merged

    def _lane(self, side: int) -> list[tuple[tuple[int, int], Turn]]:
        """Extents and gaps of one stream in its own order, each with the (time, frame) at which it stands.

        A byte cannot be read before those in front of it: late segments hold up what follows, and a gap
        stands where the byte before it stood.
        """
        evidence = self.flow._evidence
        found = evidence.reassembly
        number = 2 * self.flow.id + side
        name = "server" if side else "client"
        low, high = found.streams.extent_start[number : number + 2].tolist()
        offset = found.extents.offset[low:high]
        length = found.extents.length[low:high].astype(np.int64)
        packets = found.extents.packet[low:high]
        times = evidence.times[packets]
        frames = evidence.packets.frame[packets].astype(np.int64) + 1
        first, last = found.streams.conflict_start[number : number + 2].tolist()
        conflicts = found.conflicts.start[first:last]
        clashing = np.searchsorted(conflicts, offset + length) - np.searchsorted(conflicts, offset)
        stand = [(NO_TIME, 0)]
        if len(packets):
            reached = np.maximum.accumulate(times).tolist(), np.maximum.accumulate(frames).tolist()
            stand += zip(*reached, strict=True)
        columns = (offset, length, times, frames, clashing)
        lane = [
            (stand[i], Turn(name, at, n, time, frame, conflicts=clashes))
            for i, (at, n, time, frame, clashes) in enumerate(
                zip(*(c.tolist() for c in columns), strict=True), 1
            )
        ]
        first, last = found.streams.gap_start[number : number + 2].tolist()
        start, end = found.gaps.start[first:last], found.gaps.end[first:last]
        behind = np.searchsorted(offset, start).tolist()
        for at, stop, cause, i in zip(
            start.tolist(), end.tolist(), found.gaps.cause[first:last].tolist(), behind, strict=True
        ):
            time, _ = stand[i]
            lane.append((stand[i], Turn(name, at, stop - at, time, 0, gap=GapCause(cause).label)))
        lane.sort(key=lambda row: row[1].offset)
        return lane

    def pieces(self) -> Iterator[tuple[str, str]]:
        """(style, text) of the whole transcript; style is ``client``, ``server``, ``note`` or ``warning``.

        Everything from the wire is escaped.
        """
        from tcpflow_scapy.render.escape import safe_text
        from tcpflow_scapy.render.hexdump import hexdump

        left = self.limit
        cut = f"[cut after {self.limit} bytes: follow(limit=None) shows all]\n"
        streams = {"client": self.flow.client, "server": self.flow.server}
        for turn in self.turns():
            stream = streams[turn.direction]
            if turn.gap:
                where = f"{turn.direction}: {turn.length} bytes missing at {turn.offset}"
                yield "warning", f"[{where}: {turn.gap}]\n"
                continue
            if left == 0:
                yield "note", cut
                return
            arrow = ">>>" if turn.direction == "client" else "<<<"
            note = f"{arrow} {turn.direction} {_clock(turn.time)} frame {turn.frame} offset {turn.offset}"
            yield "note", f"{note}, {turn.length} bytes\n"
            if turn.conflicts:
                yield "warning", f"[{turn.conflicts} conflicting versions in these bytes: see .conflicts]\n"
            shown = turn.length if left is None else min(turn.length, left)
            data = stream.read(turn.offset, shown)
            if self.form == "hex":
                text = "\n".join(hexdump(data, start=turn.offset))
            else:
                text = safe_text(data, newlines=True)
            yield turn.direction, text if text.endswith("\n") or not text else text + "\n"
            if shown < turn.length:
                yield "note", cut
                return
            if left is not None:
                left -= shown

    @property
    def text(self) -> str:
        """The whole transcript as plain text."""
        return "".join(text for _, text in self.pieces())

    def __repr__(self) -> str:
        return self.text

    def __rich__(self) -> Any:
        from rich.text import Text

        return Text.assemble(*((text, _STYLES[style]) for style, text in self.pieces()))

    def _repr_html_(self) -> str:
        from html import escape

        body = "".join(f'<span style="{_CSS[style]}">{escape(text)}</span>' for style, text in self.pieces())
        return f'<pre style="max-height:40em;overflow:auto;white-space:pre-wrap">{body}</pre>'

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        import io
        import sys

        from rich.console import Console

        if not sys.stdout.isatty():
            printer.text(self.text)
            return
        buffer = io.StringIO()
        Console(file=buffer, force_terminal=True, width=10_000, soft_wrap=True).print(self.__rich__(), end="")
        printer.text(buffer.getvalue())


def _clock(time: int) -> str:
    if time == NO_TIME:
        return "(no time)"
    import pandas as pd

    return str(pd.Timestamp(time, unit="ns").isoformat(timespec="microseconds")) + "Z"
