"""Reassemblies of some connections each, joined to one."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from tcpflow_scapy.capture.growing import GrowingColumn
from tcpflow_scapy.reassembly.tables import (
    ConflictTable,
    ConnectionTable,
    ExtentTable,
    GapTable,
    Reassembly,
    StreamTable,
)

Array = np.ndarray[Any, np.dtype[Any]]

_TABLES = {"extents": ExtentTable, "gaps": GapTable, "conflicts": ConflictTable}
_STARTS = {"extent_start": "extents", "gap_start": "gaps", "conflict_start": "conflicts"}


class _Column:
    """A column of the whole. As long as all of its values are the same, one of them is all that is kept.

    Where a million connections never got anywhere, most of what is known of their streams is a zero or
    "none"; writing these down would take more time than finding them out.

    Parameters
    ----------
    room : int
        Values expected, where that is known.
    """

    def __init__(self, room: int = 0) -> None:
        self._room, self._length = room, 0
        self._value: Array | None = None
        self._values: GrowingColumn | None = None

    def append(self, values: Array) -> None:
        """Add values at the end; the first ones say of which type all are."""
        if self._value is None or not self._length:
            self._value = values[:1].copy()
        if self._values is None and self._tells(values):
            self._values = GrowingColumn(values.dtype, max(self._room, self._length + len(values)))
            self._values.append(self._same())
        if self._values is not None:
            self._values.append(values)
        self._length += len(values)

    def _tells(self, values: Array) -> bool:
        """Whether some value differs from all so far; the last one is looked at first."""
        return len(values) > 0 and bool(values[-1] != self._value or (values != self._value).any())

    def _same(self) -> Array:
        assert self._value is not None
        return np.broadcast_to(self._value[:1] if self._length else self._value[:0], (self._length,))

    def build(self) -> Array:
        """All values: read only, and without memory of their own, where they are the same."""
        return self._same() if self._values is None else self._values.build()


class _Rows:
    """The columns of one kind of table, growing."""

    def __init__(self, kind: Any, *, without: tuple[str, ...] = (), room: int = 0) -> None:
        self._kind = kind
        self._names = [x.name for x in fields(kind) if x.name not in without]
        self._columns = {name: _Column(room) for name in self._names}
        self.count = 0

    def append(self, table: Any) -> None:
        for name in self._names:
            self._columns[name].append(getattr(table, name))
        self.count += len(getattr(table, self._names[0]))

    def build(self, **others: Array) -> Any:
        return self._kind(**{name: self._columns[name].build() for name in self._names}, **others)


class ReassemblyParts:
    """Collects the parts, in order of connection.

    Parameters
    ----------
    order, packet_start : ndarray
        Of all connections, as in `Grouping`.
    """

    def __init__(self, order: Array, packet_start: Array) -> None:
        self._order, self._packet_start = order, packet_start
        streams = len(packet_start) - 1
        self._connections = _Rows(ConnectionTable, room=streams // 2)
        self._streams = _Rows(StreamTable, without=("packet_start", *_STARTS), room=streams)
        self._classes = GrowingColumn(np.uint8, len(order))
        # There are hardly more extents than packets, and room that stays empty takes no memory.
        rooms = {"extents": len(order)}
        self._tables = {name: _Rows(kind, room=rooms.get(name, 0)) for name, kind in _TABLES.items()}
        self._starts = {name: _Column(streams + 1) for name in _STARTS}
        self._unwrapped: dict[int, Array] = {}

    def append(self, part: Reassembly) -> None:
        """Add the connections that follow."""
        for name, table in _STARTS.items():
            starts: Array = getattr(part.streams, name)
            self._starts[name].append(starts[:-1] + self._tables[table].count)
        for number, offsets in part.unwrapped.items():
            self._unwrapped[number + self._streams.count] = offsets
        self._connections.append(part.connections)
        self._streams.append(part.streams)
        self._classes.append(part.segment_class)
        for name, rows in self._tables.items():
            rows.append(getattr(part, name))

    def build(self) -> Reassembly:
        """The whole."""
        starts = {}
        for name, table in _STARTS.items():
            self._starts[name].append(np.array([self._tables[table].count]))
            starts[name] = self._starts[name].build()
        return Reassembly(
            connections=self._connections.build(),
            streams=self._streams.build(packet_start=self._packet_start, **starts),
            order=self._order,
            segment_class=self._classes.build(),
            unwrapped=self._unwrapped,
            **{name: rows.build() for name, rows in self._tables.items()},
        )
