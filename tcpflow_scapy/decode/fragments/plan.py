"""What a datagram is to be put together from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

FRAGMENT_DTYPES: dict[str, type] = {
    "frame": np.int32,
    "source": np.uint64,
    "destination": np.uint64,
    "state": np.int32,
    "protocol": np.uint8,
    "identification": np.uint32,
    "offset": np.int64,
    "more": np.bool_,
    "address": np.int64,
    "length": np.int64,
    "wire_length": np.int64,
    "time": np.int64,
}
"""Columns of fragments: `Run.fragment` says what they mean; `time` is the frame's."""


@dataclass(slots=True)
class Versions:
    """Ranges of datagrams about which fragments disagree: a row for each version of each range."""

    number: Array
    """int64, the same for all versions of a range, which stand together; from 0 on, without gaps"""
    datagram: Array
    """int64, place in the plan"""
    offset: Array
    length: Array
    fragment: Array
    skip: Array
    """int64, bytes to skip in the fragment"""
    delivered: Array
    """bool, whether the datagram holds this version"""

    def __len__(self) -> int:
        return len(self.number)

    @classmethod
    def empty(cls) -> Versions:
        """No disputes."""
        return cls.rows([])

    @classmethod
    def rows(cls, rows: Sequence[tuple[int, int, int, int, int, int, bool]]) -> Versions:
        """Of tuples."""
        number, datagram, offset, length, fragment, skip, delivered = (
            np.array(rows, np.int64).reshape(-1, 7).T
        )
        return cls(number, datagram, offset, length, fragment, skip, delivered != 0)

    @classmethod
    def alike(
        cls,
        number: Array,
        datagram: Array,
        offset: int,
        length: int,
        fragment: Array,
        skip: int,
        delivered: bool,
    ) -> Versions:
        """The same range of many datagrams."""
        count = len(number)
        return cls(
            number,
            datagram,
            np.full(count, offset),
            np.full(count, length),
            fragment,
            np.full(count, skip),
            np.full(count, delivered),
        )

    @classmethod
    def gather(cls, parts: Sequence[Versions]) -> Versions:
        """Versions of the same ranges."""
        order = np.argsort(np.concatenate([part.number for part in parts]), kind="stable")
        names = cls.__slots__
        return cls(*(np.concatenate([getattr(part, name) for part in parts])[order] for name in names))

    @classmethod
    def join(cls, parts: Sequence[Versions], datagrams: Sequence[int] | None = None) -> Versions:
        """Versions of different ranges, of plans that begin at those datagrams."""
        shifts = [0] * len(parts) if datagrams is None else datagrams
        kept = [(part, shift) for part, shift in zip(parts, shifts, strict=False) if len(part)]
        if not kept:
            return cls.empty()
        ends = np.cumsum([0] + [int(part.number[-1]) + 1 for part, _ in kept])
        columns = {name: np.concatenate([getattr(part, name) for part, _ in kept]) for name in cls.__slots__}
        rows = [len(part) for part, _ in kept]
        columns["number"] = columns["number"] + np.repeat(ends[:-1], rows)
        columns["datagram"] = columns["datagram"] + np.repeat([shift for _, shift in kept], rows)
        return cls(**columns)

    def select(self, chosen: Array) -> Versions:
        """Those of some datagrams (a boolean mask)."""
        rows = np.flatnonzero(chosen[self.datagram])
        if not len(rows):
            return Versions.empty()
        columns = {name: getattr(self, name)[rows] for name in self.__slots__}
        columns["number"] = np.cumsum(np.diff(columns["number"], prepend=-1) != 0) - 1
        columns["datagram"] = (np.cumsum(chosen) - 1)[columns["datagram"]]
        return Versions(**columns)


@dataclass(slots=True)
class Plan:
    """Datagrams, and the pieces of fragments that make them, one after the other."""

    first: Array
    """int64, for each datagram its first piece; each has at least one"""
    wire_length: Array
    """int64, length of each datagram as far as it is known"""
    complete: Array
    """bool, nothing is missing"""
    missing: Array
    """bool, a fragment is missing (not only cut by snaplen) where the pieces end"""
    fragment: Array
    """int64, for each piece its fragment"""
    skip: Array
    """int64, bytes to skip in it"""
    length: Array
    """int64, bytes to take"""
    copies: Array
    """int64, further fragments that hold nothing new"""
    copy_of: Array
    """int64, for each copy a fragment of the datagram it belongs to"""
    conflicts: Versions = field(default_factory=Versions.empty)

    def __len__(self) -> int:
        return len(self.first)

    def used(self) -> Array:
        """All fragments that the datagrams are made of, copies among them."""
        return np.concatenate([self.fragment, self.copies[np.isin(self.copy_of, self.fragment)]])

    def bounds(self) -> Array:
        """Start of each datagram's pieces, and the end of the last."""
        return np.append(self.first, len(self.fragment))

    def select(self, chosen: Array) -> Plan:
        """Only some datagrams (a boolean mask); copies are told apart by `copy_of`."""
        if chosen.all():
            return self
        counts = np.diff(self.bounds())
        pieces = np.repeat(chosen, counts)
        return Plan(
            np.concatenate([[0], np.cumsum(counts[chosen])[:-1]]).astype(np.int64)[: int(chosen.sum())],
            self.wire_length[chosen],
            self.complete[chosen],
            self.missing[chosen],
            self.fragment[pieces],
            self.skip[pieces],
            self.length[pieces],
            self.copies,
            self.copy_of,
            self.conflicts.select(chosen),
        )

    @classmethod
    def empty(cls) -> Plan:
        """No datagrams."""
        none, no = np.empty(0, np.int64), np.empty(0, bool)
        return cls(none, none, no, no, none, none, none, none, none)

    @classmethod
    def of_datagrams(cls, first: Array, length: Array) -> Plan:
        """Whole datagrams, whose pieces are all fragments of a table, one after the other.

        Parameters
        ----------
        first : ndarray of int64
            For each datagram its first fragment.
        length : ndarray of int64
            Of each fragment.
        """
        none, count = np.empty(0, np.int64), len(first)
        size = np.add.reduceat(length, first) if count else none
        whole, missing = np.ones(count, bool), np.zeros(count, bool)
        pieces = np.arange(len(length))
        return cls(first, size, whole, missing, pieces, np.zeros(len(length), np.int64), length, none, none)

    @classmethod
    def join(cls, plans: Sequence[Plan]) -> Plan:
        """The datagrams of several plans."""
        if len(plans) == 1:
            return plans[0]
        if not plans:
            return cls.empty()
        pieces = np.cumsum([0] + [len(p.fragment) for p in plans])
        datagrams = np.cumsum([0] + [len(p) for p in plans]).tolist()

        def column(name: str) -> Array:
            return np.concatenate([getattr(p, name) for p in plans])

        return cls(
            np.concatenate([p.first + shift for p, shift in zip(plans, pieces, strict=False)]),
            column("wire_length"),
            column("complete"),
            column("missing"),
            column("fragment"),
            column("skip"),
            column("length"),
            column("copies"),
            column("copy_of"),
            Versions.join([p.conflicts for p in plans], datagrams),
        )
