"""Packets with payload as they come, before anybody knows which flows they make: for printing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import Array
from tcpflow_scapy.capture.linktypes import NAMES

if TYPE_CHECKING:
    from tcpflow_scapy.live.engine import Engine

_COLUMNS = ("frame", "source", "destination", "flags", "length", "header", "data_offset", "encapsulation")

ETHERNET = next(number for number, name in NAMES.items() if name == "ETHERNET")


@dataclass(slots=True)
class NewPackets:
    """TCP segments that came since the last look, those out of IP fragments behind the others."""

    columns: dict[str, Array]
    """as in `PacketTable`, and ``time`` (ns)"""
    payload: list[bytes]
    vlan: list[int | None]
    """outermost VLAN id of each"""

    def __len__(self) -> int:
        return len(self.vlan)


class PacketTail:
    """The growing end of an engine's packets.

    Parameters
    ----------
    engine : Engine
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rows = self._late = 0

    def packed(self, code: int) -> bytes:
        """The 4 or 16 bytes of an address code."""
        return self._engine._decoder.addresses.packed(code)

    def new(self) -> NewPackets:
        """What came since the last call; segments without payload too, for what their flags tell."""
        engine = self._engine
        with engine._lock:
            rows, late = engine._rows._rows, engine._rows._late
            names = (*_COLUMNS, "time")
            columns = {
                name: np.concatenate((rows.column(name)[self._rows :], late.column(name)[self._late :]))
                for name in names
            }
            self._rows, self._late = len(rows), len(late)
            address = (columns["header"] + columns["data_offset"]).tolist()
            payload = engine._store.slices(address, columns["length"].astype(np.int64).tolist())
            layers, numbers = engine._decoder.encapsulations, columns["encapsulation"]
            tags = {number: layers.row(number).vlan for number in np.unique(numbers).tolist()}
            vlans = [next(iter(tags[number]), None) for number in numbers.tolist()]
            return NewPackets(columns, payload, vlans)

    def macs(self, frame: int) -> tuple[bytes, bytes] | None:
        """Source and destination MAC address of a frame (from 0); None where there are none."""
        engine: Any = self._engine
        with engine._lock:
            table = engine._frames.table()
            if table.linktype[frame] != ETHERNET or table.caplen[frame] < 12:
                return None
            head = engine._store.read(int(table.address[frame]), 12)
        return head[6:12], head[0:6]
