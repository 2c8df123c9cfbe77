"""Moving frames from an interface into the spool, in a thread of its own."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from tcpflow_scapy.capture.live.blocks import BlockMaker
from tcpflow_scapy.capture.live.devices import TIMEOUT_MS, InterfaceLost, Tap
from tcpflow_scapy.capture.live.events import EventLog
from tcpflow_scapy.capture.live.links import LinkWatch
from tcpflow_scapy.capture.live.sections import Counters, SpoolInterface
from tcpflow_scapy.capture.live.spool import LiveSpool
from tcpflow_scapy.capture.live.waiting import readable

STATISTICS_SECONDS = 1.0
"""How often drops are asked for, and what is due by time is done."""

RECORD_STATISTICS_SECONDS = 60.0
"""How often counters are written into the spool."""

REOPEN_SECONDS = 0.5
"""How often an interface that was lost is tried again."""

REST_SECONDS = 0.01
"""Rest after a batch: the kernel's buffer takes what comes meanwhile, and larger batches cost less."""

LINGER_SECONDS = 2.5 * TIMEOUT_MS / 1000
"""What had arrived when capture is stopped is handed over by the kernel no later than this."""

LAST_DRAIN_SECONDS = 10.0
"""How long taking it may last, where more comes all the time and its clock does not tell when."""

LONGEST_WAIT = 0.5


class FrameLimit:
    """How many frames are still wanted, of all interfaces together."""

    def __init__(self, count: int | None) -> None:
        self._left = count
        self._lock = threading.Lock()

    def take(self, count: int) -> int:
        """How many of so many frames may be kept."""
        if self._left is None:
            return count
        with self._lock:
            granted = min(count, self._left)
            self._left -= granted
            return granted

    @property
    def reached(self) -> bool:
        """Whether no more are wanted."""
        return self._left is not None and self._left <= 0


