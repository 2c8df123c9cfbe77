"""The encapsulations that packets came in, numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, overload

import numpy as np

from .sequences import Sequences, grown, part_text

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Encapsulation:
    """The layers around a TCP segment, outermost first."""

    path: tuple[str, ...]
    """such as ("eth", "vlan:42", "ip", "gre", "ip"): what people see, joined with a slash"""
    key: tuple[str, ...]
    """the part that tells connections apart: VLAN ids, and tunnels with those of their ids that are the
    same in both directions. Link layers, MPLS labels and TEIDs are not in it."""
    vlan: tuple[int, ...] = ()
    """VLAN ids of the innermost Ethernet, outermost tag first"""

    def __str__(self) -> str:
        return "/".join(self.path)


class EncapsulationTable:
    """Encapsulations as integers, in order of first sight; kept as columns.

    Attributes
    ----------
    paths, keys, vlans : Sequences
        What encapsulations are made of. Kinds are numbers of names (`kind`); VLAN ids have the name "".
    """

    def __init__(self) -> None:
        self.paths, self.keys, self.vlans = Sequences(), Sequences(), Sequences()
        self._names: dict[str, int] = {"": 0}
        self._both, self._all = Sequences(), Sequences()
        self._number = np.full(16, -1, np.int32)
        self._columns = np.zeros((3, 16), np.int32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def kind(self, name: str) -> int:
        """The number of a name."""
        return self._names.setdefault(name, len(self._names))

    def numbers(self, path: Array, key: Array, vlan: Array) -> Array:
        """Numbers of encapsulations, given by column; new ones are added in the order of the rows.

        Parameters
        ----------
        path, key, vlan : ndarray of int32
            Numbers of sequences.

        Returns
        -------
        ndarray of int32
        """
        found = self._all.extended(self._both.extended(path, 0, key), 0, vlan)
        self._number = grown(self._number, len(self._all), -1)
        rows = np.flatnonzero(self._number[found] < 0)
        if len(rows):
            _, first = np.unique(found[rows], return_index=True)
            rows = rows[np.sort(first)]
            start, self._count = self._count, self._count + len(rows)
            self._number[found[rows]] = np.arange(start, self._count)
            self._columns = grown(self._columns, self._count)
            self._columns[:, start : self._count] = path[rows], key[rows], vlan[rows]
        return self._number[found]

    @property
    def rows(self) -> Sequence[Encapsulation]:
        """All of them, each made when it is looked at."""
        return _Rows(self)

    def row(self, number: int) -> Encapsulation:
        """One of them."""
        path, key, vlan = self._columns[:, number].tolist()
        names = list(self._names)
        return Encapsulation(
            tuple(part_text(names[kind], value) for kind, value in self.paths.parts(path)),
            tuple(part_text(names[kind], value) for kind, value in self.keys.parts(key)),
            tuple(value for _, value in self.vlans.parts(vlan)),
        )

    def path_texts(self) -> list[str]:
        """``str()`` of each."""
        texts = self.paths.texts(list(self._names), "/")
        return [texts[path] for path in self._columns[0, : self._count].tolist()]

    def vlan_texts(self) -> list[str]:
        """VLAN ids of each, with dots between; empty where there are none."""
        texts = self.vlans.texts(list(self._names), ".")
        return [texts[vlan] for vlan in self._columns[2, : self._count].tolist()]

    def outer_vlans(self) -> list[int | None]:
        """The outermost VLAN id of each."""
        first: list[int | None] = [None]
        columns = zip(self.vlans.before.tolist(), self.vlans.value.tolist(), strict=True)
        for before, value in islice(columns, 1, None):
            first.append(first[before] if before else value)
        return [first[vlan] for vlan in self._columns[2, : self._count].tolist()]

    def key_numbers(self, *, ignore_vlan: bool) -> Array:
        """A number for each that is the same where the key is, from 0: int32.

        Parameters
        ----------
        ignore_vlan : bool
            Leave VLAN ids out of the key.
        """
        keys: Array = self._columns[1, : self._count]
        if ignore_vlan:
            keys = self._without_vlans()[keys]
        return np.unique(keys, return_inverse=True)[1].astype(np.int32)

    def _without_vlans(self) -> Array:
        """For each key a number that is the same where the keys are without VLANs."""
        vlans = {kind for name, kind in self._names.items() if name.startswith("vlan")}
        seen: dict[tuple[int, int, int], int] = {}
        numbers = [0]
        columns = (self.keys.before.tolist(), self.keys.kind.tolist(), self.keys.value.tolist())
        for before, kind, value in islice(zip(*columns, strict=True), 1, None):
            short = numbers[before]
            numbers.append(short if kind in vlans else seen.setdefault((short, kind, value), len(seen) + 1))
        return np.array(numbers, np.int32)


class _Rows(Sequence[Encapsulation]):
    """What a table holds, as objects."""

    def __init__(self, table: EncapsulationTable) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, index: int) -> Encapsulation: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Encapsulation]: ...

    def __getitem__(self, index: int | slice) -> Encapsulation | Sequence[Encapsulation]:
        if isinstance(index, slice):
            return [self._table.row(number) for number in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._table.row(index % len(self))
