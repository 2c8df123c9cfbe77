"""The door between flows and protocol parsers: a `Stream` seen as `TimedStream`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME

from .stream_bytes import Range

if TYPE_CHECKING:
    from tcpflow_scapy.flows.stream import Stream

Array = np.ndarray[Any, np.dtype[Any]]


class FlowStream:
    """A `Stream` of a flow, as protocol parsers read it.

    Parameters
    ----------
    stream : Stream
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._found = stream._evidence.reassembly
        self._number = stream._number

    @cached_property
    def end(self) -> int:
        """Offset after the last captured byte."""
        return self.stream.end

    @cached_property
    def gaps(self) -> Sequence[Range]:
        """What was not captured, a gap behind `end` included."""
        low, high = self._found.streams.gap_start[self._number : self._number + 2].tolist()
        if low == high:
            return ()
        gaps = self._found.gaps
        return list(zip(gaps.start[low:high].tolist(), gaps.end[low:high].tolist(), strict=True))

    def read(self, offset: int, n: int) -> bytes:
        """`n` bytes from `offset`, gaps as zeros."""
        return self.stream.read(offset, n)

    @cached_property
    def from_start(self) -> bool:
        """Whether the SYN was captured."""
        return int(self._found.streams.isn[self._number]) >= 0

    @cached_property
    def closed(self) -> bool:
        """Whether a FIN was captured."""
        return int(self._found.streams.fin[self._number]) >= 0

    @cached_property
    def _extents(self) -> tuple[int, Array]:
        low, high = self._found.streams.extent_start[self._number : self._number + 2].tolist()
        return low, self._found.extents.offset[low:high]

    def time_at(self, offset: int) -> int | None:
        """When the byte at `offset` was captured, ns since the epoch; that of the byte before, in a gap."""
        row = self._row(offset)
        if row is None:
            return None
        time = int(self.stream._evidence.times[self._found.extents.packet[row]])
        return None if time == NO_TIME else time

    def frame_at(self, offset: int) -> int | None:
        """1-based number of the frame that carried the byte at `offset` (or the one before, in a gap)."""
        row = self._row(offset)
        if row is None:
            return None
        evidence = self.stream._evidence
        packet = int(self._found.extents.packet[row])
        inside = min(offset - int(self._found.extents.offset[row]), int(self._found.extents.length[row]) - 1)
        address = int(self._found.extents.address[row]) + inside
        return evidence.place(address, int(evidence.packets.frame[packet]))[0]

    def _row(self, offset: int) -> int | None:
        low, offsets = self._extents
        index = int(np.searchsorted(offsets, offset, side="right")) - 1
        return low + index if index >= 0 else None
