"""Record chains: files in which a header says how far the next header is.

A `Layout` says what a record header means; walking, checking and mending are common. `RecordLayout` is
that of pcap and snoop; `packed.PackedLayout` that of formats with small fields.
"""

from __future__ import annotations

import struct
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tcpflow_scapy.capture.frames import Array

NATIVE = "<" if sys.byteorder == "little" else ">"

SMALLEST = 6
"""Bytes of the smallest record of any format."""

SECOND = 1_000_000_000
"""Fractions are below that in any unit; microseconds that are not below a million do occur."""

DAY = 86_400
"""Seconds within which neighbouring records are expected when damage has to be judged."""

MAX_PADDING = 1 << 16
"""Bytes that may follow a frame inside its record (snoop)."""

FRAME_PADDING = 64
"""Bytes of it that are usual, in writers from Solaris to Surveyor."""


class Record(NamedTuple):
    """One record header, read."""

    seconds: int
    fraction: int
    caplen: int
    wirelen: int
    length: int
    """of the whole record, header included: the next one begins there"""
    sound: bool = True
    """of a packed header: may it be followed?"""
    likely: bool = True
    """of a packed header: does it look like that of a frame?"""
    filler: bool = False
    """is it a record of no frame?"""


class Layout(ABC):
    """What chain readers and the mender ask of a format."""

    name: str
    header: int
    """bytes"""
    step: int
    """offset of the word that says where the next record begins"""
    limit: int
    """largest `caplen` that is believed"""
    snaplen: int = 0
    swappable: bool = False
    far: bool = True
    """may records be found, behind damage, whose times are far from those before it?"""
    single: bool = False
    """Whether only one field states the length; then no record is `consistent`."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[np.void]:
        """The header for a columnar gather."""

    @abstractmethod
    def walk(self, words: tuple[memoryview, ...]) -> list[int]:
        """Follow a chain from the beginning of a window: where the step word of every record lies."""

    @abstractmethod
    def parse(self, data: bytes) -> Record | None:
        """Read one header; None where the bytes end first."""

    @abstractmethod
    def bad(self, headers: Array, lengths: Array, doubtful: bool) -> Array:
        """bool[n]: headers that cannot be believed, or look odd if those are doubted."""

    @abstractmethod
    def instants(self, headers: Array) -> Array:
        """int64[n]: seconds."""

    @abstractmethod
    def agreeing(self, headers: Array) -> Array:
        """bool[n]: headers that are `consistent`, as a file's usually are."""

    @abstractmethod
    def lengths(self, headers: Array) -> tuple[Array, Array]:
        """Captured and original length (int64) of each record."""

    @abstractmethod
    def times(self, headers: Array) -> Array:
        """ns since the epoch."""

    @abstractmethod
    def candidates(self, data: Array, count: int) -> tuple[Array, Array]:
        """Of the first `count` offsets in `data` (uint8), those at which a header would make sense, and their
        times in seconds."""

    @abstractmethod
    def believable(self, record: Record) -> bool:
        """May the reader follow this header?"""

    @abstractmethod
    def plausible(self, record: Record) -> bool:
        """Does it look like a record? Asked only where something is damaged."""

    @abstractmethod
    def consistent(self, record: Record) -> bool:
        """Do two fields agree on the captured length? One flipped byte cannot make them."""

    @abstractmethod
    def alternatives(self, record: Record) -> Iterator[Record]:
        """What a damaged header may have said: the other fields state the length as well."""

    def odd(self, record: Record) -> bool:
        """Can it be followed and looks wrong all the same?"""
        return False

    def filling(self, record: Record, room: int) -> bool:
        """May a damaged record with this header be all that lies in a place of so many bytes?"""
        return False

    def near(self, record: Record, seconds: int | None) -> bool:
        """Is it of a time within a day?"""
        return seconds is not None and abs(record.seconds - seconds) <= DAY


