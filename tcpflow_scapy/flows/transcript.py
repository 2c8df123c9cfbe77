"""A conversation as lines: who said what and when, with gaps and contradictions where they are.

Every line from the wire begins with ``> `` (client) or ``< `` (server), so that the direction can be read
without colours, and so that no payload can pass for one of our own lines: those begin with ``>>>``, ``<<<``
or a bracket.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.flows.frames import read_stream, segment_offset
from tcpflow_scapy.render.escape import ELLIPSIS, safe_text
from tcpflow_scapy.render.hexdump import hexdump
from tcpflow_scapy.render.table import text_width

if TYPE_CHECKING:
    from tcpflow_scapy.flows.conversation import Conversation, Turn

Span = tuple[str, str]
"""style and safe text"""
Line = list[Span]
"""spans of one line, without its line feed"""

MARKS = {"client": "> ", "server": "< "}
_FOLDED = {"client": f">{ELLIPSIS}", "server": f"<{ELLIPSIS}"}
_ARROWS = {"client": ">>>", "server": "<<<"}
_HEX_COLUMNS = 80
"""a line of 16 bytes in hexadecimal with its mark"""
_VERSION = 40
"""bytes shown of each version of a conflict"""
_MOST_NOTES = 1000
"""conflicts told in one turn"""


@dataclass(frozen=True, slots=True)
class Clash:
    """A run of bytes that a frame contradicts."""

    start: int
    end: int
    note: str


def lines(view: Conversation, width: int | None = None) -> Iterator[Line]:
    """All lines of the view.

    Parameters
    ----------
    view : Conversation
    width : int, optional
        Terminal columns into which payload is folded; None for lines as long as they are.
    """
    left = view.limit
    cut: Line = [("note", f"[cut after {view.limit} bytes: follow(limit=None) shows all]")]
    nothing = True
    for turn in view.turns():
        nothing = False
        if turn.gap:
            where = f"{turn.direction}: {turn.length} bytes missing at {turn.offset}"
            yield [("warning", f"[{where}: {turn.gap}]")]
            continue
        if left == 0:
            yield cut
            return
        shown = turn.length if left is None else min(turn.length, left)
        yield [("note", heading(turn))]
        yield from _said(view, turn, shown, width)
        if shown < turn.length:
            yield cut
            return
        if left is not None:
            left -= shown
    if nothing:
        yield [("note", "[no payload was captured]")]


def heading(turn: Turn) -> str:
    """The line above a turn."""
    what = f"{turn.length} byte{'' if turn.length == 1 else 's'} at {turn.offset}"
    return f"{_ARROWS[turn.direction]} {turn.direction}, {what}, frame {turn.frame}, {_clock(turn.time)}"


def _clock(time: int) -> str:
    if time == NO_TIME:
        return "no time"
    import pandas as pd

    return str(pd.Timestamp(time, unit="ns").isoformat(timespec="microseconds")) + "Z"


def _said(view: Conversation, turn: Turn, shown: int, width: int | None) -> Iterator[Line]:
    """Payload of a turn, each conflict told below the line in which it begins."""
    stream = view.flow.server if turn.direction == "server" else view.flow.client
    data = stream.read(turn.offset, shown)
    clashes = _clashes(view, stream._number, turn.offset, turn.offset + shown) if turn.conflicts else []
    told = 0
    rows = _hex_rows if view.form == "hex" else _text_rows
    for end, line in rows(data, turn, clashes, width):
        yield from [line] if width is None else _folded(line, turn.direction, width)
        while told < len(clashes) and clashes[told].start < end:
            yield [("warning", clashes[told].note)]
            told += 1
    if turn.conflicts > told and shown == turn.length:
        yield [("warning", f"[{turn.conflicts - told} more conflicts: see .conflicts]")]


def _hex_rows(data: bytes, turn: Turn, clashes: list[Clash], width: int | None) -> Iterator[tuple[int, Line]]:
    each = 16 if width is None or width >= _HEX_COLUMNS else 8
    end = turn.offset
    for text in hexdump(data, start=turn.offset, width=each):
        end += each
        style = "conflict" if any(c.start < end and c.end > end - each for c in clashes) else turn.direction
        yield end, [(turn.direction, MARKS[turn.direction]), (style, text)]


def _text_rows(
    data: bytes, turn: Turn, clashes: list[Clash], width: int | None
) -> Iterator[tuple[int, Line]]:
    """Lines of text with the stream offset behind each; contradicted bytes have a style of their own."""
    mark = (turn.direction, MARKS[turn.direction])
    if not clashes:
        at = turn.offset + len(data)
        text = safe_text(data, newlines=True)
        for line in text.removesuffix("\n").split("\n"):
            yield at, [mark, (turn.direction, line)]
        return
    at, nearby = 0, 0
    reach = np.maximum.accumulate([c.end for c in clashes])
    while at < len(data):
        stop = data.find(b"\n", at) + 1 or len(data)
        low, high = turn.offset + at, turn.offset + stop
        while nearby < len(clashes) and reach[nearby] <= low:
            nearby += 1
        row = data[at:stop].removesuffix(b"\n").removesuffix(b"\r")
        yield high, [mark, *_spans(row, low, turn.direction, clashes, nearby)]
        at = stop


def _spans(row: bytes, offset: int, style: str, clashes: list[Clash], first: int) -> Line:
    found: Line = []
    at, end = offset, offset + len(row)
    for clash in clashes[first:]:
        if clash.start >= end:
            break
        low, high = max(clash.start, at), min(clash.end, end)
        if low >= high:
            continue
        found.append((style, safe_text(row[at - offset : low - offset], newlines=True)))
        found.append(("conflict", safe_text(row[low - offset : high - offset], newlines=True)))
        at = high
    found.append((style, safe_text(row[at - offset :], newlines=True)))
    return [span for span in found if span[1]]


def _folded(line: Line, direction: str, width: int) -> Iterator[Line]:
    """A line in pieces of at most `width` columns, each with a mark in front."""
    width = max(width, 8)
    line = [(style, text.expandtabs(4)) for style, text in line]
    if sum(text_width(text) for _, text in line) <= width:
        yield line
        return
    row: Line = []
    room = width
    for style, text in line:
        begin = 0
        for i, character in enumerate(text):
            need = text_width(character)
            if need > room:
                yield [*row, (style, text[begin:i])]
                row, begin, room = [(direction, _FOLDED[direction])], i, width - 2
            room -= need
        row.append((style, text[begin:]))
    yield row


def _clashes(view: Conversation, number: int, start: int, end: int) -> list[Clash]:
    """Conflicts that begin in a range of a stream, in order."""
    evidence = view.flow._evidence
    found, packets = evidence.reassembly, evidence.packets
    low, high = found.streams.conflict_start[number : number + 2].tolist()
    begin = found.conflicts.start[low:high]
    first, last = (low + np.searchsorted(begin, (start, end))).tolist()
    clashes = []
    for i in range(first, min(last, first + _MOST_NOTES)):
        at, stop = int(found.conflicts.start[i]), int(found.conflicts.end[i])
        packet, winner = int(found.conflicts.packet[i]), int(found.conflicts.winner[i])
        n = min(stop - at, _VERSION)
        inside = at - int(segment_offset(evidence, number, packet))
        address = int(packets.header[packet]) + int(packets.data_offset[packet]) + inside
        other = _version(evidence.store.read(address, n), stop - at, view.form)
        delivered = _version(read_stream(evidence, number, at, n), stop - at, view.form)
        frames = packets.frame[[winner, packet]] + 1
        size = f"{stop - at} byte{'' if stop - at == 1 else 's'}"
        note = f"[conflict at {at}, {size}: shown {delivered} of frame {frames[0]}; "
        clashes.append(Clash(at, stop, f"{note}frame {frames[1]} says {other}]"))
    return clashes


def _version(data: bytes, size: int, form: str) -> str:
    # repr of bytes is ASCII, and says where it ends.
    text = data.hex(" ") if form == "hex" else repr(data)[1:]
    return text + (ELLIPSIS if size > len(data) else "")
