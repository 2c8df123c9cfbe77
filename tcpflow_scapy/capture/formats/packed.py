"""Record headers with fields of any size (ERF, Sniffer, NetXRay, nettl, iptrace).

A format states its rules once, as methods over `Fields`: they are asked for columns while a file is
walked, and for plain numbers while one record is judged behind damage.
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from tcpflow_scapy.capture.formats.records import Layout, Record, Steps, walk_table
from tcpflow_scapy.capture.frames import Array
from tcpflow_scapy.capture.limits import USUAL_FRAME

Fields = Mapping[str, Any]
"""The fields of one header as int, or of many as int64 columns."""

FieldNames = tuple[tuple[str, str], ...]


def either(condition: Any, yes: Any, no: Any) -> Any:
    """One or the other; of columns, row by row."""
    if isinstance(condition, np.ndarray):
        return np.where(condition, yes, no)
    return yes if condition else no


FIELD_TYPES = {"B": "u1", "H": "u2", "I": "u4"}


class PackedLayout(Layout):
    """A header of packed fields; its ``caplen`` is all of the record behind it.

    Members say with class attributes what a header looks like, and with methods what it means.
    """

    order: ClassVar[str]
    """``<`` or ``>``"""
    fields: ClassVar[FieldNames]
    """name and `struct` code (B, H, I) of each field; no name and ``4x`` for bytes that do not matter"""
    short: ClassVar[int] = 0
    """bytes of the shortest record, where some are shorter than the header"""
    bytes_allowed: ClassVar[tuple[tuple[int, Sequence[int]], ...]] = ()
    """offset and values of bytes of a frame's header that can have few values"""
    limit = USUAL_FRAME
    far = False

    @abstractmethod
    def measure(self, word: int) -> int:
        """Length of a record, by the little-endian word at `step`."""

    @abstractmethod
    def rest(self, fields: Fields) -> Any:
        """Bytes of the record behind the header."""

    @abstractmethod
    def whole(self, fields: Fields) -> Any:
        """What `rest` should be by another field, if nothing was cut off; the same where they agree."""

    @abstractmethod
    def seconds(self, fields: Fields) -> Any:
        """Since the epoch."""

    @abstractmethod
    def nanoseconds(self, fields: Fields) -> Any:
        """Since the epoch, of columns."""

    @abstractmethod
    def sound(self, fields: Fields) -> Any:
        """May this header be followed?"""

    @abstractmethod
    def likely(self, fields: Fields) -> Any:
        """Does it look like that of a frame?"""

    def filler(self, fields: Fields) -> Any:
        """Is it a record of no frame?"""
        return fields[self._names[0]] < 0  # never, one answer for each row

    @cached_property
    def _struct(self) -> struct.Struct:
        return struct.Struct(self.order + "".join(code for _, code in self.fields))

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.fields if name)

    @cached_property
    def header(self) -> int:  # type: ignore[override]
        """Bytes of a header."""
        return self._struct.size

    @cached_property
    def dtype(self) -> np.dtype[np.void]:
        """The header for a columnar gather."""
        names, formats, offsets, at = [], [], [], 0
        for name, code in self.fields:
            if name:
                names.append(name)
                formats.append(self.order + FIELD_TYPES[code])
                offsets.append(at)
            at += struct.calcsize(self.order + code)
        return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": at})

    def columns(self, headers: Array) -> dict[str, Array]:
        """The fields of headers."""
        return {name: headers[name].astype(np.int64) for name in self._names}

    @cached_property
    def _steps(self) -> Steps:
        return Steps(self.measure)

    def walk(self, words: tuple[memoryview, ...]) -> list[int]:
        """Follow a chain of records."""
        return walk_table(words, self.step, self._steps)

    def shortage(self, fields: Mapping[str, Array], mended: Array) -> Array:
        """Bytes that records lack of what they state, by the rests that were found in place of the stated."""
        short: Array = np.maximum(self.rest(fields) - mended, 0)
        return short

    def parse(self, data: bytes) -> Record | None:
        """Read one header."""
        if len(data) < self.header:
            if not self.short or len(data) < self.short:
                return None
            data = data.ljust(self.header, b"\0")
        fields = dict(zip(self._names, self._struct.unpack_from(data), strict=True))
        rest = self.rest(fields)
        sound = bool(self.sound(fields))
        return Record(
            seconds=self.seconds(fields),
            fraction=0,
            caplen=rest,
            wirelen=int(self.whole(fields)),
            length=self.header + rest,
            sound=sound,
            likely=bool(self.likely(fields)),
            filler=sound and bool(self.filler(fields)),
        )

    def bad(self, headers: Array, lengths: Array, doubtful: bool) -> Array:
        """Headers that cannot be believed, or are doubted."""
        fields = self.columns(headers)
        rest = self.rest(fields)
        bad: Array = ~self.sound(fields) | (rest > self.limit)
        return bad | (rest > self.whole(fields)) & ~self.filler(fields) if doubtful else bad

    def instants(self, headers: Array) -> Array:
        """Seconds."""
        seconds: Array = self.seconds(self.columns(headers))
        return seconds

    def agreeing(self, headers: Array) -> Array:
        """Two fields agree, or there are no frames."""
        fields = self.columns(headers)
        agreeing: Array = (self.rest(fields) == self.whole(fields)) | self.filler(fields)
        return agreeing

    def lengths(self, headers: Array) -> tuple[Array, Array]:
        """The whole rest of each record, twice."""
        rest = self.rest(self.columns(headers))
        return rest, rest

    def times(self, headers: Array) -> Array:
        """ns since the epoch."""
        times: Array = self.nanoseconds(self.columns(headers))
        return times

    def candidates(self, data: Array, count: int) -> tuple[Array, Array]:
        """Offsets at which a header would make sense, and their times."""
        # Single bytes leave little for the rest.
        possible = np.ones(count, bool)
        for offset, allowed in self.bytes_allowed:
            table = np.zeros(256, bool)
            table[list(allowed)] = True
            possible &= table[data[offset : offset + count]]
        at = np.flatnonzero(possible)
        fields = self.columns(np.ndarray((count,), self.dtype, buffer=data.data, strides=(1,))[at])
        rest = self.rest(fields)
        keep = self.sound(fields) & self.likely(fields)
        keep &= (rest > 0) & (rest <= np.minimum(self.whole(fields), self.limit))
        return at[keep], self.seconds(fields)[keep]

    def believable(self, record: Record) -> bool:
        """May the reader follow this header?"""
        return record.sound and record.caplen <= self.limit

    def plausible(self, record: Record) -> bool:
        """Does it look like a frame's?"""
        return record.likely and self.believable(record) and record.caplen <= record.wirelen

    def odd(self, record: Record) -> bool:
        """Does it hold more than there was?"""
        return record.caplen > record.wirelen and not record.filler

    def consistent(self, record: Record) -> bool:
        """Do two fields agree on the captured length?"""
        return record.caplen == record.wirelen

    def alternatives(self, record: Record) -> Iterator[Record]:
        """The other length may be the right one."""
        yield record._replace(caplen=record.wirelen, length=self.header + record.wirelen)
