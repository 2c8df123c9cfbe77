"""What happens to a capture besides frames: losses, interfaces that go away, files that end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tcpflow_scapy.capture.info import Problem

if TYPE_CHECKING:
    import pandas as pd

KINDS: dict[str, str] = {
    "started": "capture began on an interface",
    "kernel_drop": "frames that the kernel dropped because its buffer was full",
    "interface_drop": "frames that the interface or its driver dropped",
    "interface_down": "an interface was set down, lost its carrier or went away",
    "interface_up": "it is back; what passed in between was not seen",
    "spool_full": "the spool could not be written any more; frames from then on were not kept",
    "chain_broken": "the hash chain could not be written any more",
    "rotated": "the spool went on in a new file",
    "error": "capture on an interface ended for good, or a callback failed",
    "stopped": "capture ended on an interface; the count is of frames received",
}
"""Every kind of event and its meaning."""

LOSSES = ("kernel_drop", "interface_drop", "interface_down", "spool_full", "chain_broken", "error")
"""Kinds that mean that something may be missing: they are listed among the problems of a capture."""

MERGE_WITHIN = 10 * 1_000_000_000
"""Losses of one kind on one interface no further apart than this (ns) are one event with a sum."""

MAX_EVENTS = 10_000
"""Events kept; further ones are only counted, by kind. A capture may run for months."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened during a capture."""

    time: int
    """ns since the epoch: when it began"""
    until: int
    """ns since the epoch: when it was last seen, or ended"""
    interface: str
    """empty where it concerns no single one"""
    kind: str
    """a key of `KINDS`"""
    count: int
    """frames, where they can be counted"""
    message: str
    """in words, without the count"""

    @property
    def text(self) -> str:
        """One line with the count."""
        frames = "1 frame" if self.count == 1 else f"{self.count:,} frames"
        return f"{self.message}: {frames}" if self.count else self.message


class EventLog:
    """Events of one capture, from several threads.

    Parameters
    ----------
    listener : callable, optional
        Called with each event as it is recorded, in the thread that recorded it.
    """

    def __init__(self, listener: Callable[[Event], object] | None = None) -> None:
        self._events: list[Event] = []
        self._last: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()
        self._listener = listener
        self.unlisted = 0
        """events beyond `MAX_EVENTS`"""

    def add(
        self, kind: str, message: str, *, interface: str = "", count: int = 0, merge: bool = False
    ) -> None:
        """Record one, now.

        Parameters
        ----------
        kind : str
            A key of `KINDS`.
        message : str
        interface : str
        count : int
            Frames.
        merge : bool
            Add the count to the last event of this kind on this interface if that is not long ago.
        """
        now = time.time_ns()
        event = Event(now, now, interface, kind, count, message)
        with self._lock:
            number = self._last.get((kind, interface), -1)
            if merge and number >= 0 and now - self._events[number].until <= MERGE_WITHIN:
                last = self._events[number]
                self._events[number] = replace(last, until=now, count=last.count + count)
                return
            if len(self._events) >= MAX_EVENTS:
                self.unlisted += 1
                return
            self._last[kind, interface] = len(self._events)
            self._events.append(event)
        if self._listener is not None:
            self._listener(event)

    def update(self, kind: str, interface: str, *, count: int = 0, ended: bool = False) -> None:
        """Add to the count of the last event of a kind, or say that it is over now."""
        with self._lock:
            number = self._last.get((kind, interface), -1)
            if number < 0:
                return
            last = self._events[number]
            self._events[number] = replace(last, count=last.count + count, until=time.time_ns())
            if ended:
                del self._last[kind, interface]

    def __len__(self) -> int:
        return len(self._events)

    def all(self) -> list[Event]:
        """All so far, in order."""
        with self._lock:
            return list(self._events)

    def count(self, kind: str) -> int:
        """Frames that events of a kind speak of."""
        return sum(event.count for event in self.all() if event.kind == kind)

    def problems(self, path: str) -> list[Problem]:
        """The losses among them, for `CaptureInfo.problems`.

        Parameters
        ----------
        path : str
            Name of the capture.
        """
        found = []
        for event in self.all():
            if event.kind in LOSSES:
                found.append(Problem(event.kind, f"{_clock(event)} {event.text}", path))
        if self.unlisted:
            found.append(Problem("more", f"{self.unlisted:,} further events are not listed", path))
        return found

    def frame(self) -> pd.DataFrame:
        """All so far as a table: time, until, interface, kind, count, message."""
        import numpy as np
        import pandas as pd

        events = self.all()
        times = np.array([(e.time, e.until) for e in events], np.int64).reshape(-1, 2)
        return pd.DataFrame(
            {
                "time": pd.to_datetime(times[:, 0], unit="ns", utc=True),
                "until": pd.to_datetime(times[:, 1], unit="ns", utc=True),
                "interface": pd.Series([e.interface for e in events], dtype="str"),
                "kind": pd.Categorical([e.kind for e in events], categories=list(KINDS)),
                "count": np.array([e.count for e in events], np.int64),
                "message": pd.Series([e.message for e in events], dtype="str"),
            }
        )


def _clock(event: Event) -> str:
    """When, to the millisecond, UTC."""

    def text(at: int) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 10**9)) + f".{at // 10**6 % 1000:03}Z"

    begin, end = text(event.time), text(event.until)
    return begin if begin == end else f"{begin} to {end}"
