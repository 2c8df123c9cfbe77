"""IP fragments of a running capture: all of them on disk, the incomplete ones at hand.

What the whole capture's fragments make is known only at its end: one more fragment can change what earlier
ones meant. So all are kept on disk for those who ask for everything, and in the meantime a datagram is used
when it is whole, or, as far as it goes, when nothing of it came for as long as a host would wait.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode import Decoder
from tcpflow_scapy.decode.fragments import Reassembler
from tcpflow_scapy.decode.fragments.grouping import TIMEOUT
from tcpflow_scapy.decode.fragments.plan import FRAGMENT_DTYPES
from tcpflow_scapy.decode.rebuilt import Memory
from tcpflow_scapy.live.cold_columns import DiskTable
from tcpflow_scapy.live.engine_store import LiveStore

Array = np.ndarray[Any, np.dtype[Any]]

Rows = dict[str, Array]

WAITING = 1 << 16
"""Fragments of incomplete datagrams that are kept at hand; of more the oldest are used as they are."""


class LiveFragments:
    """Fragments as they come.

    Parameters
    ----------
    decoder : Decoder
    store : LiveStore
        Gets the datagrams.
    folder : str
        For the fragments.
    """

    def __init__(self, decoder: Decoder, store: LiveStore, folder: str) -> None:
        self._decoder = decoder
        self._store = store
        self._all = DiskTable(FRAGMENT_DTYPES, folder)
        self._waiting: Rows = {name: np.empty(0, dtype) for name, dtype in FRAGMENT_DTYPES.items()}
        self._fresh = False
        self._memory = Memory()

    def __len__(self) -> int:
        return len(self._all)

    def add(self, part: Rows) -> None:
        """Keep fragments."""
        if len(part["frame"]):
            self._all.append(part)
            self._waiting = _joined(self._waiting, part)
            self._fresh = True

    def settle(self, latest: int) -> tuple[Rows, Array] | None:
        """TCP segments of datagrams that became whole, or for which there is no hope.

        Parameters
        ----------
        latest : int
            Time of the newest frame, ns.

        Returns
        -------
        (rows, missing) or None
            Columns as `Decoder.take` gives them, and for each row whether its datagram lacks a fragment.
        """
        if not len(self._waiting["frame"]):
            return None
        found = []
        if self._fresh:
            found.append(self._decode(self._waiting, whole_only=True))
            self._fresh = False
        old = self._hopeless(latest)
        if old.any():
            keep = {name: column[~old] for name, column in self._waiting.items()}
            found.append(self._decode({name: column[old] for name, column in self._waiting.items()}))
            self._waiting = _joined(self._waiting, keep)
        rows = [part for part in found if len(part[1])]
        if not rows:
            return None
        joined = {name: np.concatenate([part[name] for part, _ in rows]) for name in rows[0][0]}
        return joined, np.concatenate([missing for _, missing in rows])

    def _hopeless(self, latest: int) -> Array:
        """bool: fragments that have waited long enough."""
        time = self._waiting["time"]
        # As floats: times of a hostile capture can be as far apart as int64 can say.
        far = np.abs(time.astype(np.float64) - float(latest)) > TIMEOUT
        old: Array = far & (time != NO_TIME) & (latest != NO_TIME)
        old[: max(0, len(old) - WAITING)] = True
        return old

    def _decode(self, table: Rows, *, whole_only: bool = False) -> tuple[Rows, Array]:
        """Rows of some fragments; those that are left are waiting afterwards."""
        reassembler = self._decoder.reassembler(self._store, self._memory)
        reassembler.restore(table)
        segments, _datagrams, missing = self._decoder.late(reassembler, whole_only=whole_only)
        self._store.note_frames(reassembler.origins())
        self._waiting = reassembler.take()
        return segments.build(), missing

    def everything(self, store: Store) -> Reassembler:
        """All fragments of the capture so far, to be put together in `store`."""
        reassembler = self._decoder.reassembler(store)
        if len(self._all):
            reassembler.restore(self._all.views())
        return reassembler


def _joined(one: Rows, other: Rows) -> Rows:
    """Both, in order of capture."""
    both = {name: np.concatenate((column, other[name])) for name, column in one.items()}
    order = np.argsort(both["frame"], kind="stable")
    return {name: column[order] for name, column in both.items()}
