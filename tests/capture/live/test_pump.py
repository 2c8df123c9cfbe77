"""A pump with a made-up interface: what it does with frames, losses, and an interface that goes away."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tcpflow_scapy.capture.live.devices import NOTHING, Batch, InterfaceLost
from tcpflow_scapy.capture.live.events import EventLog
from tcpflow_scapy.capture.live.pump import FrameLimit, Pump
from tcpflow_scapy.capture.live.sections import Counters
from tcpflow_scapy.capture.live.spool import LiveSpool
from tcpflow_scapy.errors import CaptureOSError

from .records import frames, records
from .test_spool import read


class MadeTap:
    """Gives batches when told to."""

    name, linktype, snaplen, nanoseconds = "made0", 1, 262144, True

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self.waiting: list[list[bytes] | Exception] = []
        self.dropped = 0
        self.closed = False
        self._taken = 0

    def give(self, what: list[bytes] | Exception) -> None:
        self.waiting.append(what)
        os.write(self._write, b"x")

    def fileno(self) -> int:
        return self._read

    def take(self) -> Batch:
        if not self.waiting:
            return NOTHING
        os.read(self._read, 1)
        what = self.waiting.pop(0)
        if isinstance(what, Exception):
            raise what
        self._taken += len(what)
        # Long enough ago for flows to have ended, and not so long that the clock cannot be this machine's.
        return Batch(records(what, second=int(time.time()) - 600), len(what))

    def counters(self) -> Counters:
        return Counters(self._taken + self.dropped, self.dropped, 0)

    def close(self) -> None:
        self.closed = True
        os.close(self._read)
        os.close(self._write)


@pytest.fixture
def events() -> EventLog:
    return EventLog()


@pytest.fixture
def spool(tmp_path: Path, events: EventLog) -> Iterator[LiveSpool]:
    made = LiveSpool(tmp_path / "a.pcapng", events)
    yield made
    made.close()


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def kinds(events: EventLog) -> list[str]:
    return [event.kind for event in events.all()]


def test_frames_go_into_the_spool(spool: LiveSpool, events: EventLog) -> None:
    tap, told = MadeTap(), threading.Event()
    pump = Pump(tap, MadeTap, spool, events, filter="tcp", on_data=told.set)
    pump.start()
    tap.give(frames(10))
    assert told.wait(60)
    tap.give(frames(5))
    pump.stop()
    pump.join(60)
    assert not pump.running
    spool.close()
    assert read(spool.path) == frames(10) + frames(5)
    assert tap.closed
    assert kinds(events) == ["started", "stopped"]
    assert events.all()[-1].count == 15
    pump.stop()


def test_frames_that_wait_when_it_is_stopped_are_kept(spool: LiveSpool, events: EventLog) -> None:
    tap = MadeTap()
    for _ in range(50):
        tap.give(frames(20))
    pump = Pump(tap, MadeTap, spool, events)
    pump.start()
    pump.stop()
    pump.join(60)
    assert spool.frames == 1000


def test_what_the_spool_could_not_keep_is_counted(
    spool: LiveSpool, events: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    tap = MadeTap()
    monkeypatch.setattr(spool, "append", lambda data, ends: len(ends) - 1)
    pump = Pump(tap, lambda: tap, spool, events)
    pump.start()
    tap.give(frames(3))
    tap.give(frames(4))
    wait_for(lambda: pump.frames == 7)
    pump.stop()
    pump.join(60)
    assert (pump.counters.taken, pump.counters.not_kept) == (7, 2)


def test_a_limit_is_kept_to_the_frame(spool: LiveSpool, events: EventLog) -> None:
    tap, limit, ended = MadeTap(), FrameLimit(25), threading.Event()
    pump = Pump(tap, MadeTap, spool, events, limit=limit, on_end=ended.set)
    pump.start()
    for _ in range(4):
        tap.give(frames(10))
    assert ended.wait(60)
    assert (spool.frames, pump.frames, limit.reached) == (25, 25, True)
    pump.join(60)
    spool.close()
    assert read(spool.path) == (frames(10) * 3)[:25]


def test_an_interface_that_is_lost_is_opened_again(spool: LiveSpool, events: EventLog) -> None:
    first, second, refusals = MadeTap(), MadeTap(), [CaptureOSError("down"), CaptureOSError("down")]

    def reopen() -> MadeTap:
        if refusals:
            raise refusals.pop()
        return second

    pump = Pump(first, reopen, spool, events)
    pump.start()
    first.dropped = 3
    first.give(frames(4))
    wait_for(lambda: spool.frames == 4)
    first.give(InterfaceLost("The interface went down"))
    wait_for(lambda: "interface_up" in kinds(events))
    assert first.closed
    second.dropped = 2
    second.give(frames(6))
    wait_for(lambda: spool.frames == 10)
    pump.stop()
    pump.join(60)
    assert pump.counters == Counters(15, 5, 0, taken=10)
    assert events.count("kernel_drop") == 5
    [down] = [e for e in events.all() if e.kind == "interface_down"]
    [up] = [e for e in events.all() if e.kind == "interface_up"]
    assert down.message == "made0: The interface went down"
    assert down.until - down.time > 10**8
    assert up.time >= down.until


def test_rights_that_were_given_up_do_not_come_back(spool: LiveSpool, events: EventLog) -> None:
    tap, ended = MadeTap(), threading.Event()

    def refuse() -> MadeTap:
        error = CaptureOSError("no permission")
        error.errno = 1
        raise error

    pump = Pump(tap, refuse, spool, events, on_end=ended.set)
    pump.start()
    tap.give(InterfaceLost("gone"))
    assert ended.wait(60)
    assert "error" in kinds(events)


def test_it_stops_while_the_interface_is_away(spool: LiveSpool, events: EventLog) -> None:
    tap = MadeTap()

    def refuse() -> MadeTap:
        raise CaptureOSError("down")

    pump = Pump(tap, refuse, spool, events)
    pump.start()
    tap.give(InterfaceLost("gone"))
    wait_for(lambda: "interface_down" in kinds(events))
    pump.stop()
    pump.join(60)
    assert not pump.running


def test_a_failure_is_an_event(spool: LiveSpool, events: EventLog) -> None:
    tap, ended = MadeTap(), threading.Event()
    pump = Pump(tap, MadeTap, spool, events, on_end=ended.set)
    pump.start()
    tap.give(RuntimeError("boom"))
    assert ended.wait(60)
    assert [e.message for e in events.all() if e.kind == "error"] == ["capture ended: boom"]
    pump.join(60)


def test_never_begun(spool: LiveSpool, events: EventLog) -> None:
    tap = MadeTap()
    pump = Pump(tap, MadeTap, spool, events)
    pump.discard()
    pump.join()
    assert tap.closed
