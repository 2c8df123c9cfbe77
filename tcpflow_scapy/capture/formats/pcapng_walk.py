"""Following block lengths: the loop over blocks, and what can be said of all of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tcpflow_scapy.capture.formats import pcapng_blocks as blocks
from tcpflow_scapy.capture.frames import Array
from tcpflow_scapy.capture.windows import Window

BEYOND = 1 << 40
"""A step that ends the walk: for lengths that would not move it on."""

LARGEST_MINIMUM = max(blocks.SMALLEST.values())
SWAPPED_MAGIC = int.from_bytes(blocks.BYTE_ORDER_MAGIC.to_bytes(4, "little"), "big")


class BlockSteps(dict[int, int]):
    """Words to step over, for a length word of the other byte order."""

    def __missing__(self, word: int) -> int:
        step = int.from_bytes(word.to_bytes(4, "little"), "big") >> 2 or BEYOND
        if len(self) < 1 << 18:
            self[word] = step
        return step


def walk_blocks(words: memoryview, at: int, steps: BlockSteps | None) -> list[int]:
    """Indices of the length words of consecutive blocks, from the one at `at`.

    Parameters
    ----------
    words : memoryview of native uint32
        Aligned as the first block is; blocks that are no multiple of four bytes long end the use
        of this walk.
    at : int
        Index of the first length word.
    steps : BlockSteps, optional
        For words in the other byte order.
    """
    found = [at]
    try:
        if steps is None:
            while True:
                at += words[at] >> 2 or BEYOND
                found.append(at)
        while True:
            at += steps[words[at]]
            found.append(at)
    except IndexError:
        return found


@dataclass
class Run:
    """Consecutive blocks of one byte order in one window."""

    order: str
    positions: Array
    """int64, in the window's memory"""
    lengths: Array
    """int64, to the next block"""
    window: Window

    @cached_property
    def headers(self) -> Array:
        """The first 28 bytes of every block. Those of a shorter block are not all its own."""
        return self.window.gather(blocks.header_dtype(self.order), self.positions)

    @cached_property
    def types(self) -> Array:
        """uint32, native"""
        types: Array = self.headers["type"].astype(np.uint32)
        return types

    def head(self, count: int) -> Run:
        """The first `count` blocks."""
        return Run(self.order, self.positions[:count], self.lengths[:count], self.window)

    def pick(self, indices: Array) -> Run:
        """Some of the blocks."""
        run = Run(self.order, self.positions[indices], self.lengths[indices], self.window)
        run.__dict__.update(headers=self.headers[indices], types=self.types[indices])
        return run

    def first_stop(self) -> int | None:
        """Index of the first block that breaks the rules or begins a section of the other byte order.

        Both lengths of a block are equal, multiples of four and large enough for its type.
        """
        if not len(self.positions):
            return None
        word = np.dtype([("length", self.order + "u4")])
        # Below twelve bytes there is no second length; where it is read does not matter then.
        ends = self.window.gather(word, np.maximum(self.positions + self.lengths - 4, 0))
        lengths = self.headers["length"]
        stop = lengths != ends["length"]
        stop |= lengths != self.lengths
        small = self.lengths < LARGEST_MINIMUM
        if small.any():
            stop |= self.lengths < 12
            for kind in blocks.PACKETS:
                stop |= (self.types == kind) & (self.lengths < blocks.SMALLEST[kind])
        stop |= (self.types == blocks.SECTION) & (self.headers["interface"] == SWAPPED_MAGIC)
        index = int(stop.argmax())
        return index if stop[index] else None
