"""The layers over reassembled datagrams, of which only the beginning is in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import BATCH_PADDING
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.ip.ipv6 import payload_chain
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.packets import IPV6_BASE, Origins
from tcpflow_scapy.decode.pieces import Kind, kinds, untagged
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Context, Run

from .buffer import NAME, SLOT_BITS, SLOT_MASK, PieceBuffer
from .plan import Plan

Array = np.ndarray[Any, np.dtype[Any]]

WINDOW = 128
"""Bytes of each datagram that are copied first"""

UNITS = 1 << 15
"""Datagrams decoded at a time"""

CHUNK = 4 << 20
"""Bytes of whole datagrams in memory at a time"""


@dataclass(slots=True)
class DatagramRun(Run):
    """A run whose positions are places in slots: unit << SLOT_BITS | offset in the datagram."""

    number: Array = field(default_factory=lambda: np.empty(0, np.int64))
    """int64, for each unit the number of its slot in the buffer that begins at `base`"""
    begin: Array = field(default_factory=lambda: np.empty(0, np.int64))
    """int64, for each unit where its first bytes lie in `memory`"""
    reach: Array = field(default_factory=lambda: np.empty(0, np.int64))
    """int64, for each unit how many of its bytes lie there"""
    deep: Array = field(default_factory=lambda: np.empty(0, bool))
    """units whose headers reach further: their results are worth nothing"""

    frame: Array | None = None
    """int64, for each unit the frame that carried its headers, where that is known"""

    def address(self, items: Items) -> Array:
        """Store addresses of the cursors."""
        slot = self.number[items.cursor >> SLOT_BITS] << SLOT_BITS
        address: Array = self.base + slot + (items.cursor & SLOT_MASK)
        return address

    def place(self, position: Array) -> Array:
        """Positions in memory."""
        place: Array = self.begin[position >> SLOT_BITS] + (position & SLOT_MASK)
        return place

    def holds(self, start: Array, end: Array) -> Array:
        """As `Run.holds`."""
        unit = start >> SLOT_BITS
        inside: Array = end - (unit << SLOT_BITS) <= self.reach[unit]
        return inside

    def read(self, dtype: np.dtype[Any], position: Array) -> Array:
        """As `Run.read`; notes who reads further than bytes reach."""
        unit = position >> SLOT_BITS
        offset = position & SLOT_MASK
        place = self.begin[unit] + offset
        beyond = offset + dtype.itemsize > self.reach[unit]
        if beyond.any():
            self.deep[unit[beyond]] = True
            if len(self.memory) < dtype.itemsize:
                return np.zeros(len(position), dtype)
            place[beyond] = 0
        return Run.read(self, dtype, place)

    def forget_deep(self) -> Array:
        """Drop the results of deep units; which units these are."""
        if not self.deep.any():
            return np.empty(0, np.int64)
        for parts in (self.segments, self.datagrams, self.fragments):
            for i, part in enumerate(parts):
                good = ~self.deep[part["unit"]]
                parts[i] = {name: column[good] for name, column in part.items()}
        self.undissected = [unit[~self.deep[unit]] for unit in self.undissected]
        return np.flatnonzero(self.deep)


class Datagrams:
    """The datagrams of a plan: a buffer in the store, and their way through the layers.

    Parameters
    ----------
    store : Store
        Gets the buffer.
    context : Context
    table : dict of str to ndarray
        The fragments.
    plan : Plan
        Not empty.
    """

    def __init__(self, store: Store, context: Context, table: dict[str, Array], plan: Plan) -> None:
        self._store, self._context, self._table, self._plan = store, context, table, plan
        self.base = store.add(b"", NAME)
        """store address of the first slot"""
        self.lead = plan.fragment[plan.first]
        """for each datagram the fragment that holds its beginning"""
        self._sizes = np.add.reduceat(plan.length, plan.first)
        self._ends = plan.bounds()[1:]
        counts = self._ends - plan.first
        ahead = np.cumsum(plan.length) - plan.length
        slots = np.arange(len(plan)) << SLOT_BITS
        start = np.repeat(slots - ahead[plan.first], counts) + ahead
        address = table["address"][plan.fragment] + plan.skip
        store.replace(self.base, PieceBuffer(store, start, plan.length, address))
        self.origins = Origins(self.base + start, plan.length, address, table["frame"][plan.fragment])

    def runs(self) -> Iterator[DatagramRun]:
        """Decode all datagrams; each run has results."""
        everything = np.arange(len(self._plan))
        if self._context.verify_checksums:
            yield from self._whole(everything)
            return
        for at in range(0, len(everything), UNITS):
            yield from self._first_pieces(everything[at : at + UNITS])

    def _first_pieces(self, numbers: Array) -> Iterator[DatagramRun]:
        """Decode datagrams whose headers lie in their first pieces, as they nearly always do."""
        first = self._plan.first[numbers]
        reach = np.minimum(self._plan.length[first], WINDOW)
        memory = np.zeros(len(numbers) * WINDOW + BATCH_PADDING, np.uint8)
        begin = np.arange(len(numbers)) * WINDOW
        self._store.copy(self.origins.address[first], reach, memory, begin)
        run = self._run(numbers, memory, begin, reach)
        run.frame = self._table["frame"][self.lead[numbers]]
        deep = run.forget_deep()
        run.reason[deep] = Reason.FRAGMENT_USED
        yield run
        if len(deep):
            yield from self._windowed(numbers[deep])

    def _windowed(self, numbers: Array) -> Iterator[DatagramRun]:
        """Decode datagrams by copies of their first bytes."""
        run = self._run(numbers, self._windows(numbers, WINDOW), *_side_by_side(len(numbers), WINDOW))
        deep = run.forget_deep()
        run.reason[deep] = Reason.FRAGMENT_USED
        yield run
        if len(deep):
            yield from self._whole(numbers[deep])

    def _whole(self, numbers: Array) -> Iterator[DatagramRun]:
        """Decode datagrams by copies of all their bytes."""
        window = int(self._sizes[numbers].max()) + BATCH_PADDING
        step = max(CHUNK // window, 1)
        for at in range(0, len(numbers), step):
            part = numbers[at : at + step]
            yield self._run(part, self._windows(part, window), *_side_by_side(len(part), window))

    def _run(self, numbers: Array, memory: Array, begin: Array, reach: Array) -> DatagramRun:
        """Send some datagrams through the layers, from behind the header that was in every fragment."""
        plan, table, lead = self._plan, self._table, self.lead[numbers]
        run = DatagramRun(
            memory,
            self.base,
            np.full(len(numbers), Reason.MALFORMED, np.uint8),
            self._context,
            number=numbers,
            begin=begin,
            reach=reach,
            deep=np.zeros(len(numbers), bool),
        )
        start = np.arange(len(numbers)) << SLOT_BITS
        items = Items(
            np.arange(len(numbers)),
            start,
            start + self._sizes[numbers],
            start + plan.wire_length[numbers],
            table["state"][lead],
            untagged(table["source"][lead]),
            table["destination"][lead],
        )
        kind = kinds(table["source"][lead])
        link = kind != Kind.IP
        run.switch(self._context.switches.fragmented, kind[link], items.pick(link))
        six = ~link & (items.source >= IPV6_BASE)
        four = ~link & ~six
        protocol = table["protocol"][lead]
        run.ip_protocol(protocol[four], items.pick(four))
        payload_chain(run, items.pick(six), protocol[six])
        run.go()
        for unit in run.undissected:
            run.reason[unit] = Reason.UNDECODED
        return run

    def _windows(self, numbers: Array, window: int) -> Array:
        """The first bytes of datagrams, `window` for each, one after the other, and padding.

        What lies behind a datagram in its window is not meant.
        """
        memory = np.zeros(len(numbers) * window + BATCH_PADDING, np.uint8)
        pieces, piece, ends = self.origins, self._plan.first[numbers], self._ends[numbers]
        size = np.minimum(self._sizes[numbers], window)
        rows, at = np.arange(len(numbers)), np.zeros(len(numbers), np.int64)
        # One round for the first pieces, one for the second ...; few datagrams have several in their window.
        while len(rows):
            take = np.minimum(pieces.length[piece], size[rows] - at)
            self._store.copy(pieces.address[piece], take, memory, rows * window + at)
            at = at + take
            piece = piece + 1
            on = np.flatnonzero((at < size[rows]) & (piece < ends[rows]))
            rows, at, piece = rows[on], at[on], piece[on]
        return memory


def _side_by_side(count: int, window: int) -> tuple[Array, Array]:
    """Begin and reach of windows."""
    return np.arange(count) * window, np.full(count, window)
