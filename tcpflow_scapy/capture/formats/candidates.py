"""Where, in damaged bytes, could a record begin? Answered by column, a piece of the file at a time.

Each piece is looked at once, however many damaged places there are, and places that pass the column
tests are tried one by one up to a limit: the work is linear in the size of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tcpflow_scapy.capture.formats.records import DAY, Layout
from tcpflow_scapy.capture.frames import Array
from tcpflow_scapy.capture.limits import MAX_CANDIDATES
from tcpflow_scapy.capture.medium import Medium

PIECE = 1 << 18
"""Bytes looked at together."""


class Candidates:
    """Plausible record headers of one medium."""

    def __init__(self, medium: Medium, layout: Layout) -> None:
        self._medium = medium
        self._layout = layout
        self._tried = 0
        self._piece = -1
        self._found: tuple[Array, Array] = (np.empty(0, np.int64), np.empty(0, np.int64))

    def find(
        self,
        begin: int,
        seconds: int | None,
        accept: Callable[[int, int | None], bool],
        stop: int | None = None,
    ) -> int | None:
        """First offset from `begin` on that looks like a record header and that `accept` takes.

        `accept` is also given the time that the records there should be near: `seconds`, and then,
        for the places of the same piece that are not, None. With `stop`, only places before it that
        are near count.
        """
        end = self._medium.size if stop is None else min(stop, self._medium.size)
        for piece in range(begin // PIECE, end // PIECE + 1):
            for offset, near in self._places(piece, begin, seconds):
                if stop is not None and (offset >= stop or not near):
                    break
                self._tried += 1
                if self._tried > MAX_CANDIDATES:
                    return None
                if accept(offset, seconds if near else None):
                    return offset
        return None

    def _places(self, piece: int, begin: int, seconds: int | None) -> Iterator[tuple[int, bool]]:
        if piece != self._piece:
            self._found, self._piece = self._look(piece * PIECE), piece
        offsets, times = self._found
        ahead = offsets >= begin
        if seconds is not None:
            near = np.abs(times - seconds) <= DAY
            yield from ((offset, True) for offset in offsets[ahead & near].tolist())
            ahead &= ~near & self._layout.far
        yield from ((offset, False) for offset in offsets[ahead].tolist())

    def _look(self, start: int) -> tuple[Array, Array]:
        """Offsets and times of all places of a piece where a header would make sense."""
        layout = self._layout
        data = np.frombuffer(self._medium.read(start, PIECE + layout.header + 64), np.uint8)
        count = min(PIECE, len(data) - layout.header + 1)
        if count <= 0:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        offsets, seconds = layout.candidates(data, count)
        return offsets + start, seconds
