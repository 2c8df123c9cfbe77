"""Makes packets of the fragments that are not put together by offset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.columns import ColumnParts
from tcpflow_scapy.decode.fragments.plan import FRAGMENT_DTYPES, Plan
from tcpflow_scapy.decode.packets import Origins
from tcpflow_scapy.decode.pieces import REBUILT, Kind, kinds, untagged

from .deflated import Inflater
from .expanded import expand
from .lines import Lines
from .multilink import put_together

Array = np.ndarray[Any, np.dtype[Any]]

Rebuilt = tuple[dict[str, Array], Plan, Origins | None]
"""Fragments, the datagrams they make, and where bytes came from that were made"""


@dataclass(slots=True)
class Memory:
    """What earlier fragments leave to later ones."""

    lines: Lines = field(default_factory=Lines)
    inflater: Inflater = field(default_factory=Inflater)


class Rebuilder:
    """Takes fragments out of a table, and gives packets.

    Parameters
    ----------
    store : Store
        Where the fragments' bytes are; gets those that are made.
    memory : Memory
    """

    def __init__(self, store: Store, memory: Memory) -> None:
        self._store = store
        self._memory = memory
        self._pieces, self._compressed = ColumnParts(FRAGMENT_DTYPES), ColumnParts(FRAGMENT_DTYPES)
        self.unread: list[Array] = []
        """frames whose packets were beyond the budget of decompression"""

    def sort_out(self, table: dict[str, Array]) -> tuple[dict[str, Array], list[Rebuilt]]:
        """What this class does not handle, and the packets that could be made of the rest.

        Compressed headers wait for `expanded`: their order counts, and some may lie in what is made here.
        """
        kind = kinds(table["source"])
        if not (kind >= REBUILT).any():
            return table, []
        parts = {
            kind_: _rows(table, kind == kind_)
            for kind_ in (Kind.DEFLATED, Kind.MULTILINK)
            if (kind == kind_).any()
        }
        self._compressed.append(_rows(table, (kind == Kind.LINE_STATE) | (kind == Kind.LINE_CHANGE)))
        found: list[Rebuilt] = []
        if Kind.DEFLATED in parts:
            part = parts[Kind.DEFLATED]
            part["source"] = untagged(part["source"])
            rows, plan, origins, unread = self._memory.inflater.inflate(part, self._store)
            self.unread.append(part["frame"][unread])
            found.append((rows, plan, origins))
        if Kind.MULTILINK in parts:
            self._pieces.append(parts[Kind.MULTILINK])
            part = _in_order(self._pieces.build())
            rows, plan, left = put_together(part, self._store)
            self._pieces.append({name: column[left] for name, column in part.items()})
            found.append((rows, plan, None))
        return _rows(table, kind < REBUILT), [row for row in found if len(row[1])]

    def expanded(self) -> Iterator[Rebuilt]:
        """The packets whose headers were compressed."""
        table = _in_order(self._compressed.build())
        if len(table["frame"]):
            rebuilt = expand(table, self._store, self._memory.lines)
            if len(rebuilt[1]):
                yield rebuilt

    def left(self) -> dict[str, Array]:
        """Pieces of packets that are not whole; none is left here."""
        return self._pieces.build()


def _rows(table: dict[str, Array], chosen: Array) -> dict[str, Array]:
    index = np.flatnonzero(chosen)
    return {name: column[index] for name, column in table.items()}


def _in_order(table: dict[str, Array]) -> dict[str, Array]:
    """In order of time, where all have one; else in order of capture."""
    time = table["time"]
    clock = np.zeros(len(time), np.int64) if (time == NO_TIME).any() else time
    order = np.lexsort((table["frame"], clock))
    return {name: column[order] for name, column in table.items()}
