"""Sequences of parts as small numbers, made by column.

A sequence is another one and one part more, so that all of them are a tree. A capture of a mobile network or
one made to hurt has a million of them: none is a Python object before somebody looks at it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

NO_VALUE = -1

EMPTY = 0
"""Number of the sequence without parts."""

_VALUE_BITS = 33
"""Values are below 2**32, and there is none; numbers of sequences have 30 bits."""


def grown(column: Array, length: int, fill: int = 0) -> Array:
    """A column, or several in one array, at least so long; what is new has a value of its own."""
    before = column.shape[-1]
    if length <= before:
        return column
    longer = np.full((*column.shape[:-1], max(length, 2 * before)), fill, column.dtype)
    longer[..., :before] = column
    return longer


class Sequences:
    """Sequences, each with a number that is higher than that of what it continues; 0 is the empty one.

    A part is a kind, a small number whose meaning is the owner's, and a value, which may be none.
    """

    def __init__(self) -> None:
        self._count = 1
        self._before = np.zeros(16, np.int32)
        self._kind = np.zeros(16, np.int16)
        self._value = np.full(16, NO_VALUE, np.int64)
        self._known: dict[int, tuple[Array, Array]] = {}

    def __len__(self) -> int:
        return self._count

    @property
    def before(self) -> Array:
        """int32, what each continues."""
        return self._before[: self._count]

    @property
    def kind(self) -> Array:
        """int16, kind of the last part of each."""
        return self._kind[: self._count]

    @property
    def value(self) -> Array:
        """int64, value of the last part of each, `NO_VALUE` if it has none."""
        return self._value[: self._count]

    def extended(self, before: Array, kind: int, values: Array | int = NO_VALUE) -> Array:
        """Numbers of sequences with one part more.

        Parameters
        ----------
        before : ndarray of int32
            What is continued.
        kind : int
        values : ndarray of int64 or int
            Below 2**32.

        Returns
        -------
        ndarray of int32
        """
        combined = before.astype(np.int64) << _VALUE_BITS | (values + np.int64(1))
        if not len(combined):
            return np.empty(0, np.int32)
        if (combined == combined[0]).all():
            return np.full(len(combined), self._numbers(kind, combined[:1])[0], np.int32)
        if (combined[1:] > combined[:-1]).all():
            return self._numbers(kind, combined)
        distinct, inverse = np.unique(combined, return_inverse=True)
        return self._numbers(kind, distinct)[inverse]

    def _numbers(self, kind: int, distinct: Array) -> Array:
        """Of sequences of one kind of part at their end, ascending; new ones are added."""
        keys, numbers = self._known.get(kind, (np.empty(0, np.int64), np.empty(0, np.int32)))
        place = np.searchsorted(keys, distinct)
        new = np.ones(len(distinct), np.bool_)
        inside = place < len(keys)
        new[inside] = keys[place[inside]] != distinct[inside]
        if new.any():
            some = distinct[new]
            values = (some & ((1 << _VALUE_BITS) - 1)) - 1
            fresh = self.append(some >> _VALUE_BITS, kind, values)
            keys, numbers = np.insert(keys, place[new], some), np.insert(numbers, place[new], fresh)
            self._known[kind] = keys, numbers
            place = np.searchsorted(keys, distinct)
        return numbers[place]

    def append(self, before: Array, kind: int, values: Array | int = NO_VALUE) -> Array:
        """Add sequences that are known to be new; for those who find them by other means."""
        start, self._count = self._count, self._count + len(before)
        self._before = grown(self._before, self._count)
        self._kind = grown(self._kind, self._count)
        self._value = grown(self._value, self._count)
        self._before[start : self._count] = before
        self._kind[start : self._count] = kind
        self._value[start : self._count] = values
        return np.arange(start, self._count, dtype=np.int32)

    def parts(self, number: int) -> list[tuple[int, int]]:
        """(kind, value) of each part, first to last."""
        found = []
        while number != EMPTY:
            found.append((int(self._kind[number]), int(self._value[number])))
            number = int(self._before[number])
        return found[::-1]

    def texts(self, names: list[str], between: str) -> list[str]:
        """All sequences as text.

        Parameters
        ----------
        names : list of str
            Of each kind. A value follows behind a colon.
        between : str
            What stands between two parts.
        """
        texts = np.empty(self._count, object)
        texts[EMPTY] = ""
        depth = self._depths()
        for level in range(1, int(depth.max()) + 1):
            rows = np.flatnonzero(depth == level)
            for kind in np.unique(self._kind[rows]).tolist():
                some = rows[self._kind[rows] == kind]
                fronts = texts[self._before[some]].tolist()
                name, values = names[kind], self._value[some].tolist()
                head = between if level > 1 else ""
                ends: list[Any] = values
                if min(values) >= 0:
                    head += f"{name}:" if name else ""
                else:
                    ends = [part_text(name, value) for value in values]
                texts[some] = [f"{front}{head}{end}" for front, end in zip(fronts, ends, strict=True)]
        found: list[str] = texts.tolist()
        return found

    def _depths(self) -> Array:
        """How many parts each has."""
        depth = np.zeros(self._count, np.int32)
        left, before = np.arange(1, self._count), self.before[1:]
        while len(left):
            depth[left] += 1
            more = before != EMPTY
            left, before = left[more], self._before[before[more]]
        return depth


def part_text(name: str, value: int) -> str:
    """A part as people read it: ``gre`` or ``vlan:42``; ``42`` if the name is empty."""
    if value < 0:
        return name
    return f"{name}:{value}" if name else str(value)
