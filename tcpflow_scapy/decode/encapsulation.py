"""The layers around packets, as small numbers.

While a packet moves through its headers, the layers so far are a *state*: a node in a tree of
(parent, label, value). States are found by column; Python sees each distinct combination once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .packets import Encapsulation, EncapsulationTable

Array = np.ndarray[Any, np.dtype[Any]]

NOWHERE = 0
"""The state before the first header."""


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
        self._parents: list[int] = [-1]
        self._labels: list[Label | None] = [None]
        self._values: list[int] = [-1]
        self._spelled: dict[int, Encapsulation] = {}
        self._valued: dict[tuple[int, Label, int], int] = {}
        self._plain: dict[Label, Array] = {}
        self._encapsulation: Array = np.full(16, -1, np.int32)
        self._key: Array = np.full(16, -1, np.int32)
        self._keys: dict[tuple[str, ...], int] = {}
        self.table = EncapsulationTable()

    def __len__(self) -> int:
        return len(self._parents)

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
        combined = states.astype(np.int64) << 32 | values.astype(np.int64)
        first = combined[0]
        if (combined == first).all():
            child = self._child(int(first) >> 32, label, int(first) & 0xFFFFFFFF)
            return np.full(len(states), child, np.int32)
        distinct, inverse = np.unique(combined, return_inverse=True)
        children = [self._child(c >> 32, label, c & 0xFFFFFFFF) for c in distinct.tolist()]
        return np.array(children, np.int32)[inverse]

    def _extend_plain(self, states: Array, label: Label) -> Array:
        children = self._plain.get(label)
        if children is None or len(children) < len(self._parents):
            grown = np.full(2 * len(self._parents), -1, np.int32)
            if children is not None:
                grown[: len(children)] = children
            children = self._plain[label] = grown
        found = children[states]
        if found.min() < 0:
            for state in np.unique(states[found < 0]).tolist():
                children[state] = self._child(state, label, -1)
            found = children[states]
        return found

    def child(self, state: int, label: Label) -> int:
        """One state after one more layer."""
        return int(self._extend_plain(np.array([state], np.int32), label)[0])

    def _child(self, state: int, label: Label, value: int) -> int:
        found = self._valued.get((state, label, value))
        if found is None:
            found = self._valued[state, label, value] = len(self._parents)
            self._parents.append(state)
            self._labels.append(label)
            self._values.append(value)
        return found

    def encapsulation(self, state: int) -> Encapsulation:
        """The layers of a state, spelled out."""
        found = self._spelled.get(state)
        if found is None:
            found = self._spelled[state] = self._spell(state)
        return found

    def _spell(self, state: int) -> Encapsulation:
        """As its parent's, with one layer more."""
        label, value = self._labels[state], self._values[state]
        if label is None:
            return Encapsulation((), ())
        outside = self.encapsulation(self._parents[state])
        path, key, vlan = outside.path, outside.key, outside.vlan
        text = label.name if value < 0 else f"{label.name}:{value}"
        if not label.hidden:
            path = (*path, text)
        # VLAN id 0 is a priority tag: the frame belongs to no VLAN (IEEE 802.1Q, 9.6).
        if label.key and not (label.vlan and value == 0):
            key = (*key, text if label.key == "value" else label.name)
        if label.ethernet:
            vlan = ()
        elif label.vlan:
            vlan = (*vlan, value)
        return Encapsulation(path, key, vlan)

    def resolve(self, states: Array) -> Array:
        """Indices into `table`, as int32."""
        self._encapsulation = self._fill(
            self._encapsulation, states, lambda state: self.table.intern(self.encapsulation(state))
        )
        return self._encapsulation[states]

    def keys(self, states: Array) -> Array:
        """A number for each state that is the same where `Encapsulation.key` is, as int32."""
        self._key = self._fill(
            self._key,
            states,
            lambda state: self._keys.setdefault(self.encapsulation(state).key, len(self._keys)),
        )
        return self._key[states]

    def _fill(self, known: Array, states: Array, compute: Any) -> Array:
        if len(known) < len(self._parents):
            grown = np.full(2 * len(self._parents), -1, np.int32)
            grown[: len(known)] = known
            known = grown
        if len(states):
            found = known[states]
            if found.min() < 0:
                for state in np.unique(states[found < 0]).tolist():
                    known[state] = compute(state)
        return known
