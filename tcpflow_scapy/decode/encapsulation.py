"""The layers around packets, as small numbers.

While a packet moves through its headers, the layers so far are a *state*: a sequence of labels with values.
States are found, and spelled out, by column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .encapsulation_table import Encapsulation, EncapsulationTable
from .sequences import EMPTY, NO_VALUE, Sequences, grown

Array = np.ndarray[Any, np.dtype[Any]]

NOWHERE = EMPTY
"""The state before the first header."""

_NO_CHILDREN = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """How a layer appears in a path, and what of it tells connections apart.

    Labels are compared by identity, which is quick: make each once.
    """

    name: str
    key: Literal["", "name", "value"] = ""
    """nothing (link layers, ids that differ between the directions), its name, or name and value"""
    ethernet: bool = False
    """an Ethernet header: VLAN tags are counted anew"""
    vlan: bool = False
    """a VLAN tag: its value is a VLAN id"""
    hidden: bool = False
    """not in the path: only the key needs it"""


class StateTable:
    """Layers so far, as numbers; shared by all runs of a decoder."""

    def __init__(self) -> None:
        self._states = Sequences()
        self._labels: list[Label] = []
        self._kinds: dict[Label, int] = {}
        self._plain: dict[Label, Array] = {}
        self.table = EncapsulationTable()
        # Of each state, once somebody asked: numbers of its path, its key and its VLAN ids.
        self._spelled = np.full((3, 16), -1, np.int32)
        self._spelled[:, NOWHERE] = EMPTY
        self._encapsulation: Array = np.full(16, -1, np.int32)

    def __len__(self) -> int:
        return len(self._states)

    def extend(self, states: Array, label: Label, values: Array | None = None) -> Array:
        """The states after one more layer.

        Parameters
        ----------
        states : ndarray of int32
        label : Label
        values : ndarray of int, optional
            The layer's id for each packet, below 2**32.

        Returns
        -------
        ndarray of int32
        """
        if not len(states):
            return states
        if values is None:
            return self._extend_plain(states, label)
        return self._states.extended(states, self._kind(label), values.astype(np.int64))

    def _extend_plain(self, states: Array, label: Label) -> Array:
        children = grown(self._plain.get(label, _NO_CHILDREN), len(self._states), -1)
        self._plain[label] = children
        found = children[states]
        if found.min() < 0:
            new = np.unique(states[found < 0])
            children[new] = self._states.append(new, self._kind(label))
            found = children[states]
        return found

    def _kind(self, label: Label) -> int:
        kind = self._kinds.get(label)
        if kind is None:
            kind = self._kinds[label] = len(self._labels)
            self._labels.append(label)
        return kind

    def child(self, state: int, label: Label) -> int:
        """One state after one more layer."""
        return int(self._extend_plain(np.array([state], np.int32), label)[0])

    def encapsulation(self, state: int) -> Encapsulation:
        """The layers of a state, spelled out."""
        return self.table.row(int(self.resolve(np.array([state], np.int32))[0]))

    def resolve(self, states: Array) -> Array:
        """Indices into `table`, as int32."""
        self._encapsulation = grown(self._encapsulation, len(self._states), -1)
        found = self._encapsulation[states]
        if len(found) and found.min() < 0:
            new = np.unique(states[found < 0])
            self._spell(new)
            self._encapsulation[new] = self.table.numbers(*self._spelled[:, new])
            found = self._encapsulation[states]
        return found

    def keys(self, states: Array) -> Array:
        """A number for each state that is the same where `Encapsulation.key` is, as int32."""
        self._spell(np.unique(states))
        found: Array = self._spelled[1, states]
        return found

    def _spell(self, states: Array) -> None:
        """Know path, key and VLAN ids of some states: as their parents', with one layer more."""
        self._spelled = grown(self._spelled, len(self._states), -1)
        new = states[self._spelled[0, states] < 0]
        if not len(new):
            return
        self._spell(np.unique(self._states.before[new]))
        kinds = self._states.kind[new]
        for kind in np.unique(kinds).tolist():
            some = new[kinds == kind]
            path, key, vlan = self._spelled[:, self._states.before[some]]
            spelled = self._one_more(self._labels[kind], path, key, vlan, self._states.value[some])
            self._spelled[:, some] = spelled

    def _one_more(
        self, label: Label, path: Array, key: Array, vlan: Array, values: Array
    ) -> tuple[Array, Array, Array]:
        table = self.table
        name = table.kind(label.name)
        if not label.hidden:
            path = table.paths.extended(path, name, values)
        if label.key:
            longer = table.keys.extended(key, name, values if label.key == "value" else NO_VALUE)
            # VLAN id 0 is a priority tag: the frame belongs to no VLAN (IEEE 802.1Q, 9.6).
            key = np.where(values == 0, key, longer) if label.vlan else longer
        if label.ethernet:
            vlan = np.zeros_like(vlan)
        elif label.vlan:
            vlan = table.vlans.extended(vlan, 0, values)
        return path, key, vlan
