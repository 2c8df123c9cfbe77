"""What was said, in order of time: the view behind `Flow.follow`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.packets import ACK
from tcpflow_scapy.reassembly.sequence import distances
from tcpflow_scapy.reassembly.tables import GapCause

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from tcpflow_scapy.flows.flow import Flow

FORMS = ("text", "hex")

Array = np.ndarray[Any, np.dtype[Any]]

_Place = tuple[int, int, int]
"""Where something stands: time, frame number, bytes of the other stream that were acknowledged by then."""

_STYLES = {
    # Cyan and magenta can be read on black and on white, and told apart by the colour-blind.
    "client": "cyan",
    "server": "magenta",
    "conflict": "reverse yellow",
    "note": "dim",
    "warning": "bold yellow",
}
_CSS = {
    # Tints under the page's own text colour: right in light and in dark themes.
    "client": "background:rgba(0,114,178,.14)",
    "server": "background:rgba(213,94,0,.14)",
    "conflict": "background:rgba(240,228,66,.4);text-decoration:underline wavy",
    "note": "opacity:.7",
    "warning": "font-weight:bold;background:rgba(240,228,66,.25)",
}
_BOX = "max-height:40em;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere"


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


def _interleaved(one: list[tuple[_Place, Turn]], two: list[tuple[_Place, Turn]]) -> Iterator[Turn]:
    """Two lanes as one."""
    i = j = 0
    while i < len(one) and j < len(two):
        if _comes_first(one[i], two[j]):
            yield one[i][1]
            i += 1
        else:
            yield two[j][1]
            j += 1
    yield from (turn for _, turn in chain(one[i:], two[j:]))


def _comes_first(one: tuple[_Place, Turn], two: tuple[_Place, Turn]) -> bool:
    """Whether the head of one lane goes before that of the other."""
    (time, frame, heard), turn = one
    (other_time, other_frame, other_heard), other = two
    ready, other_ready = heard <= other.offset, other_heard <= turn.offset
    if ready != other_ready:
        return ready
    return (time, frame) <= (other_time, other_frame)


class Conversation:
    """Both directions of a flow, in order of time; shows itself in a terminal and in a notebook.

    The order within each direction is that of its stream. Between the directions acknowledgments decide, even
    against the clock, for two taps may have two: data cannot be acknowledged before they are sent. Where they
    leave it open it goes by time, then by frame number.

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
        for turn in _interleaved(self._lane(0), self._lane(1)):
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

    def _lane(self, side: int) -> list[tuple[_Place, Turn]]:
        """Extents and gaps of one stream in its own order, each with the place at which it stands.

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
        stand: list[_Place] = [(NO_TIME, 0, 0)]
        if len(packets):
            places = (times, frames, self._heard(side, packets))
            stand += zip(*(np.maximum.accumulate(x).tolist() for x in places), strict=True)
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
            lane.append((stand[i], Turn(name, at, stop - at, stand[i][0], 0, gap=GapCause(cause).label)))
        lane.sort(key=lambda row: row[1].offset)
        return lane

    def _heard(self, side: int, packets: Array) -> Array:
        """How much of the other stream each packet acknowledges; 0 where that cannot be known."""
        evidence = self.flow._evidence
        found = evidence.reassembly
        other = 2 * self.flow.id + 1 - side
        if other in found.unwrapped:  # too long for 32 bits to tell
            return np.zeros(len(packets), np.int64)
        table = evidence.packets
        heard = distances(table.acknowledgment[packets], found.streams.base[other : other + 1])
        # What no other packet supports is not believed here either.
        heard[heard > found.streams.acknowledged[other]] = 0
        return np.where(table.flags[packets] & ACK, heard, 0)

    def pieces(self, width: int | None = None) -> Iterator[tuple[str, str]]:
        """(style, text) of the whole transcript; everything from the wire is escaped.

        Styles are ``client``, ``server``, ``conflict`` (bytes that a frame contradicts), ``note`` and
        ``warning``.

        Parameters
        ----------
        width : int, optional
            Terminal columns into which payload is folded.
        """
        from tcpflow_scapy.flows.transcript import lines

        spans = ((*line[:-1], (line[-1][0], line[-1][1] + "\n")) for line in lines(self, width))
        for style, run in groupby(chain.from_iterable(spans), key=itemgetter(0)):
            yield style, "".join(text for _, text in run)

    @property
    def text(self) -> str:
        """The whole transcript as plain text."""
        return "".join(text for _, text in self.pieces())

    def __repr__(self) -> str:
        return self.text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        pieces = self.pieces(options.max_width)
        made = Text.assemble(*((text, _STYLES[style]) for style, text in pieces), overflow="fold", end="")
        yield made

    def _repr_html_(self) -> str:
        from html import escape

        from tcpflow_scapy.render.dataframe import NOT_TYPESET

        body = "".join(f'<span style="{_CSS[style]}">{escape(text)}</span>' for style, text in self.pieces())
        # A region with a name, scrolled without a mouse, too; who said what stands in the text itself.
        name = escape(f"Conversation of flow {self.flow.id}, {self.flow.key}")
        region = f'role="region" aria-label="{name}" tabindex="0" class="{NOT_TYPESET}" style="{_BOX}"'
        return f"<pre {region}>{body}</pre>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        from tcpflow_scapy.flows.looks import coloured

        printer.text((coloured(self) or self.text).removesuffix("\n"))

    def _ipython_display_(self) -> None:
        """In a terminal, what is longer than the screen opens in a pager; all else is shown as usual."""
        import shutil
        import sys

        from tcpflow_scapy.flows.looks import coloured

        shown = coloured(self) if "IPython" in sys.modules else None
        if shown is None or shown.count("\n") < shutil.get_terminal_size().lines:
            raise NotImplementedError
        from IPython.core.page import page

        page(shown)
