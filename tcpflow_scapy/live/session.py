"""A running capture: its flows at any time, flows as they end, and what was lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tcpflow_scapy.capture.live.devices import Tap
from tcpflow_scapy.capture.live.events import LOSSES, Event, EventLog
from tcpflow_scapy.capture.live.pump import FrameLimit, Pump
from tcpflow_scapy.capture.live.spool import LiveSpool
from tcpflow_scapy.errors import ExportError
from tcpflow_scapy.live.closed import ClosedFlows
from tcpflow_scapy.live.cold_columns import folder_beside
from tcpflow_scapy.live.delivery import Delivery
from tcpflow_scapy.live.engine import Engine
from tcpflow_scapy.live.running import RUNNING
from tcpflow_scapy.live.stats import LiveStats
from tcpflow_scapy.pipeline import reassemble
from tcpflow_scapy.render.escape import one_line

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
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        self._spool, self._log = spool, events
        self._options = options
        folder = None if spool.temporary else folder_beside(spool.path)
        self.engine = Engine(lambda: spool.paths, folder=folder, **options)
        """what finds the flows"""
        self._timeout = timeout
        self.on_flow: Callable[..., object] | None = on_flow
        """called with each flow as it ends, in a thread of the capture"""
        self.on_advance: Callable[[], object] | None = None
        """called there whenever the spool was read"""
        self._pumps: list[Pump] = []
        self._lock = threading.RLock()
        self._wake, self._done = threading.Event(), threading.Event()
        self._stopping = self._elsewhere = False
        self._began, self._seconds = time.monotonic(), 0.0
        self._result: FlowTable | None = None
        self._broken = False
        self._delivery = Delivery(events, on_event)
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

    def _give_up(self) -> None:
        """It could not be started: give everything back."""
        RUNNING.discard(self)
        for pump in self._pumps:
            pump.stop()
            pump.join()
            pump.discard()
        self._done.set()

    # -- what there is ------------------------------------------------------------------------------

    @property
    def flows(self) -> FlowTable:
        """What has been seen so far; flows that go on are marked in the column ``open``."""
        self._check_process()
        if self.running:
            self._catch_up()
        with self._lock:
            if self._result is not None:
                return self._result
            if self.running:
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
    def ended(self) -> int:
        """Reports of flows that ended, so far."""
        return self._delivery.told

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
                self._delivery.add(flows)
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

    def _catch_up(self) -> None:
        """Read what is new, for a caller. Not in the main thread: Ctrl-C would leave the engine torn."""
        if threading.current_thread() is not threading.main_thread():
            self._read_on()
            return
        reader = threading.Thread(target=self._read_on, name="capture-read", daemon=True)
        reader.start()
        reader.join()

    def _read_on(self) -> None:
        with self._lock:
            self._advance()

    def _leave(self) -> None:
        """This is a child of the process that captures: what captures was left behind there."""
        self._elsewhere = True
        # Whoever held a lock is not here to give it back.
        self._lock = threading.RLock()
        self._done = threading.Event()
        self._done.set()
        for queue in self._delivery.waiting():
            queue.abandon()

    def _check_process(self) -> None:
        if self._elsewhere:
            raise RuntimeError("the capture runs in the process that this one is a fork of: ask it there")

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
        except ExportError as error:
            self._note_export(error)
        except Exception as error:
            self._break(error)

    def _note_export(self, error: ExportError) -> None:
        """Flow files that cannot be written now are tried again; the capture goes on."""
        # Of whichever file: a full disk is one event.
        self._log.add("error", f"flow files: {str(error).rpartition(': ')[2]}", merge=True)

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
            self._delivery.call("on_advance", self.on_advance)
        flows: list[ClosedFlow] = []
        with self._lock:
            while self.engine.closed:
                flows.append(self.engine.closed.popleft())
            waiting = self._delivery.waiting()
        if flows:
            self._delivery.flows(flows, waiting, self.on_flow)
        self._delivery.events()

    def _finish(self) -> None:
        try:
            for pump in self._pumps:
                pump.stop()
            for pump in self._pumps:
                pump.join()
            self._seconds = time.monotonic() - self._began
            self._spool.close()
        except Exception as error:
            self._log.add("error", f"the spool could not be ended: {error or type(error).__name__}")
        try:
            self._end_flows()
            # What callbacks did wrong is an event, too.
            self._delivery.events()
        finally:
            # Whatever happened: nobody may wait for ever.
            with self._lock:
                self._done.set()
                for queue in self._delivery.waiting():
                    queue.end()
            RUNNING.discard(self)

    def _end_flows(self) -> None:
        """Tell what is still open, some at a time: there may be more than memory should hold."""
        if not self._broken:
            try:
                for _ in self.engine.ending():
                    self._deliver()
            except ExportError as error:
                self._note_export(error)
            except Exception as error:
                self._break(error)
        self._deliver()

    def _told(self, flows: FlowTable) -> FlowTable:
        """The losses of the capture among the problems of the table."""
        problems = flows._evidence.info.problems
        others = [problem for problem in problems if problem.kind not in LOSSES]
        problems[:] = [*others, *self.problems]
        return flows

    # -- looks --------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        stats = self.stats
        state = f"{'running' if self.running else 'stopped'}, {stats.seconds:.0f} s, {stats.frames:,} frames"
        lost = f", {stats.lost:,} lost" if stats.lost else ""
        return one_line(f"<LiveCapture {', '.join(self.interfaces)}: {state}{lost}>")

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
