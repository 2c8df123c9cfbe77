"""Reading a record chain: walk, check by column, gather; mend where something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tcpflow_scapy.capture.formats.mend import ChainMender, Followed
from tcpflow_scapy.capture.formats.records import DAY, Layout
from tcpflow_scapy.capture.frames import Array, FrameBatch
from tcpflow_scapy.capture.reading import Reading
from tcpflow_scapy.capture.windows import Window


@dataclass(slots=True)
class Frames:
    """Frames of a window, as `Reading.batch` takes them."""

    position: Array
    caplen: Array
    wirelen: Array
    time: Array
    linktype: Array | int
    interface: Array | int

    def pick(self, keep: Array) -> Frames:
        """Some of them, by mask."""
        return Frames(
            self.position[keep],
            self.caplen[keep],
            self.wirelen[keep],
            self.time[keep],
            self.linktype if isinstance(self.linktype, int) else self.linktype[keep],
            self.interface if isinstance(self.interface, int) else self.interface[keep],
        )


Adjust = Callable[[Window, Array, Frames], Frames]
"""(window, headers, frames) -> the frames: without pseudo-headers, and without records that are not frames"""


class ChainReader:
    """All records of one file, as batches.

    Parameters
    ----------
    reading : Reading
    layout : Layout
    linktype : int
    interface : int
        Index in `CaptureInfo.interfaces`.
    adjust : callable, optional
        Takes a format's pseudo-header off the frames, leaves out records that are not frames, and may give
        each a link type and an interface of its own.
    """

    def __init__(
        self,
        reading: Reading,
        layout: Layout,
        *,
        linktype: int,
        interface: int,
        adjust: Adjust | None = None,
    ) -> None:
        self._reading = reading
        self._layout = layout
        self._linktype = linktype
        self._interface = interface
        self._adjust = adjust
        self._mender = ChainMender(reading, layout)
        self._last: int | None = None
        self._seconds: int | None = None

    def batches(self, start: int) -> Iterator[FrameBatch]:
        """Walk from `start` to the end."""
        medium = self._reading.medium
        offset, need = start, 0
        while offset < medium.size:
            window = self._reading.window(offset, need)
            positions, headers, after = self._walk(window)
            mended: dict[int, int] = {}
            if headers is None:
                positions, mended, after = self._mend(window, positions, after)
                headers = window.gather(self._layout.dtype, positions)
            need = 0
            if len(positions):
                self._last = window.base + int(positions[-1])
                self._seconds = int(self._layout.instants(headers[-1:])[0])
                frames = self._frames(window, positions, headers, mended)
                if len(frames.position):
                    yield self._batch(window, frames)
            elif after == 0:
                # One record that is longer than the window.
                need = self._record_length(window)
                if need <= window.end:
                    return  # the file shrank under our hands
            offset += after

    def _walk(self, window: Window) -> tuple[Array, Array | None, int]:
        """Positions and headers of the complete records of a window, and where (from the window's
        start) the next record begins; no headers where the next one is not sound."""
        layout = self._layout
        found = layout.walk(window.words)
        starts = np.fromiter(found, np.int64, len(found))
        starts -= layout.step
        # The last one lies beyond the window, or its header does, or its record.
        last = len(starts) - 1
        if starts[last] > window.end:
            last -= 1
        positions, after = starts[:last], int(starts[last])
        headers = window.gather(layout.dtype, positions)
        bad = self._first_bad(headers, np.diff(starts[: last + 1]))
        if bad is not None:
            return positions[:bad], None, int(positions[bad])
        return positions, headers if self._sound_end(window, after) else None, after

    def _first_bad(self, headers: Array, lengths: Array) -> int | None:
        """Index of the first record whose header cannot be believed, or is doubted."""
        if not len(headers):
            return None
        layout, doubtful = self._layout, self._mender.doubtful
        bad = layout.bad(headers, lengths, doubtful)
        if doubtful:
            seconds = layout.instants(headers)
            before = seconds[0] if self._seconds is None else self._seconds
            if max(seconds.max(), before) - min(seconds.min(), before) > DAY:
                bad |= (np.abs(np.diff(seconds, prepend=before)) > DAY) & ~layout.agreeing(headers)
        index = int(bad.argmax())
        return index if bad[index] else None

    def _sound_end(self, window: Window, after: int) -> bool:
        """Is what follows the last complete record the file's end or a record that goes on?"""
        layout, size = self._layout, self._reading.medium.size
        if window.base + after == size:
            return True
        record = layout.parse(window.memory[after : min(after + layout.header, window.end)].tobytes())
        if record is None:
            return window.base + window.end < size
        if layout.swappable and after + record.length <= window.end:
            return False  # the walk took the wrong one of its two lengths
        return layout.believable(record) and window.base + after + record.length <= size

    def _mend(self, window: Window, positions: Array, after: int) -> tuple[Array, dict[int, int], int]:
        """The careful walk over the rest of a window, from the record that cannot be believed."""
        base = window.base
        followed = Followed((positions + base).tolist(), self._last)
        end = self._mender.walk(followed, base + after, base + window.end)
        return np.array(followed.offsets, np.int64) - base, followed.mended, end - base

    def _record_length(self, window: Window) -> int:
        record = self._layout.parse(self._reading.medium.read(window.base, self._layout.header))
        return record.length if record else 0

    def _frames(self, window: Window, positions: Array, headers: Array, mended: dict[int, int]) -> Frames:
        layout = self._layout
        caplen, wirelen = layout.lengths(headers)
        for index, length in mended.items():
            caplen[index] = length
        frames = Frames(
            positions + layout.header, caplen, wirelen, layout.times(headers), self._linktype, self._interface
        )
        return frames if self._adjust is None else self._adjust(window, headers, frames)

    def _batch(self, window: Window, frames: Frames) -> FrameBatch:
        return self._reading.batch(
            window,
            position=frames.position,
            caplen=frames.caplen,
            wirelen=frames.wirelen,
            time=frames.time,
            linktype=frames.linktype,
            interface=frames.interface,
        )
