"""Damage among blocks: what a block may still be, and where the next one begins.

Nothing here runs on a sound file. Every block states its length twice, so a place where both agree
is a block with near certainty.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from tcpflow_scapy.capture.formats import pcapng_blocks as blocks
from tcpflow_scapy.capture.frames import Array
from tcpflow_scapy.capture.limits import MAX_CANDIDATES, MAX_FRAME, MAX_MENDS
from tcpflow_scapy.capture.reading import Reading

PIECE = 1 << 18
"""Bytes searched together."""

CHAIN = 10_000
"""Blocks followed to see whether they reach the end of the file."""

MAX_SECONDS = 1_000
"""Damaged places of one file behind which a block's second length is looked for."""
LISTED = 100
"""Places that are tried then."""

MAGIC = {order: struct.pack(order + "I", blocks.BYTE_ORDER_MAGIC) for order in "<>"}
SECTION_BYTES = blocks.SECTION.to_bytes(4, "big")


class Block(NamedTuple):
    """A block that can be followed."""

    kind: int
    length: int
    """to the next block"""
    regular: bool = False
    """keeps to the rules, so that the plain walk can follow it"""
    note: str = ""
    """what is wrong with it"""


class Mended(NamedTuple):
    """What became of a damaged place."""

    end: int
    """where to go on"""
    message: str
    problem: str = "damaged"
    kept: bool = False
    """it is a block, up to `end`"""


