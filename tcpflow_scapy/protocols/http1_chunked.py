"""The chunked transfer coding, read where it lies.

RFC 9112, section 7.1. Only the framing is read; chunk data is skipped and named by its stream offsets.
A gap inside chunk data is only a gap: the size tells where the next chunk begins. A gap over the framing
itself loses the place; it is found again at the next boundary that proves right at both of its ends.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .http1_framing import HUGE
from .http1_lines import Side, begins_message
from .stream_bytes import ByteWindow, Range

_SIZE = re.compile(rb"[ \t]*0*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]*)?\r?\n")
_SIZE_BEGUN = re.compile(rb"[ \t]*[0-9A-Fa-f]*[ \t]*(?:;[^\n]*)?\r?")
_BLANK = re.compile(rb"\n\r?\n")
_BOUNDARY = re.compile(rb"HTTP/1\.|\r\n0*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,256})?\r\n")
_NEWLINE = re.compile(rb"\n")

LINE_LIMIT = 1 << 14
"""Longest chunk size line, extensions and all."""
TRAILER_LIMIT = 1 << 16
SEARCH_LIMIT = 1 << 22
"""How far behind a gap a chunk boundary is looked for."""
TRIES = 1000
"""How many supposed boundaries are put to the proof behind one gap."""


class RangeList(Sequence[Range]):
    """Very many ranges in little memory: a hostile body has a chunk for each byte."""

    __slots__ = ("_edges",)

    def __init__(self) -> None:
        self._edges = array("q")

    def append(self, start: int, end: int) -> None:
        """Add a range behind the last one; joined with it where they touch."""
        if end <= start:
            return
        if self._edges and self._edges[-1] == start:
            self._edges[-1] = end
        else:
            self._edges.extend((start, end))

    def __len__(self) -> int:
        return len(self._edges) // 2

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._edges[2 * index], self._edges[2 * index + 1]

    def __iter__(self) -> Iterator[Range]:
        edges = iter(self._edges)
        return zip(edges, edges, strict=True)


@dataclass(slots=True)
class Chunked:
    """A chunked body as far as it could be followed."""

    ranges: RangeList = field(default_factory=RangeList)
    """chunk data, in stream offsets"""
    lost: list[Range] = field(default_factory=list)
    """gaps that swallowed framing: how much data was in them is not known"""
    end: int = 0
    """offset after the body, trailers included"""
    ended: bool = False
    """whether the last chunk was seen"""
    is_chunked: bool = True
    """False if not even the first line is a chunk size"""
    trailers: Range | None = None
    problems: set[str] = field(default_factory=set)


def read_chunked(side: Side, window: ByteWindow, offset: int) -> Chunked:
    """Follow the chunks from `offset` on. Linear, and no chunk data is read."""
    body = Chunked(end=offset)
    first = True
    while True:
        size = _read_size(window, offset)
        if isinstance(size, str):
            body.end = offset
            if size == "bad_chunk" and first:
                body.is_chunked = False
                return body
            if size != "gap_in_framing":
                body.problems.add(size)
                return body
            again = _after_gap(window, offset, body)
            if again is None:
                return body
            offset, first = again, False
            continue
        first = False
        length, start = size
        if length == 0:
            body.ended = True
            _read_trailers(side, window, start, body)
            return body
        stop = min(start + length, HUGE)
        body.ranges.append(start, min(stop, max(window.end, start)))
        if stop > window.end:
            body.end = window.end
            body.lost.append((max(window.end, start), stop))
            body.problems.add("body_cut_short")
            return body
        offset = _data_end(window, stop)


def _read_size(window: ByteWindow, offset: int) -> tuple[int, int] | str:
    """Size of the chunk whose size line is at `offset`, and where its data starts; or what is wrong."""
    index = window.fill(offset, 24)
    found = _SIZE.match(window.data, index)
    if found is None:
        line = window.search(_NEWLINE, offset, LINE_LIMIT)
        if line is not None:
            index = window.fill(offset, line[1] - offset)
            found = _SIZE.match(window.data, index)
    if found is not None:
        return min(int(found[1], 16), HUGE), window.base + found.end()
    if line is None and _SIZE_BEGUN.fullmatch(window.peek(offset, LINE_LIMIT)):
        run_end = window.run_ends(offset)
        if run_end - offset < LINE_LIMIT:
            return "gap_in_framing" if run_end < window.end else "body_cut_short"
    return "bad_chunk"


def _data_end(window: ByteWindow, offset: int) -> int:
    """Offset after the line end that closes chunk data; a missing one is forgiven."""
    tail = window.peek(offset, 2)
    if tail == b"\r\n":
        return offset + 2
    return offset + 1 if tail[:1] == b"\n" else offset


def _read_trailers(side: Side, window: ByteWindow, offset: int, body: Chunked) -> None:
    """Read the field lines after the last chunk. `offset` is behind the last size line."""
    if begins_message(side, window, offset):
        body.problems.add("no_end_of_chunks")  # the empty line was left out
        body.end = offset
        return
    # The line feed of the size line counts: without trailers the empty line follows at once.
    blank = window.search(_BLANK, offset - 1, TRAILER_LIMIT)
    if blank is None:
        body.problems.add("trailers_cut_short")
        body.end = min(window.run_ends(offset), offset + TRAILER_LIMIT)
    else:
        body.end = blank[1]
    if body.end - offset > 2:
        body.trailers = (offset, body.end)


def _after_gap(window: ByteWindow, offset: int, body: Chunked) -> int | None:
    """Offset of the next size line behind the gap that the line at `offset` runs into.

    Bytes between gap and boundary are the tail of a chunk, so they are added to the body.
    """
    gap = window.run_ends(offset)
    start = window.gaps.after(gap)
    body.lost.append((gap, start))
    body.problems.add("gap_in_framing")
    pending: list[Range] = []
    tries = 0
    for run_start, run_end in window.runs(start):
        at = run_start
        while run_start < start + SEARCH_LIMIT and tries < TRIES:
            tries += 1
            found = window.search(_BOUNDARY, at, min(run_end - at, SEARCH_LIMIT))
            if found is None:
                break
            text = window.peek(found[0], found[1] - found[0])
            if text.startswith(b"HTTP/"):
                return None
            if _proves_right(window, found[1], text):
                for piece in pending:
                    body.ranges.append(*piece)
                body.ranges.append(run_start, found[0])
                return found[0] + 2
            at = found[0] + 2
        else:
            return None
        pending.append((run_start, run_end))
        if run_end < window.gaps.after(run_end):
            body.lost.append((run_end, window.gaps.after(run_end)))
    return None


def _proves_right(window: ByteWindow, data: int, line: bytes) -> bool:
    """Whether a supposed size line, whose chunk data starts at `data`, leads to another boundary."""
    found = _SIZE.match(line, 2)
    if found is None:
        return False
    size = int(found[1], 16)
    if size == 0:
        return window.stream.read(data, 2) == b"\r\n"
    stop = data + size
    if stop + 3 > window.end or window.run_ends(stop) < stop + 3:
        return False
    return re.match(rb"\r\n[0-9A-Fa-f]", window.stream.read(stop, 3)) is not None
