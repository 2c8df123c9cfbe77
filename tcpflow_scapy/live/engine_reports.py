"""Which connections were reported as closed, and how they were then: on disk, by the key of their pair."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.live.cold_columns import DiskTable
from tcpflow_scapy.live.cold_index import KeyIndex
from tcpflow_scapy.reassembly.columns import distinct, first_rows

Array = np.ndarray[Any, np.dtype[Any]]

_COLUMNS = {"first": np.int64, "last": np.int64, "packets": np.int64}

_SPARED = 2
"""Newest connections of a pair that are looked at again: stragglers are theirs."""


class Reports:
    """Connections that were reported.

    A connection is known by its pair and the frame of its first packet.

    Parameters
    ----------
    folder : str
        For the files.
    """

    def __init__(self, folder: str) -> None:
        self._table = DiskTable(_COLUMNS, folder)
        self._index = KeyIndex(folder)

    def __len__(self) -> int:
        return len(self._table)

    def append(self, keys: Array, first: Array, last: Array, packets: Array) -> None:
        """Note connections: pair, frames of their first and last packet, and how many packets they have."""
        rows = np.arange(len(self._table), len(self._table) + len(keys))
        self._table.append({"first": first, "last": last, "packets": packets})
        self._index.append(keys, rows)
        self._index.tidy()

    def packets(self, keys: Array, first: Array) -> Array:
        """int64: packets that each connection had when it was last reported, -1 for those that never were."""
        found = np.full(len(keys), -1, np.int64)
        pairs = distinct(keys)
        which, rows = self._index.find(pairs)
        if not len(rows):
            return found
        order = np.argsort(rows, kind="stable")
        which, rows = which[order], rows[order]
        codes = which << 32 | self._table.column("first")[rows]
        order = np.argsort(codes, kind="stable")
        last = np.append(first_rows(codes[order])[1:], True)
        known, packets = codes[order[last]], self._table.column("packets")[rows[order[last]]]
        wanted = np.searchsorted(pairs, keys) << 32 | first
        place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        hit = known[place] == wanted
        found[hit] = packets[place[hit]]
        return found

    def sealed(self, key: int, frames: Array) -> int:
        """Frame up to which all packets of a pair are of connections that were reported and rest.

        Parameters
        ----------
        key : int
        frames : ndarray of int
            Of all packets of the pair, ascending.

        Returns
        -------
        int
            -1 if there is none.
        """
        rows = np.sort(self._index.find(np.array([key], np.uint64))[1])
        columns = self._table.rows(rows)
        order = np.lexsort((rows, columns["first"]))
        newest = np.append(first_rows(columns["first"][order])[1:], True)[: len(order)]
        chosen = order[newest]
        last, packets = columns["last"][chosen], columns["packets"][chosen]
        by_last = np.argsort(last, kind="stable")
        last, total = last[by_last], np.cumsum(packets[by_last])
        whole = np.searchsorted(frames, last, side="right") == total
        whole[max(0, len(whole) - _SPARED) :] = False
        sealed = np.flatnonzero(whole)
        return int(last[sealed[-1]]) if len(sealed) else -1