class BlockMender:
    """The careful walk of one file."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._medium = reading.medium
        self._frame = 0
        self._mends = 0
        self._tried = 0
        self._seconds = 0
        self._dead: set[int] = set()
        self._piece: tuple[int, str] = (-1, "")
        self._places: Array = np.empty(0, np.int64)
        self.growing = False
        """whether the file is being written: then a block that is not whole yet is waited for"""

    def damaged(self, at: int, order: str) -> bool:
        """Must the careful walk look at this place? Not at the end, a section of the other byte
        order, or a block that keeps to the rules (and did not fit the window)."""
        if at == self._medium.size or self._other_order(at, order):
            return False
        block = self.block(at, order)
        return block is None or not block.regular

    def unfinished(self, at: int, order: str) -> bool:
        """Is this a block of a growing file whose end was not written yet?"""
        if not self.growing:
            return False
        head = self._medium.read(at, 12)
        if len(head) < 12:
            return True
        if head.startswith(SECTION_BYTES):
            order = next((o for o, magic in MAGIC.items() if magic == head[8:12]), order)
        length: int = struct.unpack_from(order + "I", head, 4)[0]
        return at + ((length + 3) & ~3) > self._medium.size

    def walk(
        self, at: int, window: tuple[int, int], order: str, frames: int
    ) -> tuple[list[int], list[int], int]:
        """Follow blocks one at a time.

        Parameters
        ----------
        at : int
            The first block to judge.
        window : (int, int)
            Where the bytes begin and end that were read.
        order : str
            Byte order; the walk ends where it changes.
        frames : int
            Frames before `at`.

        Returns
        -------
        positions, lengths : list of int
            Offsets of the blocks and how far the next one is.
        end : int
            The offset from which to go on.
        """
        positions: list[int] = []
        lengths: list[int] = []
        self._frame = frames + 1
        begin, until = window
        while at < until and not self._other_order(at, order):
            block = self.block(at, order)
            if block is None:
                if self.unfinished(at, order):
                    break
                found = self._mend(at, order)
                if found.kept and found.end > until and at > begin:
                    break  # the next window will hold all of it
                kept = found.kept and found.end <= until
                self._report(found.problem, found.message, at, 0 if kept else found.end - at)
                if kept:
                    positions.append(at)
                    lengths.append(found.end - at)
                    self._frame += self._head(at, order)[0] in blocks.FRAMES
                at = found.end
                continue
            if at + block.length > until:
                break
            if block.note:
                self._report("bad_block", block.note, at, 0)
            positions.append(at)
            lengths.append(block.length)
            self._frame += block.kind in blocks.FRAMES
            at += block.length
        return positions, lengths, at

    def block(self, at: int, order: str) -> Block | None:
        """The block at an offset, if it can be followed."""
        head = self._medium.read(at, 8)
        if len(head) < 8:
            return None
        kind, length = struct.unpack(order + "II", head)
        padded = (length + 3) & ~3
        if length < blocks.SMALLEST.get(kind, 12) or at + length > self._medium.size:
            return None
        if self._length_at(at + padded - 4, order) == length:
            return Block(kind, padded, regular=length == padded)
        if length != padded and self._length_at(at + length - 4, order) == length:
            return Block(kind, length)
        if at + padded == self._medium.size or self._looks_good(at + padded, order):
            return Block(kind, padded, note="the two lengths of a block differ")
        return None

    def _other_order(self, at: int, order: str) -> bool:
        head = self._medium.read(at, 12)
        other = MAGIC["<" if order == ">" else ">"]
        return head.startswith(SECTION_BYTES) and head[8:12] == other

    def _length_at(self, at: int, order: str) -> int | None:
        data = self._medium.read(at, 4)
        return struct.unpack(order + "I", data)[0] if len(data) == 4 else None

    def _looks_good(self, at: int, order: str) -> bool:
        """Is there a block of a known type here whose two lengths agree?"""
        head = self._medium.read(at, 12)
        if len(head) < 12:
            return False
        if head.startswith(SECTION_BYTES):
            order = next((o for o, magic in MAGIC.items() if magic == head[8:12]), order)
        kind, length = struct.unpack_from(order + "II", head)
        if kind not in blocks.SMALLEST or length < blocks.SMALLEST[kind] or length % 4:
            return False
        return bool(self._length_at(at + length - 4, order) == length)

    def _mend(self, at: int, order: str) -> Mended:
        """What a damaged block is, and where to go on: the medium's end where nothing more can be read."""
        size = self._medium.size
        self._mends += 1
        if self._mends > MAX_MENDS:
            return Mended(size, f"more than {MAX_MENDS} damaged places: the rest is not read")
        length = self._own_length(at, order)
        if length and (at + length == size or self._looks_good(at + length, order)):
            return self._kept(at, at + length)
        if size - at >= 12 and self._length_at(size - 4, order) == size - at:
            # The last block: its second length is the right one.
            return self._kept(at, size)
        found = self._by_second_length(at, order)
        if found is not None and self._length_at(found - 4, order) != found - at:
            return self._kept(at, found)
        cut = self._cut(at, order)
        found = found or self._search(at + 1, order, cut)
        if found is None and cut:
            return Mended(size, "the file ends inside a block", problem="cut_short")
        if found is None:
            return Mended(size, "nothing readable after this place")
        if self._may_keep(at, found - at, order):
            return self._kept(at, found)
        return Mended(found, "no block can be read here; reading goes on at the next one")

    @staticmethod
    def _kept(at: int, end: int) -> Mended:
        message = f"the block states a wrong length; {end - at} bytes fit what follows"
        return Mended(end, message, kept=True)

    def _by_second_length(self, at: int, order: str) -> int | None:
        """Where a block ends by its second length: it shows that the block begins here, or it is the same as
        the first one, and then bytes are missing from the middle of a packet."""
        self._seconds += 1
        if self._seconds > MAX_SECONDS:
            return None
        kind, stated = self._head(at, order)[:2]
        places = self._look(at, order)
        if at + PIECE >= self._medium.size:
            places = np.append(places, self._medium.size)
        places = places[places >= at + 12]
        data = np.frombuffer(self._medium.read(at, PIECE + 8), np.uint8)
        words = np.ndarray((max(len(data) - 3, 0),), order + "u4", buffer=data.data, strides=(1,))
        second = words[places - at - 4].astype(np.int64)
        good = second == places - at
        if kind in blocks.PACKETS:
            good |= (second == stated) & (places >= at + blocks.SMALLEST[kind]) & (places < at + stated)
        for place in places[good][:LISTED].tolist():
            if place == self._medium.size or self._looks_good(place, order):
                return int(place)
        return None

    def _report(self, kind: str, message: str, offset: int, length: int) -> None:
        self._reading.problems.add(kind, message, frame=self._frame, offset=offset, length=length)

    def _head(self, at: int, order: str) -> tuple[int, ...]:
        """Type, length and the five words that follow, zeros where the file ends."""
        return struct.unpack(order + "7I", self._medium.read(at, 28).ljust(28, b"\0"))

    def _own_length(self, at: int, order: str) -> int:
        """What the fields of a block say of its length when its length does not; 0: nothing."""
        kind, _length, _interface, _high, _low, caplen, _wirelen = self._head(at, order)
        if kind in (blocks.ENHANCED, blocks.PACKET) and caplen <= MAX_FRAME:
            return 32 + ((caplen + 3) & ~3)
        if kind in (blocks.INTERFACE, blocks.SECTION):
            return blocks.SMALLEST[kind]
        return 0

    def _may_keep(self, at: int, length: int, order: str) -> bool:
        """Do the fields of a block agree with a length that was found by searching?"""
        kind, _length, _interface, _high, _low, caplen, wirelen = self._head(at, order)
        if kind in (blocks.ENHANCED, blocks.PACKET):
            return 32 + caplen <= length and caplen <= wirelen
        return kind in (blocks.INTERFACE, blocks.SECTION, blocks.SIMPLE, blocks.NAMES)

    def _cut(self, at: int, order: str) -> bool:
        """Does this look like a good block of which the file has only the beginning?"""
        left = self._medium.size - at
        if left < 12:
            return True
        kind, length, *_ = self._head(at, order)
        known = kind in blocks.SMALLEST and length >= blocks.SMALLEST[kind]
        return known and length > left and length <= 4 * MAX_FRAME

    def _search(self, begin: int, order: str, to_end: bool) -> int | None:
        """The next offset at which a block begins.

        With `to_end` only blocks that run to the very end of the file count: the data of a packet
        may be a capture as well.
        """
        for piece in range(begin // PIECE, self._medium.size // PIECE + 1):
            if self._piece != (piece, order):
                self._places, self._piece = self._look(piece * PIECE, order), (piece, order)
            for place in self._places[self._places >= begin].tolist():
                self._tried += 1
                if self._tried > MAX_CANDIDATES:
                    return None
                if self._looks_good(place, order) and (not to_end or self._to_end(place, order)):
                    return int(place)
        return None

    def _to_end(self, at: int, order: str) -> bool:
        tried: list[int] = []
        for _ in range(CHAIN):
            block = self.block(at, order)
            if block is None or block.note or at in self._dead:
                # Chains flow together: what led nowhere once is not followed again.
                self._dead.update(tried)
                return False
            tried.append(at)
            at += block.length
            if at == self._medium.size:
                return True
        return True

    def _look(self, start: int, order: str) -> Array:
        """Places of a piece where the type and the length of a block could stand."""
        data = np.frombuffer(self._medium.read(start, PIECE + 7), np.uint8)
        count = min(PIECE, len(data) - 7)
        if count <= 0:
            return np.empty(0, np.int64)
        high = (0, 1) if order == ">" else (2, 3)
        keep = (data[high[0] :][:count] == 0) & (data[high[1] :][:count] == 0)
        keep |= data[:count] == SECTION_BYTES[0]
        at = np.flatnonzero(keep)
        dtype = np.dtype([("type", order + "u4"), ("length", order + "u4")])
        headers = np.ndarray((count,), dtype, buffer=data.data, strides=(1,))[at]
        known = np.isin(headers["type"], list(blocks.SMALLEST))
        length = headers["length"].astype(np.int64)
        sane = known & (length >= 12) & (length % 4 == 0)
        sane &= (at + start + length <= self._medium.size) & (length <= 4 * MAX_FRAME)
        # A section may have the other byte order: its length is judged later.
        places: Array = at[sane | (headers["type"] == blocks.SECTION)] + start
        return places
