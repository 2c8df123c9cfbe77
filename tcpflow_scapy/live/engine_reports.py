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
        pair, rows = self._newest(pairs)
        if not len(rows):
            return found
        known = pair << 32 | self._table.column("first")[rows]
        wanted = np.searchsorted(pairs, keys) << 32 | first
        place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        hit = known[place] == wanted
        found[hit] = self._table.column("packets")[rows[place[hit]]]
        return found

    def sealed(self, pairs: Array, which: Array, frames: Array) -> Array:
        """Up to where the packets of pairs are all of connections that were reported and rest.

        Parameters
        ----------
        pairs : ndarray of uint64
            Keys, ascending.
        which, frames : ndarray of int
            For each packet of theirs, in any order: index into `pairs`, and its frame.

        Returns
        -------
        ndarray of int64
            The last such frame of each pair, -1 for those without.
        """
        border = np.full(len(pairs), -1, np.int64)
        pair, rows = self._newest(pairs)
        if not len(rows):
            return border
        last, packets = self._table.column("last")[rows], self._table.column("packets")[rows]
        order = np.argsort(pair << 32 | last, kind="stable")
        pair, last, packets = pair[order], last[order], packets[order]
        begins = np.searchsorted(pair, np.arange(len(pairs) + 1))
        total = np.concatenate(([0], np.cumsum(packets)))
        mine = total[1:] - total[begins[pair]]
        places = np.sort(which.astype(np.int64) << 32 | frames)
        before = np.searchsorted(places, pair << 32, side="left")
        passed = np.searchsorted(places, pair << 32 | last, side="right") - before
        spared = np.arange(len(pair)) >= begins[pair + 1] - _SPARED
        rests = (passed == mine) & ~spared
        np.maximum.at(border, pair[rests], last[rests])
        return border

    def _newest(self, pairs: Array) -> tuple[Array, Array]:
        """The newest report of each connection of some pairs: index into `pairs`, row; by pair and first."""
        which, rows = self._index.find(pairs)
        codes = which << 32 | self._table.column("first")[rows]
        order = np.lexsort((rows, codes))
        codes = codes[order]
        newest = np.append(first_rows(codes)[1:], True)[: len(codes)]
        return codes[newest] >> 32, rows[order[newest]]
