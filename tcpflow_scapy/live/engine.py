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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import FrameBatch
from tcpflow_scapy.decode import Decoder
from tcpflow_scapy.flows.table import FlowTable
from tcpflow_scapy.live.cold_addresses import ColdAddressBook
from tcpflow_scapy.live.engine_fragments import LiveFragments
from tcpflow_scapy.live.engine_frames import LiveFrames
from tcpflow_scapy.live.engine_hot import Progress, pair_keys
from tcpflow_scapy.live.engine_look import ClosedFlow, Look, Patience
from tcpflow_scapy.live.engine_rows import PacketRows
from tcpflow_scapy.live.engine_store import LiveStore
from tcpflow_scapy.live.engine_watch import Evidences, PairWatch
from tcpflow_scapy.live.engine_whole import final_late, whole_table
from tcpflow_scapy.live.growing_files import GrowingFiles
from tcpflow_scapy.live.heap import Heap
from tcpflow_scapy.pipeline import MAX_GAP, check_options, compile_filter, report_unfiltered

Array = np.ndarray[Any, np.dtype[Any]]


FAR = 3600 * 10**9
"""Nanoseconds by which the time of day may be ahead of the last frame."""


class Engine:
    """Flows of a spool that grows.

    Parameters
    ----------
    paths : callable
        Gives the spool's files so far, in order: pcapng, each complete when another one follows it.
    filter, overlap, max_gap, timeout, ignore_vlan, ignore_encapsulation, verify_checksums, fragments
        As for `reassemble`.
    linger : float
        Seconds for which a flow that was closed must be quiet before it is reported: stragglers are its own.
    park : float
        Seconds of quiet after which nothing of a pair of endpoints stays in memory.
    folder : path, optional
        Where the columns lie, in files without names, some 100 bytes for each frame. By default that for
        temporary files. If it is memory, they are.
    on_closed : callable, optional
        Gets the flows that have ended, some at a time, instead of `closed`. At the end that are all that are
        still open, which may be many: for those who must not hold them all.

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
        ignore_encapsulation: bool = False,
        verify_checksums: bool = False,
        fragments: str | None = None,
        linger: float = 5.0,
        park: float = 60.0,
        folder: str | os.PathLike[str] | None = None,
        on_closed: Callable[[list[ClosedFlow]], object] | None = None,
    ) -> None:
        fragments = check_options(overlap, fragments, max_gap, timeout)
        self._options = {
            "filter": filter,
            "overlap": overlap,
            "fragments": fragments,
            "max_gap": max_gap,
            "timeout": timeout,
            "ignore_vlan": ignore_vlan,
            "ignore_encapsulation": ignore_encapsulation,
            "verify_checksums": verify_checksums,
        }
        if not 0 <= linger <= park:
            raise ValueError(f"linger must lie between 0 and park ({park}), not {linger!r}")
        self._filter = compile_filter(filter)
        place = tempfile.gettempdir() if folder is None else os.fspath(folder)
        self._store = LiveStore(place, owner=paths)
        self._files = GrowingFiles(paths, self._store)
        self._decoder = Decoder(
            self._store,
            verify_checksums=verify_checksums,
            fragments=fragments,
            addresses=ColdAddressBook(place),
        )
        self._frames = LiveFrames(place)
        self._rows = PacketRows(place, self._decoder.encapsulations, self._decoder.addresses)
        self._fragments = LiveFragments(self._decoder, self._store, place)
        self._heap = Heap()
        self._progress = Progress()
        self._salt = secrets.randbits(63)
        self._lock = threading.RLock()
        self._table: FlowTable | None = None
        self._finished = self._torn = False
        self.info = self._files.info
        self.closed: deque[ClosedFlow] = deque()
        evidences = Evidences(self.info, self._frames, self._options, self._store, self._store.origins)
        patience = Patience(linger, park, timeout)
        tell = self.closed.extend if on_closed is None else on_closed
        self._watch = PairWatch(self._rows, evidences, patience, tell, place)

    # -- what comes in --------------------------------------------------------------------------------

    @property
    def frames(self) -> int:
        """Frames read so far."""
        return len(self._frames)

    @property
    def hot(self) -> int:
        """Pairs of endpoints that something is kept of in memory."""
        return len(self._watch)

    def listen(self, listener: Callable[[Look], object]) -> None:
        """Call `listener` with every `Look`; what it raises comes out of `advance` or `end`.

        Flows that grow are then looked at from time to time: when they have a quarter more packets, or when
        the last look is long past for their size.
        """
        self._watch.listeners.append(listener)

    def pair_keys(self, source: Array, destination: Array) -> Array:
        """The keys by which pairs of endpoints go in a `Look`; see `engine_hot.pair_keys`."""
        return pair_keys(source, destination, self._salt)

    def advance(self, now: int | None = None) -> int:
        """Read what is new in the spool, and find flows that have ended.

        Parameters
        ----------
        now : int, optional
            Time up to which the capture is known to be in the spool, ns since the epoch: lets the capture's
            clock go on where no frames come. More than an hour behind them it is taken for another clock, as
            where frames of an old capture are replayed, and means nothing.

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
                if 0 < now - self._progress.latest < FAR:
                    self._progress.tick(np.array([now], np.int64))
                self._settle_fragments()
                self._watch.look_around(self._progress.seconds)
            self._raise_trouble()
            self._heap.trim()
            return len(self._frames) - before

    def _raise_trouble(self) -> None:
        trouble, self._watch.trouble = self._watch.trouble, None
        if trouble is not None:
            raise trouble

    def _take(self, batch: FrameBatch) -> None:
        """Take in a batch, and look around."""
        self._check()
        # Whatever stops this in the middle leaves columns of different lengths: then nothing holds any more.
        self._torn = True
        self._keep(batch)
        self._settle_fragments()
        self._torn = False
        self._watch.look_around(self._progress.seconds)

    def _check(self) -> None:
        if self._torn:
            raise RuntimeError(
                "the engine was stopped while it took in frames: read the spool with reassemble"
            )

    def _keep(self, batch: FrameBatch) -> None:
        """Decode a batch; its rows go to disk, and what they say of their pairs is noted."""
        selected = None if self._filter is None else self._filter.matches(batch)
        reason = self._decoder.decode(batch, selected)
        clock = self._progress.tick(batch.time)
        self._frames.append(batch, reason)
        # The table of all flows holds memory for every packet: nobody needs an old one.
        self._table = None
        segments, datagrams, fragments = self._decoder.take()
        self._frames.append_datagrams(datagrams)
        self._fragments.add(fragments)
        if len(segments["frame"]):
            index = segments["frame"].astype(np.int64) - batch.first
            keys = self.pair_keys(segments["source"], segments["destination"])
            self._watch.note(segments, keys, clock[index])
            self._rows.append({**segments, "time": batch.time[index]}, keys)

    def _settle_fragments(self) -> None:
        late = self._fragments.settle(self._progress.latest)
        if late is None:
            return
        segments, missing = late
        keys = self.pair_keys(segments["source"], segments["destination"])
        self._watch.note(segments, keys, np.full(len(missing), self._progress.seconds))
        times = self._frames.times(segments["frame"])
        self._rows.append_late({**segments, "time": times, "missing": missing}, keys)

    # -- everything -----------------------------------------------------------------------------------

    def flows(self) -> FlowTable:
        """All flows so far, as `reassemble` would find them in the spool as it is now.

        Takes time and memory for all packets of the capture, unless nothing came since the last call.
        """
        with self._lock:
            self._check()
            if self._table is None:
                self._table = whole_table(
                    self._decoder,
                    self._store,
                    self._frames,
                    self._rows,
                    self._fragments,
                    self.info,
                    self._options,
                )
            return self._table

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
        for _ in self.ending():
            pass

    def ending(self) -> Iterator[None]:
        """As `end`, in steps, between which `closed` can be emptied: at the end all that is still open is
        reported, which may be much."""
        with self._lock:
            if self._finished:
                return
            for batch in self._files.batches(complete=True):
                self._take(batch)
            self._finished = True
            if len(self._fragments):
                late = final_late(self._decoder, self._store, self._frames, self._fragments, self._salt)
                self._watch.settle(*late)
            rest = self._watch.look_at_rest(self._progress.seconds)
        done = False
        while not done:
            with self._lock:
                done = next(rest, True) is True
            yield
        with self._lock:
            self._raise_trouble()
