"""The door between flows and protocol parsers: a `Stream` seen as `TimedStream`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.packets import ACK
from tcpflow_scapy.reassembly.sequence import distances

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

    @cached_property
    def _heard(self) -> Array | None:
        """How much of the other direction each extent's segment acknowledges; None: that says nothing."""
        evidence = self.stream._evidence
        other = self._number ^ 1
        if other in self._found.unwrapped:  # too long for 32 bits to tell
            return None
        low, offsets = self._extents
        packets = self._found.extents.packet[low : low + len(offsets)]
        heard = distances(
            evidence.packets.acknowledgment[packets], self._found.streams.base[other : other + 1]
        )
        heard[(evidence.packets.flags[packets] & ACK) == 0] = -1
        # Made-up captures often acknowledge nothing, ever.
        return heard if len(heard) and heard.max() > 0 else None

    def ack_at(self, offset: int) -> int | None:
        """How much of the other direction the segment with the byte at `offset` acknowledges."""
        row = self._row(offset)
        if row is None or self._heard is None:
            return None
        heard = int(self._heard[row - self._extents[0]])
        return None if heard < 0 else heard

    def begins_segment(self, offset: int) -> bool:
        """Whether a segment begins at `offset`."""
        row = self._row(offset)
        return row is not None and int(self._found.extents.offset[row]) == offset

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
