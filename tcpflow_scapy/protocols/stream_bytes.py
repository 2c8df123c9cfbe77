"""What a protocol parser reads: the bytes of one direction, with its gaps named.

Parsers do no I/O and know nothing of flows. They get something that has `StreamBytes`; `MemoryStream`
is the smallest such thing. Offsets are stream offsets, ranges are half open.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

Range = tuple[int, int]
"""``(start, end)``, half open"""

PIECE = 1 << 20
"""Bytes handed out at once by everything that walks over a body."""


class StreamBytes(Protocol):
    """The bytes of one direction of a flow."""

    @property
    def end(self) -> int:
        """Offset after the last captured byte."""

    @property
    def gaps(self) -> Sequence[Range]:
        """Ranges that were never captured, ascending and disjoint; they may lie beyond `end`."""

    def read(self, offset: int, n: int) -> bytes:
        """`n` bytes from `offset`, gaps as zeros; fewer only where the stream ends."""


class TimedStream(StreamBytes, Protocol):
    """A stream that also knows when its bytes came, and how it began and ended."""

    @property
    def from_start(self) -> bool:
        """Whether offset 0 is known to be the first byte that was ever sent (a SYN was seen)."""

    @property
    def closed(self) -> bool | None:
        """Whether it is known that nothing follows `end` (a FIN was seen there); None: not known."""

    def time_at(self, offset: int) -> int | None:
        """When the byte at `offset` was captured, ns since the epoch; None where that is unknown."""

    def ack_at(self, offset: int) -> int | None:
        """How much of the other direction the segment with that byte acknowledges; None where unknown."""

    def begins_segment(self, offset: int) -> bool:
        """Whether a segment begins at `offset`."""


class MemoryStream:
    """A stream that lies in memory.

    Parameters
    ----------
    data : bytes
        The stream from offset 0, gaps as zeros (their content is never looked at).
    gaps : sequence of (start, end)
        Missing ranges, ascending and disjoint.
    closed, from_start : bool, optional
        See `TimedStream`.
    times : sequence of (offset, time), optional
        From each offset on, bytes came at that time (ns). Ascending offsets.
    acks : sequence of (offset, acknowledged), optional
        Segments by the offset they begin at, and how much of the other direction each acknowledges.
    """

    def __init__(
        self,
        data: bytes,
        gaps: Sequence[Range] = (),
        *,
        closed: bool | None = True,
        from_start: bool = True,
        times: Sequence[tuple[int, int]] = (),
        acks: Sequence[tuple[int, int]] = (),
    ) -> None:
        self._data = data
        self.gaps: Sequence[Range] = tuple(gaps)
        self.closed = closed
        self.from_start = from_start
        self._times = list(times)
        self._acks = list(acks)

    @property
    def end(self) -> int:
        """Offset after the last byte."""
        return len(self._data)

    def read(self, offset: int, n: int) -> bytes:
        """`n` bytes from `offset`."""
        return self._data[offset : offset + n]

    def time_at(self, offset: int) -> int | None:
        """Time of the byte at `offset`."""
        return _last(self._times, offset)

    def ack_at(self, offset: int) -> int | None:
        """What the segment with the byte at `offset` acknowledges."""
        return _last(self._acks, offset)

    def begins_segment(self, offset: int) -> bool:
        """Whether a segment begins at `offset`."""
        return any(place == offset for place, _ in self._acks or self._times)


def _last(rows: Sequence[tuple[int, int]], offset: int) -> int | None:
    """What the last of some rows says that does not begin behind `offset`."""
    index = bisect_right(rows, offset, key=lambda row: row[0]) - 1
    return rows[index][1] if index >= 0 else None


class GapIndex:
    """Questions about gaps, each answered in logarithmic time."""

    def __init__(self, gaps: Sequence[Range]) -> None:
        self._starts = [int(start) for start, _ in gaps]
        self._ends = [int(end) for _, end in gaps]

    def __bool__(self) -> bool:
        return bool(self._starts)

    def run_end(self, offset: int, end: int) -> int:
        """End of the captured run that `offset` lies in; `offset` itself inside a gap."""
        index = bisect_right(self._starts, offset)
        if index and self._ends[index - 1] > offset:
            return offset
        return min(self._starts[index], end) if index < len(self._starts) else end

    def after(self, offset: int) -> int:
        """`offset`, or the end of the gap it lies in."""
        index = bisect_right(self._starts, offset)
        return max(offset, self._ends[index - 1]) if index else offset

    def within(self, start: int, end: int) -> Iterator[Range]:
        """The parts of gaps that lie in ``[start, end)``."""
        index = max(bisect_right(self._starts, start) - 1, 0)
        while index < len(self._starts) and self._starts[index] < end:
            if self._ends[index] > start:
                yield max(self._starts[index], start), min(self._ends[index], end)
            index += 1


class ByteWindow:
    """A moving view of captured bytes; a parser that goes forward reads each byte about once.

    `data` is one contiguous captured run and starts at offset `base`; it never holds a byte of a gap.
    """

    FIRST = 4096
    """Bytes read after a jump. Doubled as long as reading goes straight on."""
    MOST = 1 << 18

    def __init__(self, stream: StreamBytes) -> None:
        self.stream = stream
        self.gaps = GapIndex(stream.gaps)
        self.end = stream.end
        self.data = b""
        self.base = 0
        self._run_end = -1
        self._block = 0, b""
        self._step = self.FIRST

    def fill(self, offset: int, n: int) -> int:
        """Make `data` hold `n` bytes from `offset` on, or all that the captured run still has.

        Returns
        -------
        int
            Index of `offset` in `data`.
        """
        index = offset - self.base
        have = len(self.data) - index
        if index >= 0 and have >= 0 and (have >= n or self.base + len(self.data) == self._run_end):
            return index
        if 0 <= index <= len(self.data):
            rest = self.data[index:]
            self._step = min(self._step * 2, self.MOST)
        else:
            rest = b""
            self._step = self.FIRST
        self._run_end = self.gaps.run_end(offset, self.end)
        start = offset + len(rest)
        stop = min(self._run_end, offset + max(n, self._step))
        self.data = rest + self._read(start, stop) if stop > start else rest
        self.base = offset
        if start + len(self.data) - len(rest) < stop:
            self._run_end = self.base + len(self.data)  # a short read ends the run, or we would ask forever
        return 0

    def _read(self, start: int, stop: int) -> bytes:
        """Bytes of one run; of several short ones that lie close together with one call."""
        if stop < self._run_end or stop >= self.end:
            return self.stream.read(start, stop - start)
        at, block = self._block
        if not at <= start <= stop <= at + len(block):
            at, block = self._block = start, self.stream.read(start, max(stop - start, self.FIRST))
        return block[start - at : stop - at]

    def peek(self, offset: int, n: int) -> bytes:
        """Up to `n` bytes from `offset`; fewer where the captured run ends."""
        index = self.fill(offset, n)
        return self.data[index : index + n]

    def run_ends(self, offset: int) -> int:
        """End of the captured run that `offset` lies in."""
        return self.gaps.run_end(offset, self.end)

    def search(self, pattern: re.Pattern[bytes], offset: int, limit: int) -> Range | None:
        """The first match of `pattern` that lies within `limit` bytes from `offset`, in one captured run."""
        n = 1
        while True:
            index = self.fill(offset, n)
            found = pattern.search(self.data, index, index + limit)
            if found:
                return self.base + found.start(), self.base + found.end()
            have = len(self.data) - index
            if have >= limit or self.base + len(self.data) >= self._run_end:
                return None
            n = min(limit, max(have * 2, self.FIRST))

    def runs(self, offset: int) -> Iterator[Range]:
        """Captured runs from `offset` to the end of the stream."""
        while (offset := self.gaps.after(offset)) < self.end:
            stop = self.gaps.run_end(offset, self.end)
            yield offset, stop
            offset = stop


def first_bytes(stream: StreamBytes, n: int) -> bytes:
    """Up to `n` captured bytes from the beginning: behind a gap in front, before the next one."""
    window = ByteWindow(stream)
    return window.peek(window.gaps.after(0), n)


def captured_runs(gaps: Sequence[Range], start: int, end: int) -> Iterator[Range]:
    """What was captured of a range, if `gaps` were not."""
    index = max(bisect_right(gaps, (start, end)) - 1, 0)
    while start < end:
        low, high = gaps[index] if index < len(gaps) else (end, end)
        if start < low:
            yield start, min(low, end)
        start = max(start, high)
        index += 1


def pieces(stream: StreamBytes, ranges: Iterable[Range], size: int = PIECE) -> Iterator[bytes]:
    """The bytes of `ranges` (ascending), about `size` at once, gaps as zeros.

    Small ranges that lie close together are read with one call and joined: the chunks of a chunked
    body are often only a few bytes long.
    """
    group: list[Range] = []
    for start, end in ranges:
        if group and end - group[0][0] > size:
            yield from _read_group(stream, group, size)
            group = []
        group.append((start, end))
    if group:
        yield from _read_group(stream, group, size)


def _read_group(stream: StreamBytes, group: list[Range], size: int) -> Iterator[bytes]:
    first = group[0][0]
    if len(group) > 1:
        block = stream.read(first, group[-1][1] - first)
        yield b"".join([block[start - first : end - first] for start, end in group])
        return
    start, end = group[0]
    while start < end:
        piece = stream.read(start, min(size, end - start))
        if not piece:
            return
        yield piece
        start += len(piece)
