"""pcapng: sections of blocks, each section with its own byte order and interfaces.

The walk only follows block lengths. Which blocks are frames, to which interface of which section
they belong, their times and lengths are then worked out by column for all blocks of a window, so
that a file of a million tiny sections costs no more than one of a million packets.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tcpflow_scapy.capture.formats import pcapng_blocks as blocks
from tcpflow_scapy.capture.formats.contract import Format
from tcpflow_scapy.capture.formats.pcapng_frames import BlockFrames, Columns
from tcpflow_scapy.capture.formats.pcapng_mend import BlockMender
from tcpflow_scapy.capture.formats.pcapng_sections import Sections
from tcpflow_scapy.capture.formats.pcapng_walk import BlockSteps, Run, walk_blocks
from tcpflow_scapy.capture.formats.records import NATIVE
from tcpflow_scapy.capture.frames import Array, FrameBatch
from tcpflow_scapy.capture.limits import MAX_BYTE_ORDER_CHANGES, MAX_FRAME
from tcpflow_scapy.capture.reading import Reading
from tcpflow_scapy.capture.windows import Window

SECTION_BYTES = blocks.SECTION.to_bytes(4, "big")
ORDERS = {
    blocks.BYTE_ORDER_MAGIC.to_bytes(4, "little"): "<",
    blocks.BYTE_ORDER_MAGIC.to_bytes(4, "big"): ">",
}

LONG = 4 * MAX_FRAME
"""Bytes of a block that is read at once; a longer one is stepped over."""


def _recognise(head: bytes) -> str | None:
    """By the block type of the section header or, should that be damaged, its byte-order magic."""
    order = ORDERS.get(head[8:12])
    if not head.startswith(SECTION_BYTES) and order is None:
        return None
    return "pcapng (big-endian)" if order == ">" else "pcapng"


def _read(reading: Reading) -> Iterator[FrameBatch]:
    """All frames of a file."""
    yield from BlockReader(reading).batches()


class BlockReader:
    """All packet blocks of one file, as batches.

    Parameters
    ----------
    reading : Reading
        Of a file whose first block is there.
    growing : bool
        The file is being written: a block that is not whole yet is no damage. Set it to False when the file
        is complete.
    """

    def __init__(self, reading: Reading, *, growing: bool = False) -> None:
        self._reading = reading
        self._offset = 0
        self._frames = BlockFrames(reading, Sections(reading))
        self._mender = BlockMender(reading)
        self._mender.growing = growing
        self._order = self._first_order()
        self._steps = BlockSteps()
        self._changes = 0

    def _first_order(self) -> str:
        """Byte order of the first section; should its magic be damaged, the one in which both lengths
        of the block agree."""
        known = ORDERS.get(self._reading.medium.read(8, 4))
        return known or next((order for order in "<>" if self._mender.block(0, order)), "<")

    @property
    def growing(self) -> bool:
        """Whether the file is being written."""
        return self._mender.growing

    @growing.setter
    def growing(self, value: bool) -> None:
        self._mender.growing = value

    def batches(self) -> Iterator[FrameBatch]:
        """Walk from the first block to the last."""
        yield from self.more()
        self.close()

    def more(self) -> Iterator[FrameBatch]:
        """Walk on from where the last walk ended, to the end: what a growing file has gained."""
        medium = self._reading.medium
        need = 0
        while self._offset < medium.size and self._changes <= MAX_BYTE_ORDER_CHANGES:
            window = self._reading.window(self._offset, need)
            parts, after = self._parts(window)
            need = 0
            batch = self._batch(window, parts)
            # Before the batch is handed out: who draws no more has had it all the same.
            self._offset += after
            if batch is not None:
                yield batch
            if not after:
                if self._mender.unfinished(self._offset, self._order):
                    return
                need, after = self._long_block(self._offset, window.end)
                self._offset += after

    def close(self) -> None:
        """Report what was not read of a complete file."""
        left = self._reading.medium.size - self._offset
        if left > 0:
            self._reading.problems.add(
                "damaged",
                f"the byte order changes more than {MAX_BYTE_ORDER_CHANGES} times: the rest is not read",
                offset=self._offset,
                length=left,
            )
        self._frames.close()

    def _parts(self, window: Window) -> tuple[list[Columns], int]:
        """The frames of a window, a part for each stretch of one byte order, and where its last
        complete block ends."""
        parts: list[Columns] = []
        at, count = 0, 0
        while self._changes <= MAX_BYTE_ORDER_CHANGES:
            run, after = self._run(window, at, count)
            if len(run.positions):
                parts.append(self._frames.columns(run, count))
                count += len(parts[-1])
            at = after
            if not self._turn(window.base + at):
                break
        return parts, at

    def _turn(self, offset: int) -> bool:
        """Take the byte order of the section that begins at `offset`, if it is the other one."""
        head = self._reading.medium.read(offset, 12)
        order = ORDERS.get(head[8:12], self._order)
        if not head.startswith(SECTION_BYTES) or order == self._order:
            return False
        self._order = order
        self._changes += 1
        return True

    def _batch(self, window: Window, parts: list[Columns]) -> FrameBatch | None:
        parts = [part for part in parts if len(part)]
        if not parts:
            return None
        if len(parts) > 1:
            parts = [Columns.joined(parts)]
        columns = parts[0]
        linktype: Array | int = columns.linktype
        if (columns.linktype == columns.linktype[0]).all():
            linktype = int(columns.linktype[0])
        interface: Array | int = columns.interface
        if not columns.interface.any():
            interface = 0
        return self._reading.batch(
            window,
            position=columns.position,
            caplen=columns.caplen,
            wirelen=columns.wirelen,
            time=columns.time,
            linktype=linktype,
            interface=interface,
        )

    def _run(self, window: Window, at: int, count: int) -> tuple[Run, int]:
        """Blocks of one byte order from `at` on, and where they end; `count` frames came before."""
        turn = at & 3
        steps = None if self._order == NATIVE else self._steps
        found = walk_blocks(window.words[turn], (at >> 2) + 1, steps)
        starts = np.fromiter(found, np.int64, len(found))
        starts -= 1
        starts *= 4
        starts += turn
        last = len(starts) - 1
        if starts[last] > window.end:
            last -= 1
        run = Run(self._order, starts[:last], np.diff(starts[: last + 1]), window)
        stop = run.first_stop()
        if stop is not None:
            return self._stopped(window, run.head(stop), int(starts[stop]), count)
        return self._stopped(window, run, int(starts[last]), count)

    def _stopped(self, window: Window, run: Run, at: int, count: int) -> tuple[Run, int]:
        """Where the walk stopped: at a block that goes on, at another byte order, or at damage."""
        base, order = window.base, self._order
        if self._mender.unfinished(base + at, order) or not self._mender.damaged(base + at, order):
            return run, at
        count += self._reading.frames + int(np.isin(run.types, blocks.FRAMES).sum())
        more, steps, end = self._mender.walk(base + at, (base, base + window.end), order, count)
        positions = np.append(run.positions, np.array(more, np.int64) - base)
        lengths = np.append(run.lengths, np.array(steps, np.int64))
        return Run(order, positions, lengths, window), end - base

    def _long_block(self, offset: int, seen: int) -> tuple[int, int]:
        """(bytes to read at once, bytes to step over) for a block that `seen` bytes do not hold."""
        block = self._mender.block(offset, self._order)
        if block is None:
            return 0, self._reading.medium.size - offset
        self._frames.note([block.kind])
        wanted = block.kind in (*blocks.FRAMES, blocks.INTERFACE, blocks.SECTION)
        if wanted and seen < block.length < LONG:
            return block.length, 0
        return 0, block.length


PCAPNG = Format("pcapng", _recognise, _read)
