"""Reading a record chain: walk, check by column, gather; mend where something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tcpflow_scapy.capture.formats.mend import ChainMender, Followed
from tcpflow_scapy.capture.formats.records import (
    FRAME_PADDING,
    MAX_PADDING,
    NATIVE,
    RecordLayout,
    Steps,
    walk_native,
    walk_table,
)
from tcpflow_scapy.capture.frames import Array, FrameBatch
from tcpflow_scapy.capture.reading import Reading
from tcpflow_scapy.capture.windows import Window

Adjust = Callable[[Window, Array, Array, Array], tuple[Array, Array, Array]]
"""(window, position, caplen, wirelen) -> the same, without a pseudo-header of the format"""


class ChainReader:
    """All records of one file, as batches.

    Parameters
    ----------
    reading : Reading
    layout : RecordLayout
    linktype : int
    interface : int
        Index in `CaptureInfo.interfaces`.
    adjust : callable, optional
        Takes a format's pseudo-header off the frames.
    """

    def __init__(
        self,
        reading: Reading,
        layout: RecordLayout,
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
        self._steps = Steps(layout)
        self._mender = ChainMender(reading, layout)
        self._last: int | None = None

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
                yield self._batch(window, positions, headers, mended)
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
        if layout.order == NATIVE and layout.overhead:
            found = walk_native(window.words, layout.step, layout.overhead)
        else:
            found = walk_table(window.words, layout.step, self._steps)
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
        layout = self._layout
        if not len(headers):
            return None
        caplen = headers["caplen"]
        if layout.overhead:
            bad = lengths > layout.limit + layout.overhead
            odd = caplen > headers["wirelen"]
        else:
            spare = lengths - layout.header - caplen
            bad = (caplen > layout.limit) | (spare < 0) | (spare > MAX_PADDING)
            odd = spare > FRAME_PADDING
        if self._mender.doubtful or layout.swappable:
            bad |= odd
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

    def _batch(self, window: Window, positions: Array, headers: Array, mended: dict[int, int]) -> FrameBatch:
        layout = self._layout
        caplen = headers["caplen"].astype(np.int64)
        wirelen = headers["wirelen"].astype(np.int64)
        if layout.swappable:
            caplen, wirelen = np.minimum(caplen, wirelen), np.maximum(caplen, wirelen)
        for index, length in mended.items():
            caplen[index] = length
        position = positions + layout.header
        if self._adjust is not None:
            position, caplen, wirelen = self._adjust(window, position, caplen, wirelen)
        return self._reading.batch(
            window,
            position=position,
            caplen=caplen,
            wirelen=wirelen,
            time=layout.times(headers),
            linktype=self._linktype,
            interface=self._interface,
        )
