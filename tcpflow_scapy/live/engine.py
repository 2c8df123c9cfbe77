"""The engine of live capture: reads a spool while it grows, and knows at any time what flows there are.

Every frame, packet and fragment goes into columns on disk, as the finished capture will have them; so
`flows` and `finish` do for all of them what `reassemble` does, and give the same. In memory there are a few
numbers for each pair of endpoints that had packets lately. When such a pair seems to have ended, the packets
of that pair alone are brought back and grouped and assembled, which tells exactly which flows have ended. A
pair that is used again is hot again, its old packets are found by its key, and a flow that changes is
reported anew.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import FrameBatch
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode import Decoder
from tcpflow_scapy.decode.packets import Origins
from tcpflow_scapy.flows.table import FlowTable
from tcpflow_scapy.live.cold_columns import DiskColumn
from tcpflow_scapy.live.engine_fragments import LiveFragments
from tcpflow_scapy.live.engine_frames import LiveFrames
from tcpflow_scapy.live.engine_hot import HotPairs, Progress, end_bits, finished, news_of, pair_keys
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
from tcpflow_scapy.live.engine_rows import PacketRows
from tcpflow_scapy.live.engine_store import LiveStore
from tcpflow_scapy.live.engine_whole import final_late, whole_table
from tcpflow_scapy.live.growing_files import GrowingFiles
from tcpflow_scapy.pipeline import MAX_GAP, check_options, compile_filter, find_flows, report_unfiltered
from tcpflow_scapy.reassembly.columns import distinct

Array = np.ndarray[Any, np.dtype[Any]]

WHOLE_PAIR = 256
"""Packets of a pair up to which all are looked at every time. Of pairs that were used for connection after
connection only the last ones are, until the capture ends."""

LOOK_PACKETS = 1 << 17
"""Packets that are looked at together."""

CREDIT = 16
"""Packets that may be looked at for every one that comes: all looks together cost so much at most."""

MOST_CREDIT = 1 << 22


class Engine:
    """Flows of a spool that grows.

    Parameters
    ----------
    paths : callable
        Gives the spool's files so far, in order: pcapng, each complete when another one follows it.
    filter, overlap, max_gap, timeout, ignore_vlan, verify_checksums, fragments
        As for `reassemble`.
    linger : float
        Seconds for which a flow that was closed must be quiet before it is reported: stragglers are its own.
    park : float
        Seconds of quiet after which nothing of a pair of endpoints stays in memory.
    folder : path, optional
        Where the columns lie, in files without names, some 100 bytes for each frame. By default that for
        temporary files. If it is memory, they are.

    Attributes
    ----------
    closed : deque of ClosedFlow
        Flows that have ended, for whoever takes them from its left end. Each shares the memory of those it
        was looked at with; what is not taken stays.
    info : CaptureInfo
        What was read so far.

    Notes
    -----
    One thread may advance it while others ask for flows; calls wait for each other. Seconds are those of the
    capture's clock.
    """

    def __init__(
        self,
        paths: Callable[[], list[Path]],
        *,
        filter: str | None = None,
        overlap: str = "first",
        max_gap: int = MAX_GAP,
        timeout: float | None = None,
        ignore_vlan: bool = False,
        verify_checksums: bool = False,
        fragments: str | None = None,
        linger: float = 5.0,
        park: float = 60.0,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        fragments = check_options(overlap, fragments, max_gap, timeout)
        self._options = {
            "filter": filter,
            "overlap": overlap,
            "fragments": fragments,
            "max_gap": max_gap,
            "timeout": timeout,
            "ignore_vlan": ignore_vlan,
            "verify_checksums": verify_checksums,
        }
        if not 0 <= linger <= park:
            raise ValueError(f"linger must lie between 0 and park ({park}), not {linger!r}")
        self._patience = Patience(linger, park, timeout)
        self._filter = compile_filter(filter)
        place = tempfile.gettempdir() if folder is None else os.fspath(folder)
        self._store = LiveStore(place)
        self._files = GrowingFiles(paths, self._store)
        self._decoder = Decoder(self._store, verify_checksums=verify_checksums, fragments=fragments)
        self._frames = LiveFrames(place)
        self._rows = PacketRows(place, self._decoder.encapsulations, self._decoder.addresses)
        self._fragments = LiveFragments(self._decoder, self._store, place)
        self._reports = Reports(place)
        self._hot = HotPairs(linger, timeout)
        self._again = DiskColumn(np.uint64, place)
        self._progress = Progress()
        self._salt = secrets.randbits(63)
        self._credit = MOST_CREDIT
        self._lock = threading.RLock()
        self._listeners: list[Callable[[Look], object]] = []
        self._table: tuple[int, FlowTable] | None = None
        self._finished = False
        self._trouble: Exception | None = None
        self._look_store: Store = self._store
        self._final_origins: Origins | None = None
        self.info = self._files.info
        self.closed: deque[ClosedFlow] = deque()

    # -- what comes in --------------------------------------------------------------------------------

    @property
    def frames(self) -> int:
        """Frames read so far."""
        return len(self._frames)

    @property
    def hot(self) -> int:
        """Pairs of endpoints that something is kept of in memory."""
        return len(self._hot)

    def listen(self, listener: Callable[[Look], object]) -> None:
        """Call `listener` with every `Look`; what it raises comes out of `advance` or `end`.

        Flows that grow are then looked at from time to time: when they have a quarter more packets, or when
        the last look is long past for their size.
        """
        self._listeners.append(listener)

    def pair_keys(self, source: Array, destination: Array) -> Array:
        """The keys by which pairs of endpoints go in a `Look`; see `engine_hot.pair_keys`."""
        return pair_keys(source, destination, self._salt)

    def advance(self, now: int | None = None) -> int:
        """Read what is new in the spool, and find flows that have ended.

        Parameters
        ----------
        now : int, optional
            Time up to which the capture is known to be in the spool, ns since the epoch: lets the capture's
            clock go on where no frames come.

        Returns
        -------
        int
            New frames.

        Raises
        ------
        CaptureError
            The spool cannot be read, or the disk with the columns is full.
        """
        with self._lock:
            if self._finished:
                return 0
            before = len(self._frames)
            for batch in self._files.batches():
                self._take(batch)
            if now is not None:
                if now > self._progress.latest:
                    self._progress.tick(np.array([now], np.int64))
                self._settle_fragments()
                self._look_around()
            self._raise_trouble()
            return len(self._frames) - before

    def _raise_trouble(self) -> None:
        trouble, self._trouble = self._trouble, None
        if trouble is not None:
            raise trouble

    def _take(self, batch: FrameBatch) -> None:
        """Decode a batch; its rows go to disk, and what they say of their pairs is noted."""
        selected = None if self._filter is None else self._filter.matches(batch)
        reason = self._decoder.decode(batch, selected)
        clock = self._progress.tick(batch.time)
        self._frames.append(batch, reason)
        segments, datagrams, fragments = self._decoder.take()
        self._frames.append_datagrams(datagrams)
        self._fragments.add(fragments)
        if len(segments["frame"]):
            index = segments["frame"].astype(np.int64) - batch.first
            keys = self._note(segments, clock[index])
            self._rows.append({**segments, "time": batch.time[index]}, keys)
        self._settle_fragments()
        self._look_around()

    def _settle_fragments(self) -> None:
        late = self._fragments.settle(self._progress.latest)
        if late is None:
            return
        segments, missing = late
        keys = self._note(segments, np.full(len(missing), self._progress.seconds))
        times = self._frames.times(segments["frame"])
        self._rows.append_late({**segments, "time": times, "missing": missing}, keys)

    def _note(self, segments: dict[str, Array], clock: Array) -> Array:
        """Note packets with their pairs, before they are among the rows; their keys."""
        source, destination = segments["source"], segments["destination"]
        keys = pair_keys(source, destination, self._salt)
        news = news_of(keys, clock, end_bits(segments["flags"], source, destination))
        fresh = self._hot.unknown(news.key)
        if fresh.any():
            self._hot.add(news.pick(fresh), self._rows.counts(news.key[fresh]))
        self._hot.update(news)
        self._credit = min(self._credit + CREDIT * len(keys), MOST_CREDIT)
        return keys

    # -- looking at pairs -----------------------------------------------------------------------------

    def _look_around(self) -> None:
        """Look at pairs that are due, and let go of those that were quiet for long."""
        rows, clock = self._hot.rows, self._progress.seconds
        if not len(self._hot):
            return
        patience = self._patience
        keep = max(patience.park, (patience.timeout or 0) + patience.linger)
        news = rows["count"] > rows["seen"]
        parked = clock - rows["last"] >= keep
        due = (rows["due"] <= clock) | (parked & news & finished(rows["bits"]))
        if self._listeners:
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
            look = self._look(keys, clock - rows["last"][chosen])
            self._credit -= int(total[high - 1]) - spent
            still, bits, due = what_is_open(look, keys, clock, self._patience)
            self._hot.looked_at(keys, clock, bits, due)
            done[chosen] = ~still
            self._report(look)
            low = high
        return done

    def _look(self, keys: Array, idle: Array, *, final: bool = False) -> Look:
        """Reassemble some pairs (ascending keys) from their packets alone."""
        which, rows = self._rows.find(keys)
        partial = np.empty(0, np.uint64)
        if not final:
            which, rows, partial = self._without_sealed(keys, which, rows)
        picked = self._rows.pick(keys, which, rows, self._origins)
        evidence = find_flows(
            self.info, self._look_store, self._frames.table(), picked.packets, self._options
        )
        evidence.__dict__["times"] = picked.time
        look = judge(evidence, picked, keys, idle, self._patience)
        look.partial = partial
        return look

    def _without_sealed(self, keys: Array, which: Array, rows: Array) -> tuple[Array, Array, Array]:
        """Leave out packets of old connections of pairs that had many; the keys of those pairs."""
        counts = np.bincount(which, minlength=len(keys))
        partial = []
        for number in np.flatnonzero(counts > WHOLE_PAIR).tolist():
            mine = np.flatnonzero(which == number)
            frames = self._rows.frames_of(rows[mine])
            border = self._reports.sealed(int(keys[number]), np.sort(frames))
            if border >= 0:
                partial.append(keys[number])
                keep = np.ones(len(rows), bool)
                keep[mine[frames <= border]] = False
                which, rows = which[keep], rows[keep]
        found = np.array(partial, np.uint64)
        self._again.append(found)
        return which, rows, found

    def _report(self, look: Look, *, everything: bool = False) -> None:
        """Pass on what was found; flows that have ended are reported once for each state."""
        for listener in self._listeners:
            try:
                listener(look)
            except Exception as error:
                # It must not leave the engine in the middle of something: it is raised when all is done.
                self._trouble = self._trouble or error
        chosen = np.arange(len(look)) if everything else np.flatnonzero(look.end != OPEN)
        if not len(chosen):
            return
        before = self._reports.packets(look.key[chosen], look.first[chosen])
        new = before != look.packets[chosen]
        chosen, before = chosen[new], before[new]
        self._reports.append(look.key[chosen], look.first[chosen], look.last[chosen], look.packets[chosen])
        ends = np.where(look.end == OPEN, CAPTURE, look.end)[chosen]
        for number, end, first, packets in zip(
            chosen.tolist(), ends.tolist(), look.first[chosen].tolist(), before.tolist(), strict=True
        ):
            flow = ClosedFlow(
                look.evidence, number, ended=ENDS[end], again=packets >= 0, first_frame=first + 1
            )
            self.closed.append(flow)

    # -- everything -----------------------------------------------------------------------------------

    def flows(self) -> FlowTable:
        """All flows so far, as `reassemble` would find them in the spool as it is now.

        Takes time and memory for all packets of the capture, unless nothing came since the last call.
        """
        with self._lock:
            if self._table is None or self._table[0] != len(self._frames):
                table = whole_table(
                    self._decoder,
                    self._store,
                    self._frames,
                    self._rows,
                    self._fragments,
                    self.info,
                    self._options,
                )
                self._table = (len(self._frames), table)
            return self._table[1]

    def finish(self) -> FlowTable:
        """The capture has ended: read the rest, report what is still open, and give all flows.

        After this, `closed` has held every flow in its final state.

        Raises
        ------
        CaptureError
            The spool cannot be read.
        FilterUnavailable
            The filter can be compiled for no link type of the capture.
        """
        with self._lock:
            self.end()
            table = self.flows()
            if self._filter is not None and len(self._frames):
                report_unfiltered(self._filter, self._frames.table(), self.info)
            return table

    def end(self) -> None:
        """As `finish`, without the table of all flows: for captures that memory does not hold."""
        with self._lock:
            if self._finished:
                return
            for batch in self._files.batches(complete=True):
                self._take(batch)
            self._finished = True
            if len(self._fragments):
                late, self._look_store = final_late(
                    self._decoder, self._store, self._frames, self._fragments, self._salt
                )
                self._rows.settle(late)
                self._final_origins = late.origins
            self._look_at_rest()
            self._raise_trouble()

    def _look_at_rest(self) -> None:
        """Look once more at all pairs that may not have been reported as they are."""
        hot = self._hot.rows
        keys = distinct(np.concatenate((hot["key"], self._again.view(), self._rows.late_keys())))
        idle = np.full(len(keys), self._patience.park)
        idle[np.searchsorted(keys, hot["key"])] = self._progress.seconds - hot["last"]
        self._patience = Patience(0.0, 0.0, self._patience.timeout)
        low = 0
        while low < len(keys):
            some = keys[low : low + LOOK_PACKETS]
            total = np.cumsum(self._rows.counts(some))
            count = max(int(np.searchsorted(total, LOOK_PACKETS, side="right")), 1)
            part = slice(low, low + count)
            self._report(self._look(keys[part], idle[part], final=True), everything=True)
            low += count
        self._hot.forget(np.ones(len(self._hot), bool))

    @property
    def _origins(self) -> Origins | None:
        return self._store.origins() if self._look_store is self._store else self._final_origins
