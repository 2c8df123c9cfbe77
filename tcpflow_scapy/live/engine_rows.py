"""All packets of a running capture, on disk, and those of some pairs of endpoints in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation_table import EncapsulationTable
from tcpflow_scapy.decode.packets import PACKET_DTYPES, AddressBook, Origins, PacketTable
from tcpflow_scapy.live.cold_columns import DiskTable
from tcpflow_scapy.live.cold_index import KeyIndex
from tcpflow_scapy.reassembly.columns import distinct, ranges

Array = np.ndarray[Any, np.dtype[Any]]

LATE = 1 << 40
"""Row numbers from here up are of segments out of IP fragments."""

_ROW_DTYPES = {**PACKET_DTYPES, "time": np.int64}
_LATE_DTYPES = {**_ROW_DTYPES, "missing": np.bool_, "key": np.uint64}


@dataclass(slots=True)
class Picked:
    """Packets of some pairs, in order of capture."""

    packets: PacketTable
    time: Array
    """int64, ns"""
    key: Array
    """uint64, of each packet's pair"""


@dataclass(slots=True)
class FinalLate:
    """Segments out of IP fragments as the whole capture's end shows them."""

    rows: dict[str, Array]
    """with `key`, `time` and `missing`, ordered by key"""
    origins: Origins | None


class PacketRows:
    """Every packet, found again by the key of its pair.

    Parameters
    ----------
    folder : str
        For the files.
    encapsulations : EncapsulationTable
    addresses : AddressBook
    """

    def __init__(self, folder: str, encapsulations: EncapsulationTable, addresses: AddressBook) -> None:
        self._rows = DiskTable(_ROW_DTYPES, folder)
        self._late = DiskTable(_LATE_DTYPES, folder)
        self._index = KeyIndex(folder)
        self._shared: dict[str, Any] = {"encapsulations": encapsulations, "addresses": addresses}
        self._final: FinalLate | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def counts(self, keys: Array) -> Array:
        """int64: packets of each pair so far."""
        return self._index.counts(keys)

    def append(self, part: Mapping[str, Array], keys: Array) -> None:
        """Add packets in order of capture."""
        first = len(self._rows)
        self._rows.append(part)
        self._index.append(keys, np.arange(first, len(self._rows)))
        self._index.tidy()

    def append_late(self, part: Mapping[str, Array], keys: Array) -> None:
        """Add segments out of IP fragments."""
        first = len(self._late) + LATE
        self._late.append({**part, "key": keys})
        self._index.append(keys, np.arange(first, LATE + len(self._late)))

    def columns(self) -> dict[str, Array]:
        """All packets but those out of fragments, as a `PacketTable` has them."""
        return {name: self._rows.column(name) for name in PACKET_DTYPES}

    def frames_of(self, rows: Array) -> Array:
        """Frame of each row number."""
        late = rows >= LATE
        if not late.any():
            return self._rows.column("frame")[rows]
        frames = np.empty(len(rows), np.int64)
        frames[~late] = self._rows.column("frame")[rows[~late]]
        frames[late] = self._late.column("frame")[rows[late] - LATE]
        return frames

    def settle(self, final: FinalLate) -> None:
        """From now on segments out of IP fragments are these."""
        self._final = final

    def late_keys(self) -> Array:
        """Pairs that have, or had, segments out of IP fragments."""
        keys = [self._late.column("key")]
        if self._final is not None:
            keys.append(self._final.rows["key"])
        return distinct(np.concatenate(keys))

    def find(self, keys: Array) -> tuple[Array, Array]:
        """Index into `keys` and row number of each packet of some pairs, in no order."""
        which, rows = self._index.find(keys)
        if self._final is not None:
            early = rows < LATE
            which, rows = which[early], rows[early]
        return which, rows

    def pick(self, keys: Array, which: Array, rows: Array, origins: Origins | None) -> Picked:
        """Packets by row number.

        Parameters
        ----------
        keys, which, rows : ndarray
            As for, and of, `find`; some may have been left out.
        origins : Origins or None
            Of all datagrams.
        """
        order = np.argsort(rows, kind="stable")
        which, rows = which[order], rows[order]
        early = int(np.searchsorted(rows, LATE))
        table = self._rows.rows(rows[:early])
        key = keys[which[:early]]
        late, late_key = self._late_rows(keys, which[early:], rows[early:])
        missing = None
        if len(late_key):
            table, key, missing = _merged(table, key, late, late_key)
        time = table.pop("time")
        columns: dict[str, Any] = {**table, **self._shared}
        packets = PacketTable(**columns, origins=origins, fragment_missing=missing)
        return Picked(packets, time, key)

    def _late_rows(self, keys: Array, which: Array, rows: Array) -> tuple[dict[str, Array], Array]:
        if self._final is None:
            return self._late.rows(rows - LATE), keys[which]
        everything = self._final.rows
        low = np.searchsorted(everything["key"], keys, side="left")
        high = np.searchsorted(everything["key"], keys, side="right")
        index = np.sort(ranges(low, high - low))
        return {name: everything[name][index] for name in _LATE_DTYPES}, everything["key"][index]


def _merged(
    table: dict[str, Array], key: Array, late: dict[str, Array], late_key: Array
) -> tuple[dict[str, Array], Array, Array | None]:
    """Rows out of fragments behind those of the same frame, as `Decoder.table` has them."""
    frame = np.concatenate((table["frame"], late["frame"]))
    order = np.argsort(frame, kind="stable")
    merged = {name: np.concatenate((column, late[name]))[order] for name, column in table.items()}
    lacking = np.concatenate((np.zeros(len(key), bool), late["missing"]))[order]
    rows = np.flatnonzero(lacking)
    return merged, np.concatenate((key, late_key))[order], rows if len(rows) else None
