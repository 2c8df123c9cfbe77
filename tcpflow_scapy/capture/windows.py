"""Windows: pieces of a medium in reused memory.

Buffers rotate, so that the frames of the last `BATCHES_ALIVE` batches stay readable while the walk
goes on. A record that crosses the end of a window is simply read again with the next one: cheaper
than it sounds (half a record in 4 MiB) and free of bookkeeping.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tcpflow_scapy.capture.ahead import ReadAhead
from tcpflow_scapy.capture.frames import BATCH_PADDING, BATCHES_ALIVE, Array
from tcpflow_scapy.capture.limits import BATCH_BYTES
from tcpflow_scapy.capture.medium import Medium


@dataclass
class Window:
    """One piece of a medium."""

    memory: Array
    """uint8; `BATCH_PADDING` bytes may be read beyond `end`"""
    base: int
    """offset in the medium of ``memory[0]``"""
    end: int
    """valid bytes in `memory`"""

    @cached_property
    def words(self) -> tuple[memoryview, ...]:
        """The valid bytes as native uint32, once for each alignment: four index operations read an
        unaligned word, with no call and no copy. Beyond the end they raise IndexError."""
        view = self.memory.data[: self.end]
        return tuple(view[k : k + max(0, len(view) - k) // 4 * 4].cast("I") for k in range(4))

    def gather(self, dtype: np.dtype[np.void], positions: Array) -> Array:
        """One header for each position. Fancy indexing of an overlapping view: never ``take``,
        which would copy the view. Copied as plain bytes, which numpy does many times faster than
        items with fields."""
        count = max(0, len(self.memory) - dtype.itemsize + 1)
        plain = np.dtype((np.void, dtype.itemsize))
        view = np.ndarray((count,), plain, buffer=self.memory.data, strides=(1,))
        headers: Array = view[positions].view(dtype)
        return headers


class Windows:
    """The rotating buffers; one set serves all files of a source.

    Parameters
    ----------
    size : int
        Bytes of a window where nobody asks for more.
    """

    def __init__(self, size: int = BATCH_BYTES) -> None:
        self.size = size
        self._buffers: list[Array] = [np.empty(0, np.uint8)] * (BATCHES_ALIVE + 1)
        self._turn = 0
        self._last = Window(self._buffers[0], 0, 0)
        self._ahead = ReadAhead()

    def read(self, medium: Medium, offset: int, length: int = 0) -> Window:
        """The bytes from `offset` on, `length` (or `size`) of them where there are so many, or a few more.

        The memory is used again by the next call unless `keep` was called between.
        """
        found = self._ahead.take(medium, offset, self._last.memory, self._last.base)
        if found is not None and not length:
            spare, self._buffers[self._turn] = self._buffers[self._turn], found[0]
            window = Window(found[1], offset, found[2])
        else:
            window, spare = self._read(medium, offset, length or self.size), np.empty(0, np.uint8)
        self._last = window
        if not length:
            self._ahead.start(medium, offset + window.end, self.size, spare)
        return window

    def _read(self, medium: Medium, offset: int, length: int) -> Window:
        length = max(0, min(length, medium.size - offset))
        buffer = self._buffers[self._turn]
        if len(buffer) < length + BATCH_PADDING:
            # Whoever still looks at the old buffer keeps it alive.
            buffer = self._buffers[self._turn] = np.empty(length + BATCH_PADDING, np.uint8)
        end = medium.read_into(buffer.data[:length], offset)
        buffer[end : end + BATCH_PADDING] = 0
        return Window(buffer, offset, end)

    def settle(self) -> None:
        """Nothing more is read: no other thread uses a medium afterwards."""
        self._ahead.settle()

    def keep(self) -> None:
        """The window read last became a batch: leave its memory alone for a while."""
        self._turn = (self._turn + 1) % len(self._buffers)
