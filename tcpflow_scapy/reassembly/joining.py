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


class _Rows:
    """The columns of one kind of table, growing."""

    def __init__(self, kind: Any, *, without: tuple[str, ...] = (), room: int = 0) -> None:
        self._kind, self._room = kind, room
        self._names = [x.name for x in fields(kind) if x.name not in without]
        self._columns: dict[str, GrowingColumn] = {}
        self.count = 0

    def append(self, table: Any) -> None:
        for name in self._names:
            values: Array = getattr(table, name)
            if name not in self._columns:
                self._columns[name] = GrowingColumn(values.dtype, max(self._room, len(values)))
            self._columns[name].append(values)
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
        self._tables = {name: _Rows(kind) for name, kind in _TABLES.items()}
        self._starts = {name: GrowingColumn(np.int64, streams + 1) for name in _STARTS}
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