@dataclass(frozen=True)
class RecordLayout(Layout):
    """Where things lie in a record header. Every field is an unsigned 32-bit word."""

    name: str
    order: str
    """``<`` or ``>``"""
    header: int
    """bytes"""
    caplen: int
    wirelen: int
    step: int
    """offset of the word that says where the next record begins"""
    overhead: int
    """what to add to that word"""
    seconds: int = 0
    fraction: int = 4
    nanoseconds: bool = False
    """unit of `fraction`; else microseconds"""
    limit: int = 0
    """largest `caplen` that is believed"""
    snaplen: int = 0
    """of the file header: what `caplen` is where `wirelen` is more"""
    swappable: bool = False
    """files that may have `caplen` and `wirelen` the other way round: the smaller one is `caplen`"""

    @cached_property
    def dtype(self) -> np.dtype[np.void]:
        """The header for a columnar gather."""
        names = ("seconds", "fraction", "caplen", "wirelen", "step")
        offsets = [self.seconds, self.fraction, self.caplen, self.wirelen, self.step]
        return np.dtype(
            {
                "names": list(names),
                "formats": [self.order + "u4"] * len(names),
                "offsets": offsets,
                "itemsize": self.header,
            }
        )

    @cached_property
    def _struct(self) -> struct.Struct:
        return struct.Struct(f"{self.order}{self.header // 4}I")

    def parse(self, data: bytes) -> Record | None:
        """Read one header; None where the bytes end first."""
        if len(data) < self.header:
            return None
        words = self._struct.unpack_from(data)
        caplen, wirelen = words[self.caplen // 4], words[self.wirelen // 4]
        length = words[self.step // 4] + self.overhead
        if self.swappable and caplen > wirelen:
            caplen, wirelen = wirelen, caplen
            length = caplen + self.header
        return Record(words[self.seconds // 4], words[self.fraction // 4], caplen, wirelen, length)

    def believable(self, record: Record) -> bool:
        """May the reader follow this header? As generous as libpcap."""
        spare = record.length - self.header - record.caplen
        return record.caplen <= self.limit and 0 <= spare <= MAX_PADDING

    def odd(self, record: Record) -> bool:
        """Can it be followed and looks wrong all the same? Some writers count an FCS in one length
        only, others pad freely; a flipped byte looks the same."""
        if self.overhead:
            return record.caplen > record.wirelen
        return record.length > self.header + record.caplen + FRAME_PADDING

    def plausible(self, record: Record) -> bool:
        """Does it look like a record? Asked only where something is damaged."""
        return (
            self.believable(record)
            and record.caplen <= record.wirelen
            and record.fraction < SECOND
            and record.length <= self.header + record.caplen + FRAME_PADDING
        )

    def alternatives(self, record: Record) -> Iterator[Record]:
        """What a damaged header may have said: the other fields state the length as well."""
        if self.overhead:
            for caplen in {record.wirelen, min(record.wirelen, self.snaplen or record.wirelen)}:
                yield record._replace(caplen=caplen, length=self.header + caplen)
        else:
            for caplen in (record.caplen, min(record.wirelen, record.length - self.header)):
                padded = self.header + caplen
                for length in (padded, (padded + 3) & ~3, record.length):
                    yield record._replace(caplen=caplen, length=length)

    def consistent(self, record: Record) -> bool:
        """Do two fields agree on the captured length? One flipped byte cannot make them."""
        if self.overhead:
            return record.caplen in (record.wirelen, min(record.wirelen, self.snaplen))
        return 0 <= record.length - self.header - record.caplen <= FRAME_PADDING

    def walk(self, words: tuple[memoryview, ...]) -> list[int]:
        """Follow a chain of records."""
        if self.order == NATIVE and self.overhead:
            return walk_native(words, self.step, self.overhead)
        return walk_table(words, self.step, self._steps)

    @cached_property
    def _steps(self) -> Steps:
        swap = self.order != NATIVE
        return Steps(lambda word: (swapped(word) if swap else word) + self.overhead)

    def bad(self, headers: Array, lengths: Array, doubtful: bool) -> Array:
        """Headers that cannot be believed, or are doubted."""
        caplen = headers["caplen"]
        if self.overhead:
            bad = lengths > self.limit + self.overhead
            odd = caplen > headers["wirelen"]
        else:
            spare = lengths - self.header - caplen
            bad = (caplen > self.limit) | (spare < 0) | (spare > MAX_PADDING)
            odd = spare > FRAME_PADDING
        found: Array = bad | odd if doubtful or self.swappable else bad
        return found

    def instants(self, headers: Array) -> Array:
        """Seconds."""
        seconds: Array = headers["seconds"].astype(np.int64)
        return seconds

    def agreeing(self, headers: Array) -> Array:
        """The captured length is that of the frame, or as much of it as was to be kept."""
        caplen, wirelen = self.lengths(headers)
        if not self.overhead:
            agreeing: Array = headers["step"] - self.header - caplen <= FRAME_PADDING
        else:
            agreeing = (caplen == wirelen) | (caplen == np.minimum(wirelen, self.snaplen))
        return agreeing

    def lengths(self, headers: Array) -> tuple[Array, Array]:
        """Captured and original length of each record."""
        caplen = headers["caplen"].astype(np.int64)
        wirelen = headers["wirelen"].astype(np.int64)
        if self.swappable:
            return np.minimum(caplen, wirelen), np.maximum(caplen, wirelen)
        return caplen, wirelen

    def candidates(self, data: Array, count: int) -> tuple[Array, Array]:
        """Offsets at which a header would make sense, and their times."""
        # The high bytes of both lengths are zero: a test by byte leaves little for the rest.
        high = 0 if self.order == ">" else 3
        keep = data[self.caplen + high :][:count] == 0
        keep &= data[self.wirelen + high :][:count] == 0
        at = np.flatnonzero(keep)
        headers = np.ndarray((count,), self.dtype, buffer=data.data, strides=(1,))[at]
        caplen, wirelen = self.lengths(headers)
        length = headers["step"].astype(np.int64) + self.overhead
        # A record of no bytes proves nothing: zeros are full of them.
        sane = (caplen > 0) & (caplen <= self.limit) & (caplen <= wirelen)
        sane &= headers["fraction"] < SECOND
        if not self.overhead:
            sane &= (length >= self.header + caplen) & (length <= self.header + caplen + FRAME_PADDING)
        return at[sane], headers["seconds"].astype(np.int64)[sane]

    def filling(self, record: Record, room: int) -> bool:
        """One with a wrong record length (snoop), which was not the reason for its captured length."""
        if self.overhead or record.caplen > min(record.wirelen, self.limit):
            return False
        return 0 <= room - self.header - record.caplen <= FRAME_PADDING

    def times(self, headers: Array) -> Array:
        """ns since the epoch. Fractions beyond a second are added as they stand."""
        unit = 1 if self.nanoseconds else 1_000
        times: Array = headers["seconds"].astype(np.int64)
        times *= SECOND
        times += headers["fraction"].astype(np.int64) * unit
        return times


def walk_native(words: tuple[memoryview, ...], at: int, overhead: int) -> list[int]:
    """Follow a chain of native words: where the step word of every record lies, in order.

    The loop over frames: as few operations as Python allows. The end of memory is an IndexError
    and a length that is wrong is found afterwards, by column.
    """
    found = [at]
    try:
        while True:
            at += overhead + words[at & 3][at >> 2]
            found.append(at)
    except IndexError:
        return found


def swapped(word: int) -> int:
    """A 32-bit word in the other byte order."""
    return int.from_bytes(word.to_bytes(4, "little"), "big")


class Steps(dict[int, int]):
    """Step for a word as it is read natively, worked out once for each value.

    Parameters
    ----------
    measure : callable
        word -> length of the record, header included.
    """

    def __init__(self, measure: Callable[[int], int]) -> None:
        super().__init__()
        self._measure = measure

    def __missing__(self, word: int) -> int:
        step = self._measure(word)
        if step < SMALLEST:
            # The walk would not move on: make it end here.
            step = 1 << 62
        if len(self) < 1 << 18:
            self[word] = step
        return step


def walk_table(words: tuple[memoryview, ...], at: int, steps: Steps) -> list[int]:
    """The same where the word is no plain native length: a dictionary look-up makes it one."""
    found = [at]
    try:
        while True:
            at += steps[words[at & 3][at >> 2]]
            found.append(at)
    except IndexError:
        return found
