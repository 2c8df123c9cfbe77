"""The layers over reassembled datagrams, of which only the beginning is in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import BATCH_PADDING
from tcpflow_scapy.capture.store import ADDRESS_SHIFT, OFFSET_MASK, Store
from tcpflow_scapy.decode.ip.ipv6 import payload_chain
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.packets import IPV6_BASE, Origins
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Context, Run

from .buffer import NAME, SLOT_BITS, SLOT_MASK, PieceBuffer
from .plan import Plan

Array = np.ndarray[Any, np.dtype[Any]]

WINDOW = 128
"""Bytes of each datagram that are looked at first; deeper headers are rare and looked at again."""

CHUNK = 16 << 20
"""Bytes of windows in memory at a time"""


@dataclass(slots=True)
class DatagramRun(Run):
    """A run whose positions are places in slots: unit << SLOT_BITS | offset in the datagram."""

    number: Array = field(default_factory=lambda: np.empty(0, np.int64))
    """int64, for each unit the number of its slot in the buffer that begins at `base`"""
    window: int = WINDOW
    """bytes of each datagram in `memory`, one datagram after the other"""
    deep: Array = field(default_factory=lambda: np.empty(0, bool))
    """units whose headers reach beyond the window: their results are worth nothing"""

    def address(self, items: Items) -> Array:
        """Store addresses of the cursors."""
        slot = self.number[items.cursor >> SLOT_BITS] << SLOT_BITS
        address: Array = self.base + slot + (items.cursor & SLOT_MASK)
        return address

    def place(self, position: Array) -> Array:
        """Positions in memory."""
        place: Array = (position >> SLOT_BITS) * self.window + (position & SLOT_MASK)
        return place

    def read(self, dtype: np.dtype[Any], position: Array) -> Array:
        """As `Run.read`; notes who reads beyond the window."""
        beyond = (position & SLOT_MASK) + dtype.itemsize > self.window
        if beyond.any():
            self.deep[position[beyond] >> SLOT_BITS] = True
            position = np.where(beyond, 0, position)
        return Run.read(self, dtype, self.place(position))

    def forget_deep(self) -> Array:
        """Drop the results of deep units; which units these are."""
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
        counts = np.diff(plan.bounds())
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
        step = CHUNK // WINDOW
        for first in range(0, len(everything), step):
            run = self._run(everything[first : first + step], WINDOW)
            deep = run.forget_deep()
            run.reason[deep] = Reason.FRAGMENT_USED
            yield run
            if len(deep):
                yield from self._whole(run.number[deep])

    def _whole(self, numbers: Array) -> Iterator[DatagramRun]:
        """Decode datagrams with all their bytes in memory."""
        window = int(self._sizes[numbers].max()) + BATCH_PADDING
        step = max(CHUNK // window, 1)
        for first in range(0, len(numbers), step):
            yield self._run(numbers[first : first + step], window)

    def _run(self, numbers: Array, window: int) -> DatagramRun:
        """Send some datagrams through the layers, from behind their IP header."""
        plan, table, lead = self._plan, self._table, self.lead[numbers]
        memory = _windows(self._store, self.origins, plan, numbers, self._sizes[numbers], window)
        run = DatagramRun(
            memory,
            self.base,
            np.full(len(numbers), Reason.MALFORMED, np.uint8),
            self._context,
            number=numbers,
            window=window,
            deep=np.zeros(len(numbers), bool),
        )
        start = np.arange(len(numbers)) << SLOT_BITS
        items = Items(
            np.arange(len(numbers)),
            start,
            start + self._sizes[numbers],
            start + plan.wire_length[numbers],
            table["state"][lead],
            table["source"][lead],
            table["destination"][lead],
        )
        six = items.source >= IPV6_BASE
        protocol = table["protocol"][lead]
        run.ip_protocol(protocol[~six], items.pick(~six))
        payload_chain(run, items.pick(six), protocol[six])
        run.go()
        for unit in run.undissected:
            run.reason[unit] = Reason.UNDECODED
        return run


def _windows(store: Store, pieces: Origins, plan: Plan, numbers: Array, size: Array, window: int) -> Array:
    """The first bytes of datagrams, `window` for each, one after the other, and padding.

    What lies behind a datagram in its window is not meant.
    """
    first, ends = plan.first[numbers], plan.bounds()[numbers + 1]
    address, length = pieces.address, pieces.length
    memory = np.zeros(len(first) * window + BATCH_PADDING, np.uint8)
    rows = memory[: len(first) * window].reshape(-1, window)
    # Where one piece fills the window, or is all there is, it is copied by column.
    simple = length[first] >= np.minimum(size, window)
    place, buffer = address[first] & OFFSET_MASK, address[first] >> ADDRESS_SHIFT
    for number in np.unique(buffer[simple]).tolist():
        index = np.flatnonzero(simple & (buffer == number))
        source = store.buffer(number)
        if isinstance(source, PieceBuffer):
            simple[index] = False
            continue
        octets = store.array(number)
        whole = place[index] + window <= len(octets)
        simple[index[~whole]] = False
        index = index[whole]
        if len(index):
            view = np.ndarray((len(octets) - window + 1,), f"V{window}", buffer=octets, strides=(1,))
            rows[index] = view[place[index]].view(np.uint8).reshape(-1, window)
    # The others are put together piece by piece: tiny fragments, and the last of a buffer.
    for i in np.flatnonzero(~simple).tolist():
        at = 0
        for piece in range(int(first[i]), int(ends[i])):
            take = min(int(length[piece]), window - at)
            if take <= 0:
                break
            rows[i, at : at + take] = np.frombuffer(store.read(int(address[piece]), take), np.uint8)
            at += take
    return memory
