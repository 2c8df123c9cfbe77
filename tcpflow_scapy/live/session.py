"""A running capture: its flows at any time, flows as they end, and what was lost."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tcpflow_scapy.capture.live.devices import Tap
from tcpflow_scapy.capture.live.events import LOSSES, EventLog
from tcpflow_scapy.capture.live.pump import FrameLimit, Pump
from tcpflow_scapy.capture.live.spool import LiveSpool
from tcpflow_scapy.live.closed import ClosedFlows
from tcpflow_scapy.live.engine import Engine
from tcpflow_scapy.live.running import RUNNING
from tcpflow_scapy.pipeline import reassemble

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.capture.info import Problem
    from tcpflow_scapy.flows.flow import Flow
    from tcpflow_scapy.flows.table import FlowTable
    from tcpflow_scapy.live.engine_look import ClosedFlow

ADVANCE_SECONDS = 0.25
"""How often what is new in the spool is read."""

SETTLED_NS = 2_000_000_000
"""Age of frames that are in the spool for sure, as long as the machine keeps up."""


class LiveStats(NamedTuple):
    """What a capture counted."""

    seconds: float
    """since it began"""
    frames: int
    """kept in the spool"""
    bytes: int
    """of the spool"""
    received: int
    """as the system counts them"""
    kernel_dropped: int
    interface_dropped: int
    not_kept: int
    """captured, but the spool could not be written"""

    @property
    def lost(self) -> int:
        """Frames that are known to be missing."""
        return self.kernel_dropped + self.interface_dropped + self.not_kept


class LiveCapture:
    """A capture that runs, and what is known of its flows; made by `tcpflow_scapy.sniff`.

    A context: leaving it stops the capture. `flows` may be asked for at any time.
    """

    def __init__(
        self,
        spool: LiveSpool,
        events: EventLog,
        options: dict[str, Any],
        *,
        timeout: float | None = None,
        on_flow: Callable[[Flow], object] | None = None,
    ) -> None:
        self._spool, self._log = spool, events
        self._options = options
        self.engine = Engine(lambda: spool.paths, folder=_folder_for_columns(spool), **options)
        """what finds the flows"""
        self._timeout = timeout
        self.on_flow: Callable[..., object] | None = on_flow
        """called with each flow as it ends, in a thread of the capture"""
        self.on_advance: Callable[[], object] | None = None
        """called there whenever the spool was read"""
        self._pumps: list[Pump] = []
        self._lock = threading.RLock()
        self._wake, self._done = threading.Event(), threading.Event()
        self._stopping = False
        self._began, self._seconds = time.monotonic(), 0.0
        self._result: FlowTable | None = None
        self._broken = False
        self.ended = 0
        """reports of flows that ended, so far"""
        self._recent: deque[tuple[Any, ...]] = deque()
        self._waiting: weakref.WeakSet[ClosedFlows] = weakref.WeakSet()
        self._thread = threading.Thread(target=self._run, name="capture-flows", daemon=True)

    def _add(self, tap: Tap, reopen: Callable[[], Tap], filter: str, limit: FrameLimit) -> None:
        self._pumps.append(
            Pump(
                tap,
                reopen,
                self._spool,
                self._log,
                filter=filter,
                limit=limit,
                on_end=self._wake.set,
            )
        )

    def _start(self) -> None:
        RUNNING.add(self)
        self._began = time.monotonic()
        for pump in self._pumps:
            pump.start()
        self._thread.start()

    # -- what there is ------------------------------------------------------------------------------

    @property
    def flows(self) -> FlowTable:
        """What has been seen so far; flows that go on are marked in the column ``open``."""
        with self._lock:
            if self._result is not None:
                return self._result
            if self.running:
                self._advance()
                return self._told(self._table(self.engine.flows))
            self._result = self._told(self._table(self.engine.finish))
            return self._result

    @property
    def events(self) -> pd.DataFrame:
        """What happened: losses, interfaces, files; kinds as in `capture.live.events.KINDS`."""
        return self._log.frame()

    @property
    def problems(self) -> list[Problem]:
        """The losses among the events, as `flows.capture.problems` has them too."""
        return self._log.problems(str(self._spool.path))

    @property
    def stats(self) -> LiveStats:
        """What was counted so far."""
        counters = [pump.counters for pump in self._pumps]
        spool = self._spool
        return LiveStats(
            seconds=self._seconds or time.monotonic() - self._began,
            frames=spool.frames,
            bytes=spool.bytes,
            received=sum(c.received for c in counters),
            kernel_dropped=sum(c.kernel_dropped for c in counters),
            interface_dropped=sum(c.interface_dropped for c in counters),
            not_kept=spool.lost,
        )

    @property
    def running(self) -> bool:
        """Whether it still captures."""
        return not self._done.is_set()

    @property
    def interfaces(self) -> list[str]:
        """What is captured from."""
        return [pump.name for pump in self._pumps]

    @property
    def spool(self) -> Path:
        """The (first) file of the spool."""
        return self._spool.path

    @property
    def spools(self) -> list[Path]:
        """All files of the spool so far."""
        return self._spool.paths

    @property
    def chain_head(self) -> str:
        """Digest of the last link of the hash chain, in hexadecimal: note it where nobody can change it."""
        return self._spool.chain_head

    # -- what can be done ---------------------------------------------------------------------------

    def stop(self) -> FlowTable:
        """End the capture, when what the kernel still has is in; the final flows."""
        self.end()
        return self.flows

    def end(self) -> None:
        """The same without making the table of all flows, for captures that are larger than memory: their
        flows have been reported one by one, and the spool has them all."""
        self.request_stop()
        # In a callback, waiting for this very thread would take for ever.
        if threading.current_thread() is not self._thread:
            self.wait()

    def request_stop(self) -> None:
        """Ask for the end, without waiting for it."""
        self._stopping = True
        self._wake.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Until the capture has ended by itself (`count`, `timeout`) or was stopped.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Returns
        -------
        bool
            Whether it has ended.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while not self._done.is_set():
            left = 1.0 if until is None else min(1.0, until - time.monotonic())
            if left <= 0:
                break
            # In pieces, so that Ctrl-C is heard on every system.
            self._done.wait(left)
        return self._done.is_set()

    def closed(self) -> ClosedFlows:
        """Flows as they end from now on, for ``for`` and ``async for``; those still open at the end, too.

        A flow comes again, with ``flow.again``, if packets of it were seen after it had ended.
        """
        flows = ClosedFlows()
        with self._lock:
            if self._done.is_set():
                flows.end()
            else:
                self._waiting.add(flows)
        return flows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    # -- the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._ended():
                self._wake.wait(ADVANCE_SECONDS)
                self._wake.clear()
                with self._lock:
                    self._advance()
                self._deliver()
        finally:
            self._finish()

    def _ended(self) -> bool:
        late = self._timeout is not None and time.monotonic() - self._began >= self._timeout
        return self._stopping or late or not any(pump.running for pump in self._pumps)

    def _advance(self) -> None:
        """Read what is new; trouble is an event, not the end of the capture."""
        if self._broken:
            return
        try:
            # What came longer ago is in the spool, unless the machine is overloaded: then flows are
            # reported again.
            self.engine.advance(time.time_ns() - SETTLED_NS)
        except Exception as error:
            self._break(error)

    def _break(self, error: Exception) -> None:
        """The engine is of no use any more; tables are made from the spool instead."""
        self._broken = True
        self._log.add("error", f"flows cannot be followed any more: {error or type(error).__name__}")

    def _table(self, make: Callable[[], FlowTable]) -> FlowTable:
        if not self._broken:
            try:
                return make()
            except Exception as error:
                self._break(error)
        return reassemble(self._spool.paths, **self._options, progress=False)

    def _deliver(self) -> None:
        """Give away what came, and what ended."""
        if self.on_advance is not None:
            self._call(self.on_advance)
        flows: list[ClosedFlow] = []
        with self._lock:
            while self.engine.closed:
                flows.append(self.engine.closed.popleft())
            waiting = list(self._waiting)
        if not flows:
            return
        self._remember(flows)
        for queue in waiting:
            queue.put(flows)
        if self.on_flow is not None:
            for flow in flows:
                self._call(self.on_flow, flow)

    def _remember(self, flows: list[ClosedFlow]) -> None:
        """The last ones for the view, as plain values: a flow would hold what it was found among."""
        from tcpflow_scapy.live.view import ROWS, ended_row

        for number, flow in list(enumerate(flows, self.ended + 1))[-ROWS:]:
            self._recent.append(ended_row(number, flow))
            while len(self._recent) > ROWS:
                self._recent.popleft()
        self.ended += len(flows)

    def _call(self, function: Callable[..., object], *arguments: Any) -> None:
        try:
            function(*arguments)
        except Exception as error:
            name = getattr(function, "__name__", "on_flow")
            self._log.add("error", f"{name}: {type(error).__name__}: {error}", merge=True)

    def _finish(self) -> None:
        for pump in self._pumps:
            pump.stop()
        for pump in self._pumps:
            pump.join()
        self._seconds = time.monotonic() - self._began
        self._spool.close()
        with self._lock:
            if not self._broken:
                try:
                    self.engine.end()
                except Exception as error:
                    self._break(error)
        self._deliver()
        with self._lock:
            self._done.set()
            for queue in self._waiting:
                queue.end()
        RUNNING.discard(self)

    def _told(self, flows: FlowTable) -> FlowTable:
        """The losses of the capture among the problems of the table."""
        problems = flows._evidence.info.problems
        others = [problem for problem in problems if problem.kind not in LOSSES]
        problems[:] = [*others, *self.problems]
        return flows

    # -- looks --------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        stats = self.stats
        state = "running" if self.running else "stopped"
        text = f"<LiveCapture {', '.join(self.interfaces)}: {state}, {stats.seconds:.0f} s"
        lost = f", {stats.lost:,} lost" if stats.lost else ""
        return f"{text}, {stats.frames:,} frames{lost}>"

    def show(self, refresh: float = 1.0) -> None:
        """Show it: in a notebook a table that refreshes itself until the capture ends.

        Parameters
        ----------
        refresh : float
            Seconds between two looks.
        """
        from tcpflow_scapy.live.view import show

        show(self, refresh)

    def _ipython_display_(self) -> None:
        self.show()

    def _repr_html_(self) -> str:
        from tcpflow_scapy.live.view import live_card

        return live_card(self).to_html()

    def __rich__(self) -> Any:
        from tcpflow_scapy.live.view import live_card

        return live_card(self)


def _folder_for_columns(spool: LiveSpool) -> Path | None:
    """Where the engine keeps its columns, in files without names: beside the spool. Temporary folders may
    be memory."""
    folder = spool.path.absolute().parent
    return None if spool.temporary or not os.access(folder, os.W_OK) else folder
