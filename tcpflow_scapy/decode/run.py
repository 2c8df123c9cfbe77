"""One pass of the layers over packets that lie in one piece of memory.

The pass goes in rounds. In a round every layer that has packets waiting handles all of them at once
and hands them on to the next round, so the number of rounds bounds how deep headers can nest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .encapsulation import Label, StateTable
from .layers import Items, Layer, Switch, Switches
from .packets import AddressBook
from .pieces import Kind, tagged
from .reasons import Reason

Array = np.ndarray[Any, np.dtype[Any]]

MAX_DEPTH = 24
"""Headers that may follow each other in one packet (IPv6 extension headers count as one)."""

MAX_ITEMS = 4
"""Packets that may come out of one frame, on average over a run (aggregated 802.11 frames)."""

LEAST = 64
"""Bytes of a frame for which there may be one more in any case: a TCP segment with what tells it apart
from the next one in the frame needs as many."""

SHORT_RUN = 16
"""Frames up to which a run may do as much: what comes out must not depend on how many frames came at once."""


@dataclass(slots=True)
class Context:
    """What all runs of a decoder share."""

    switches: Switches
    states: StateTable
    addresses: AddressBook
    verify_checksums: bool = False


@dataclass(slots=True)
class Run:
    """Packets on their way through the layers, and what became of them.

    `unit` columns in the results are numbers of frames (or datagrams) within this run; a unit may yield
    several packets.
    """

    memory: Array
    """uint8, with `BATCH_PADDING` readable bytes after the last packet"""
    base: int
    """store address of ``memory[0]``"""
    reason: Array
    """uint8, one for each unit: why it is no TCP segment"""
    context: Context
    segments: list[dict[str, Array]] = field(default_factory=list)
    """parts of TCP rows, by column"""
    datagrams: list[dict[str, Array]] = field(default_factory=list)
    """parts of UDP rows"""
    fragments: list[dict[str, Array]] = field(default_factory=list)
    """parts of fragments"""
    undissected: list[Array] = field(default_factory=list)
    """units that only Scapy's dissector knows"""
    _pending: dict[Layer, list[Items]] = field(default_factory=dict)
    _views: dict[np.dtype[Any], Array] = field(default_factory=dict)
    _budget: int = -1

    def go(self) -> None:
        """Move all packets through their layers, to the end."""
        octets = sum(int((i.end - i.cursor).sum()) for parts in self._pending.values() for i in parts)
        most = max(MAX_ITEMS * max(len(self.reason), SHORT_RUN), octets // LEAST)
        self._budget = most * MAX_DEPTH
        for _ in range(MAX_DEPTH):
            if not self._pending:
                return
            pending, self._pending = self._pending, {}
            for layer, parts in pending.items():
                items = Items.join(parts)
                self._budget -= len(items)
                if self._budget < 0:
                    self.drop(items, Reason.TOO_DEEP)
                    continue
                layer(self, items)
        for parts in self._pending.values():
            self.drop(Items.join(parts), Reason.TOO_DEEP)
        self._pending = {}

    # What layers call

    def address(self, items: Items) -> Array:
        """Store addresses of the cursors."""
        return items.cursor + self.base

    def place(self, position: Array) -> Array:
        """Where positions lie in `memory`: as they are, for frames."""
        return position

    def holds(self, start: Array, end: Array) -> Array:
        """Whether all bytes of ranges of positions lie in `memory`, one after the other."""
        return np.ones(len(start), bool)

    def read(self, dtype: np.dtype[Any], position: Array) -> Array:
        """Headers of that form at positions of the memory (one copy; any alignment).

        They are copied as plain bytes and given their fields afterwards: copying structured items takes
        numpy fifteen times as long. Never use ``take`` here: it would copy the overlapping view first.
        """
        found = self._views.get(dtype)
        if found is None:
            count = max(len(self.memory) - dtype.itemsize + 1, 0)
            plain = np.dtype(f"V{dtype.itemsize}") if dtype.names else dtype
            found = np.ndarray((count,), plain, buffer=self.memory, strides=(1,))
            self._views[dtype] = found
        return found[position].view(dtype)

    def take(
        self, items: Items, dtype: np.dtype[Any], reason: Reason = Reason.TRUNCATED_LINK
    ) -> tuple[Items, Array]:
        """The headers at the cursors; packets that end inside the header are dropped under `reason`."""
        fits = items.cursor + dtype.itemsize <= items.end
        if not fits.all():
            self.drop(items.pick(~fits), reason)
            items = items.pick(fits)
        return items, self.read(dtype, items.cursor)

    def mark(self, items: Items, label: Label, values: Array | None = None) -> None:
        """Note that these packets went through a layer, with its id for each where it has one."""
        items.state = self.context.states.extend(items.state, label, values)

    def keep(self, items: Items, good: Array, target: Layer | Reason, *columns: Array) -> tuple[Any, ...]:
        """The good items, with their part of other columns; the rest goes to a reason or a layer."""
        if good.all():
            return (items, *columns)
        self.send(target, items.pick(~good))
        index = np.flatnonzero(good)
        return (items.pick(index), *(column[index] for column in columns))

    def send(self, target: Layer | Reason, items: Items) -> None:
        """These packets go on to a layer, or are dropped under a reason."""
        if isinstance(target, Reason):
            self.drop(items, target)
        else:
            self.forward(target, items)

    def drop(self, items: Items, reason: Reason) -> None:
        """These packets are no TCP segments."""
        self.reason[items.unit] = reason

    def fragment(
        self,
        items: Items,
        *,
        protocol: Array,
        identification: Array,
        offset: Array,
        more: Array,
        ends: tuple[Array, Array] | None = None,
    ) -> None:
        """These packets are fragments; the cursor stands on what they carry.

        Parameters
        ----------
        items : Items
        protocol : ndarray of uint8
            What the datagram carries (IPv6: only the first fragment's counts); where fragments are numbered
            (`pieces.COUNTED`), the number.
        identification : ndarray of uint32
        offset : ndarray of int64
            Place in the datagram, in bytes.
        more : ndarray of bool
            Whether another fragment follows.
        ends : (ndarray of uint64, ndarray of uint64), optional
            Source, with the kind of fragment (`pieces.tagged`), and destination, where they are not IP's.
        """
        source, destination = (items.source, items.destination) if ends is None else ends
        self.drop(items, Reason.FRAGMENT)
        captured = np.minimum(items.end, items.wire)
        self.fragments.append(
            {
                "unit": items.unit,
                "source": source,
                "destination": destination,
                "state": items.state,
                "protocol": protocol,
                "identification": identification,
                "offset": offset,
                "more": more,
                "address": self.address(items),
                "length": np.maximum(captured - items.cursor, 0),
                "wire_length": np.maximum(items.wire - items.cursor, 0),
            }
        )

    def rebuild(
        self, items: Items, kind: Kind, *, first: Array | None = None, value: Array | None = None
    ) -> None:
        """These packets wait for package `rebuilt`.

        Parameters
        ----------
        items : Items
        kind : Kind
        first, value : ndarray, optional
            For columns `identification` and `offset` of the fragments.
        """
        none = np.zeros(len(items), np.int64)
        self.fragment(
            items,
            protocol=none,
            identification=none if first is None else first,
            offset=none if value is None else value.astype(np.int64),
            more=none != 0,
            ends=(tagged(kind, items.source), items.destination),
        )
        if kind != Kind.MULTILINK:
            self.drop(items, Reason.NOT_DECOMPRESSED)

    def forward(self, layer: Layer, items: Items) -> None:
        """These packets go on to a layer."""
        if len(items):
            self._pending.setdefault(layer, []).append(items)

    def switch(self, switch: Switch, values: Array, items: Items) -> None:
        """Each packet goes where the number in its header says."""
        for target, index in switch.groups(values):
            self.send(target, items if index is None else items.pick(index))

    def ethertype(self, values: Array, items: Items) -> None:
        """Go on by Ethernet type."""
        self.switch(self.context.switches.ethertypes, values, items)

    def ip_protocol(self, values: Array, items: Items) -> None:
        """Go on by IP protocol number."""
        self.switch(self.context.switches.ip_protocols, values, items)

    def link_type(self, values: Array, items: Items) -> None:
        """Go on by LINKTYPE number."""
        self.switch(self.context.switches.link_types, values, items)
