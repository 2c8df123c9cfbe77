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


@dataclass(frozen=True, slots=True)
class Conflict:
    """Versions of the same bytes of one datagram."""

    datagram: int
    """place in the plan"""
    offset: int
    length: int
    versions: tuple[tuple[int, int, bool], ...]
    """(fragment, bytes to skip in it, whether it is the one delivered)"""


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
    conflicts: list[Conflict] = field(default_factory=list)

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
        renumbered = np.cumsum(chosen) - 1
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
            [
                Conflict(int(renumbered[c.datagram]), c.offset, c.length, c.versions)
                for c in self.conflicts
                if chosen[c.datagram]
            ],
        )

    @classmethod
    def empty(cls) -> Plan:
        """No datagrams."""
        none, no = np.empty(0, np.int64), np.empty(0, bool)
        return cls(none, none, no, no, none, none, none, none, none)

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
            [
                Conflict(c.datagram + shift, c.offset, c.length, c.versions)
                for p, shift in zip(plans, datagrams, strict=False)
                for c in p.conflicts
            ],
        )
