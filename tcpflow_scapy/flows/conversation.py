"""What was said, in order of time: the view behind `Flow.follow`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
        lanes = [list(self._lane(side)) for side in (0, 1)]
        merged: list[Turn] = []
        heads = [0, 0]
        while heads[0] < len(lanes[0]) or heads[1] < len(lanes[1]):
            side = self._next(lanes, heads)
            turn = lanes[side][heads[side]]
            heads[side] += 1
            last = merged[-1] if merged else None
            if (
                last is not None
                and last.direction == turn.direction
                and not last.gap
                and not turn.gap
                and last.offset + last.length == turn.offset
            ):
                merged[-1] = Turn(
                    last.direction,
                    last.offset,
                    last.length + turn.length,
                    last.time,
                    last.frame,
                    conflicts=last.conflicts + turn.conflicts,
                )
            else:
                merged.append(turn)
        return merged

    @staticmethod
    def _next(lanes: list[list[Turn]], heads: list[int]) -> int:
        if heads[0] >= len(lanes[0]):
            return 1
        if heads[1] >= len(lanes[1]):
            return 0
        one, two = lanes[0][heads[0]], lanes[1][heads[1]]
        return 0 if (one.time, one.frame) <= (two.time, two.frame) else 1

    def _lane(self, side: int) -> Iterator[Turn]:
        """Extents and gaps of one stream in its own order; times never run backwards in it."""
        evidence = self.flow._evidence
        found = evidence.reassembly
        number = 2 * self.flow.id + side
        name = "server" if side else "client"
        low, high = found.streams.extent_start[number : number + 2].tolist()
        extents = found.extents
        packets = extents.packet[low:high]
        times = evidence.times[packets]
        frames = evidence.packets.frame[packets].astype(np.int64) + 1
        if len(times):
            # A byte cannot be read before those in front of it: late segments hold up what follows.
            times = np.maximum.accumulate(times)
            frames = np.maximum.accumulate(frames)
        first, last = found.streams.gap_start[number : number + 2].tolist()
        gaps = found.gaps
        clashes = found.streams.conflict_start[number : number + 2].tolist()
        clash = found.conflicts.start[clashes[0] : clashes[1]]
        rows = [
            (
                int(extents.offset[low + i]),
                Turn(
                    name,
                    int(extents.offset[low + i]),
                    int(extents.length[low + i]),
                    int(times[i]),
                    int(frames[i]),
                    conflicts=int(
                        np.count_nonzero(
                            (clash >= extents.offset[low + i])
                            & (clash < extents.offset[low + i] + int(extents.length[low + i]))
                        )
                    )
                    if len(clash)
                    else 0,
                ),
            )
            for i in range(high - low)
        ]
        rows += [
            (
                int(gaps.start[i]),
                Turn(
                    name,
                    int(gaps.start[i]),
                    int(gaps.end[i] - gaps.start[i]),
                    NO_TIME,
                    0,
                    gap=GapCause(int(gaps.cause[i])).label,
                ),
            )
            for i in range(first, last)
        ]
        rows.sort(key=lambda row: row[0])
        time, frame = NO_TIME, 0
        for _, turn in rows:
            if turn.gap:
                # A gap stands where the byte before it stood.
                yield Turn(name, turn.offset, turn.length, time, frame, gap=turn.gap)
            else:
                time, frame = turn.time, turn.frame
                yield turn

    def pieces(self) -> Iterator[tuple[str, str]]:
        """(style, text) of the whole transcript; style is ``client``, ``server``, ``note`` or ``warning``.

        Everything from the wire is escaped.
        """
        from tcpflow_scapy.render.escape import safe_text
        from tcpflow_scapy.render.hexdump import hexdump

        left = self.limit
        streams = {"client": self.flow.client, "server": self.flow.server}
        for turn in self.turns():
            stream = streams[turn.direction]
            if turn.gap:
                where = f"{turn.direction}: {turn.length} bytes missing at {turn.offset}"
                yield "warning", f"[{where}: {turn.gap}]\n"
                continue
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
            if left is not None:
                left -= shown
                if shown < turn.length or left == 0:
                    yield "note", f"[cut after {self.limit} bytes: follow(limit=None) shows all]\n"
                    return

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