class Pump:
    """Captures from one interface until it is stopped.

    Parameters
    ----------
    tap : Tap
        The open interface; owned from here on.
    reopen : callable
        Opens it again when it was lost.
    spool : LiveSpool
    events : EventLog
    filter : str
        For the spool's description of the interface.
    limit : FrameLimit, optional
    on_data : callable, optional
        Called, in the pump's thread, after something was appended to the spool.
    on_end : callable, optional
        Called when the pump has ended by itself.
    """

    def __init__(
        self,
        tap: Tap,
        reopen: Callable[[], Tap],
        spool: LiveSpool,
        events: EventLog,
        *,
        filter: str = "",
        limit: FrameLimit | None = None,
        on_data: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._reopen_tap = reopen
        self._spool, self._events = spool, events
        self._filter = filter
        self._limit = limit or FrameLimit(None)
        self._on_data, self._on_end = on_data, on_end
        self._tap: Tap | None = tap
        self.name = tap.name
        self._number = self._describe(tap)
        self._watch: LinkWatch | None = None
        with suppress(OSError):
            self._watch = LinkWatch(None if self.name == "any" else self.name)
        self._wake, self._waker = os.pipe()
        self._closing = threading.Lock()
        os.set_blocking(self._waker, False)
        self._stop_at: float | None = None
        self._stop_time = 0
        self._maker = BlockMaker()
        self._base = self._last = Counters(0, 0, 0)
        self._due = self._record_due = 0.0
        self._down = False
        self.frames = 0
        """frames taken from the interface"""
        self._not_kept = 0
        self._thread = threading.Thread(target=self._run, name=f"capture-{self.name}", daemon=True)

    def _describe(self, tap: Tap) -> int:
        return self._spool.add_interface(SpoolInterface(tap.name, tap.linktype, tap.snaplen, self._filter))

    def start(self) -> None:
        """Begin."""
        self._events.add("started", f"capturing from {self.name}", interface=self.name)
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; what the kernel has is still taken."""
        self._stop_time = time.time_ns()
        self._stop_at = time.monotonic() + LINGER_SECONDS
        with self._closing:
            if self._waker >= 0:
                with suppress(BlockingIOError):
                    os.write(self._waker, b"x")

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout)

    @property
    def running(self) -> bool:
        """Whether it still captures."""
        return self._thread.is_alive()

    @property
    def counters(self) -> Counters:
        """What the system counted so far."""
        return self._last

    def discard(self) -> None:
        """Give everything back without ever having begun."""
        self._close()

    # -- the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._ended():
                if self._tap is None:
                    self._reopen()
                    continue
                self._wait()
                self._drain()
                self._tick()
            if self._stop_at is not None:
                self._drain()
        except Exception as error:
            self._events.add("error", f"capture ended: {error or type(error).__name__}", interface=self.name)
        finally:
            self._finish()

    def _ended(self) -> bool:
        if self._limit.reached:
            return True
        return self._stop_at is not None and time.monotonic() >= self._stop_at

    def _wait(self) -> None:
        """Until frames wait, something changes, or it is time for something else."""
        doors: list[int] = [self._wake]
        assert self._tap is not None
        if self._tap.fileno() >= 0:
            doors.append(self._tap.fileno())
        if self._watch is not None:
            doors.append(self._watch.fileno())
        wait = LONGEST_WAIT
        if self._stop_at is not None:
            # Nothing to be woken for any more.
            doors.remove(self._wake)
            wait = max(0.0, self._stop_at - time.monotonic())
        ready = readable(doors, wait)
        if self._watch is not None and self._watch.fileno() in ready:
            self._note_links(self._watch)

    def _note_links(self, watch: LinkWatch) -> None:
        for change in watch.changes():
            if change.up:
                self._note_up(change.name)
            else:
                self._note_down(change.why, change.name, gone=change.gone)

    def _note_down(self, why: str, name: str, *, gone: bool = False) -> None:
        if name == self.name:
            if self._down and not gone:
                return
            self._down = True
        self._events.add("interface_down", f"{name}: {why}", interface=name)

    def _note_up(self, name: str) -> None:
        if name == self.name:
            if not self._down or self._tap is None:
                # Back for the kernel; for us it is when it could be opened again.
                return
            self._down = False
        self._events.update("interface_down", name, ended=True)
        self._events.add("interface_up", f"{name}: is back", interface=name)

    def _drain(self) -> None:
        """Everything that waits; at the end, everything that came before the wish to stop."""
        if self._tap is None:
            return
        try:
            while not self._limit.reached and (last := self._move(self._tap)):
                if self._stop_at is not None and (
                    last > self._stop_time or time.monotonic() > self._stop_at + LAST_DRAIN_SECONDS
                ):
                    return
                self._tick()
        except InterfaceLost as lost:
            self._note_down(str(lost), self.name)
            self._lose_tap()
            return
        if self._stop_at is None:
            time.sleep(REST_SECONDS)

    def _move(self, tap: Tap) -> int:
        """One batch into the spool; the time of its last frame, 0 where nothing waited."""
        batch = tap.take()
        wanted = self._limit.take(batch.frames)
        if not wanted:
            return 0
        blocks = self._maker.make(batch.records, self._number, nanoseconds=tap.nanoseconds, limit=wanted)
        self._not_kept += wanted - self._spool.append(blocks.data, blocks.ends)
        self.frames += wanted
        self._on_data()
        return blocks.last

    def _lose_tap(self) -> None:
        """Close what delivers nothing any more; its counters stay in the sum."""
        if self._tap is not None:
            self._count()
            self._base = self._last
            self._tap.close()
            self._tap = None

    def _reopen(self) -> None:
        """Wait a little, then try."""
        if self._stop_at is not None:
            self._stop_at = 0.0
            return
        doors = [self._wake, *([self._watch.fileno()] if self._watch is not None else [])]
        ready = readable(doors, REOPEN_SECONDS)
        if self._watch is not None and self._watch.fileno() in ready:
            self._note_links(self._watch)
        try:
            self._tap = self._reopen_tap()
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) == errno.EPERM:
                # Rights were given up: it can never be opened again.
                self._events.add("error", f"cannot capture again: {error}", interface=self.name)
                self._stop_at = 0.0
            self._tick()
            return
        self._number = self._describe(self._tap)
        # What the kernel said on the way here is old; where it all led to is not.
        said = {} if self._watch is None else {change.name: change for change in self._watch.changes()}
        self._note_up(self.name)
        if self.name in said and not said[self.name].up:
            self._note_down(said[self.name].why, self.name)

    def _tick(self) -> None:
        """What is due by time."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + STATISTICS_SECONDS
        self._count()
        self._spool.tick()
        if now >= self._record_due:
            if self._record_due:
                self._spool.write_statistics()
            self._record_due = now + RECORD_STATISTICS_SECONDS

    def _count(self) -> None:
        """Ask for the counters; drops are events."""
        if self._tap is None:
            return
        found, base, last = self._tap.counters(), self._base, self._last
        now = Counters(
            base.received + found.received,
            base.kernel_dropped + found.kernel_dropped,
            base.interface_dropped + found.interface_dropped,
            self.frames,
            self._not_kept,
        )
        self._last = now
        self._spool.count(self._number, now)
        lost = now.kernel_dropped - last.kernel_dropped
        if lost > 0:
            words = f"{self.name}: the kernel's buffer was full"
            self._events.add("kernel_drop", words, interface=self.name, count=lost, merge=True)
        lost = now.interface_dropped - last.interface_dropped
        if lost > 0:
            words = f"{self.name}: dropped by the interface or its driver"
            self._events.add("interface_drop", words, interface=self.name, count=lost, merge=True)

    def _finish(self) -> None:
        with suppress(Exception):
            self._count()
        self._close()
        self._events.add("stopped", f"capture from {self.name} ended", interface=self.name, count=self.frames)
        self._on_end()

    def _close(self) -> None:
        if self._tap is not None:
            self._tap.close()
            self._tap = None
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self._maker.close()
        with self._closing:
            if self._waker >= 0:
                os.close(self._wake)
                os.close(self._waker)
                self._wake = self._waker = -1
