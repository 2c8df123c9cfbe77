"""Watching pairs of endpoints: when to look at which, and telling what has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.capture.info import CaptureInfo
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.packets import Origins
from tcpflow_scapy.live.cold_columns import DiskColumn
from tcpflow_scapy.live.engine_frames import LiveFrames
from tcpflow_scapy.live.engine_hot import HotPairs, end_bits, finished, news_of
from tcpflow_scapy.live.engine_look import (
    CAPTURE,
    ENDS,
    OPEN,
    ClosedFlow,
    Look,
    Patience,
    judge,
    what_is_open,
)
from tcpflow_scapy.live.engine_reports import Reports
from tcpflow_scapy.live.engine_rows import FinalLate, PacketRows
from tcpflow_scapy.pipeline import find_flows
from tcpflow_scapy.reassembly.columns import distinct

Array = np.ndarray[Any, np.dtype[Any]]

WHOLE_PAIR = 64
"""Packets of a pair up to which all are looked at every time. Of pairs that were used for connection after
connection only the last ones are, until the capture ends."""

LOOK_PACKETS = 1 << 16
"""Packets that are looked at together."""

SPARSE = 4
"""If less than one of so many pairs has something to report, only those are kept for it."""

CREDIT = 16
"""Packets that may be looked at for every one that comes: all looks together cost so much at most."""

MOST_CREDIT = 1 << 22

FOUND = 32
"""Packets that are found in the index, and left alone, for the price of one that is looked at."""


@dataclass(slots=True)
class Evidences:
    """What evidence for a look is made of."""

    info: CaptureInfo
    frames: LiveFrames
    options: dict[str, Any]
    store: Store
    origins: Callable[[], Origins | None]
    """where the bytes of datagrams in `store` came from"""


class PairWatch:
    """Looks at pairs when it is time.

    Parameters
    ----------
    rows : PacketRows
        Where their packets are.
    evidences : Evidences
    patience : Patience
    tell : callable
        Gets the flows that have ended, those of each look together.
    folder : str
        For what is to be remembered.

    Attributes
    ----------
    listeners : list of callable
        Get every look. With any, flows that grow are looked at, too.
    trouble : Exception or None
        What a listener raised first. It must not leave the watch in the middle of something.
    """

    def __init__(
        self,
        rows: PacketRows,
        evidences: Evidences,
        patience: Patience,
        tell: Callable[[list[ClosedFlow]], object],
        folder: str,
    ) -> None:
        self._rows = rows
        self._evidences = evidences
        self._patience = patience
        self._tell = tell
        self._reports = Reports(folder)
        self._hot = HotPairs(patience.linger, patience.timeout)
        self._again = DiskColumn(np.uint64, folder)
        self._credit = MOST_CREDIT
        self.listeners: list[Callable[[Look], object]] = []
        self.trouble: Exception | None = None

    def __len__(self) -> int:
        return len(self._hot)

    def note(self, segments: dict[str, Array], keys: Array, clock: Array) -> None:
        """Take in packets; before they are among the rows."""
        source, destination = segments["source"], segments["destination"]
        news = news_of(keys, clock, end_bits(segments["flags"], source, destination))
        fresh = self._hot.unknown(news.key)
        if fresh.any():
            self._hot.add(news.pick(fresh), self._rows.counts(news.key[fresh]))
        self._hot.update(news)
        self._credit = min(self._credit + CREDIT * len(keys), MOST_CREDIT)

    def look_around(self, clock: float) -> None:
        """Look at pairs that are due, and let go of those that were quiet for long."""
        rows = self._hot.rows
        if not len(self._hot):
            return
        patience = self._patience
        keep = max(patience.park, (patience.timeout or 0) + patience.linger)
        news = rows["count"] > rows["seen"]
        parked = clock - rows["last"] >= keep
        due = (rows["due"] <= clock) | (parked & news & finished(rows["bits"]))
        if self.listeners:
            due |= self._hot.grown(clock) | (parked & news)
        done = self._look_at(np.flatnonzero(due), clock)
        gone = parked | done
        if gone.any():
            self._again.append(rows["key"][parked & ~done])
            self._hot.forget(gone)

    def _look_at(self, places: Array, clock: float) -> Array:
        """Look at hot pairs, the smallest first, as far as the credit goes; which have ended for good."""
        rows = self._hot.rows
        done = np.zeros(len(self._hot), bool)
        places = places[np.argsort(rows["count"][places], kind="stable")]
        total = np.cumsum(rows["count"][places])
        low = 0
        while low < len(places) and self._credit > 0:
            spent = int(total[low - 1]) if low else 0
            high = max(int(np.searchsorted(total, spent + LOOK_PACKETS, side="right")), low + 1)
            chosen = np.sort(places[low:high])
            keys = rows["key"][chosen]
            idle = clock - rows["last"][chosen]
            look = self._look(keys, idle)
            self._credit -= len(look.evidence.packets) + (int(total[high - 1]) - spent) // FOUND
            still, bits, due = what_is_open(look, keys, clock, self._patience)
            self._hot.looked_at(keys, clock, bits, due)
            done[chosen] = ~still
            self._report(look, keys, idle)
            low = high
        return done

    def _look(self, keys: Array, idle: Array, *, final: bool = False) -> Look:
        """Reassemble some pairs (ascending keys) from their packets alone."""
        which, rows = self._rows.find(keys)
        partial = np.empty(0, np.uint64)
        if not final and len(rows) > WHOLE_PAIR:
            which, rows, partial = self._without_sealed(keys, which, rows)
        own = self._evidences
        picked = self._rows.pick(keys, which, rows, own.origins())
        evidence = find_flows(own.info, own.store, own.frames.table(), picked.packets, own.options)
        evidence.__dict__["times"] = picked.time
        look = judge(evidence, picked, keys, idle, self._patience)
        look.partial = partial
        return look

    def _without_sealed(self, keys: Array, which: Array, rows: Array) -> tuple[Array, Array, Array]:
        """Leave out packets of old connections of pairs that had many; the keys of those pairs."""
        many = np.flatnonzero(np.bincount(which, minlength=len(keys)) > WHOLE_PAIR)
        number = np.full(len(keys), -1, np.int64)
        number[many] = np.arange(len(many))
        mine = np.flatnonzero(number[which] >= 0)
        frames = self._rows.frames_of(rows[mine])
        border = self._reports.sealed(keys[many], number[which[mine]], frames)
        partial = keys[many[border >= 0]]
        self._again.append(partial)
        keep = np.ones(len(rows), bool)
        keep[mine[frames <= border[number[which[mine]]]]] = False
        return which[keep], rows[keep], partial

    def _report(self, look: Look, keys: Array, idle: Array, *, final: bool = False) -> None:
        """Pass on what was found; flows that have ended are reported once for each state."""
        for listener in self.listeners:
            try:
                listener(look)
            except Exception as error:
                self.trouble = self.trouble or error
        chosen, before = self._unreported(look, final)
        if not len(chosen):
            return
        concerned = distinct(look.key[chosen])
        if SPARSE * len(concerned) < len(keys):
            # Flows share the memory of those they were looked at with: not for a few of many.
            look = self._look(concerned, idle[np.searchsorted(keys, concerned)], final=final)
            chosen, before = self._unreported(look, final)
        self._reports.append(look.key[chosen], look.first[chosen], look.last[chosen], look.packets[chosen])
        ends = np.where(look.end == OPEN, CAPTURE, look.end)[chosen]
        facts = zip(chosen.tolist(), ends.tolist(), look.first[chosen].tolist(), before.tolist(), strict=True)
        self._tell(
            [
                ClosedFlow(look.evidence, number, ended=ENDS[end], again=packets >= 0, first_frame=first + 1)
                for number, end, first, packets in facts
            ]
        )

    def _unreported(self, look: Look, final: bool) -> tuple[Array, Array]:
        """Connections that have ended (in the end: all) and were not reported as they are now.

        The second array is how many packets they had when they were reported, -1 if they never were.
        """
        chosen = np.arange(len(look)) if final else np.flatnonzero(look.end != OPEN)
        if not len(chosen):
            return chosen, chosen
        before = self._reports.packets(look.key[chosen], look.first[chosen])
        new = before != look.packets[chosen]
        return chosen[new], before[new]

    def settle(self, late: FinalLate, store: Store) -> None:
        """The capture has ended: segments out of IP fragments are these, their bytes are in `store`."""
        self._rows.settle(late)
        self._evidences.store = store
        self._evidences.origins = lambda: late.origins

    def look_at_rest(self, clock: float) -> Iterator[None]:
        """The end: look once more at all pairs that may not have been reported as they are."""
        hot = self._hot.rows
        keys = distinct(np.concatenate((hot["key"], self._again.view(), self._rows.late_keys())))
        idle = np.full(len(keys), self._patience.park)
        idle[np.searchsorted(keys, hot["key"])] = clock - hot["last"]
        self._patience = Patience(0.0, 0.0, self._patience.timeout)
        low = 0
        while low < len(keys):
            some = keys[low : low + LOOK_PACKETS]
            total = np.cumsum(self._rows.counts(some))
            count = max(int(np.searchsorted(total, LOOK_PACKETS, side="right")), 1)
            part = slice(low, low + count)
            look = self._look(keys[part], idle[part], final=True)
            self._report(look, keys[part], idle[part], final=True)
            low += count
            yield
        self._hot.forget(np.ones(len(self._hot), bool))
