"""What happens to a capture besides frames: losses, interfaces that go away, files that end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tcpflow_scapy.capture.info import Problem
from tcpflow_scapy.render.escape import safe_text

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
    "not_fetched": "flows that had ended were forgotten, because nobody took them from `closed()`",
    "stopped": "capture ended on an interface; the count is of frames received",
}
"""Every kind of event and its meaning."""

LOSSES = ("kernel_drop", "interface_drop", "interface_down", "spool_full", "chain_broken", "error")
"""Kinds that mean that something may be missing: they are listed among the problems of a capture."""

MERGE_WITHIN = 10 * 1_000_000_000
"""Losses of one kind on one interface no further apart than this (ns) are one event with a sum."""

MAX_EVENTS = 10_000
"""Events kept of each kind; further ones are only counted. A capture may run for months."""


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

    def goes_on(self, message: str, now: int) -> bool:
        """Whether what happens now, in these words, is still the same."""
        return message == self.message and now - self.until <= MERGE_WITHIN

    @property
    def text(self) -> str:
        """One line with the count."""
        frames = "1 frame" if self.count == 1 else f"{self.count:,} frames"
        return f"{self.message}: {frames}" if self.count else self.message


class EventLog:
    """Events of one capture, from several threads."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._last: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()
        self._listed: Counter[str] = Counter()
        self._told = 0
        self.unlisted: Counter[str] = Counter()
        """events beyond `MAX_EVENTS`, by kind"""

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
            Add the count to the last event of this kind on this interface, if that has the same words and
            was not long ago.
        """
        now = time.time_ns()
        event = Event(now, now, interface, kind, count, message)
        with self._lock:
            number = self._last.get((kind, interface), -1)
            last = self._events[number] if number >= 0 else None
            full = self._listed[kind] >= MAX_EVENTS
            # Where no more are listed, what was lost still counts.
            if merge and last is not None and (full or last.goes_on(message, now)):
                self._events[number] = replace(last, until=now, count=last.count + count)
                return
            if full:
                self.unlisted[kind] += 1
                return
            self._listed[kind] += 1
            self._last[kind, interface] = len(self._events)
            self._events.append(event)

    def take(self) -> list[Event]:
        """Those that were recorded since the last call."""
        with self._lock:
            new = self._events[self._told :]
            self._told = len(self._events)
            return new

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
        for kind, count in sorted(self.unlisted.items()):
            if kind in LOSSES:
                found.append(Problem("more", f"{count:,} further events ({kind}) are not listed", path))
        return found

    def frame(self) -> pd.DataFrame:
        """All so far as a table: time, until, interface, kind, count, message (texts escaped)."""
        import numpy as np
        import pandas as pd

        events = self.all()
        times = np.array([(e.time, e.until) for e in events], np.int64).reshape(-1, 2)
        return pd.DataFrame(
            {
                "time": pd.to_datetime(times[:, 0], unit="ns", utc=True),
                "until": pd.to_datetime(times[:, 1], unit="ns", utc=True),
                "interface": pd.Series([safe_text(e.interface) for e in events], dtype="str"),
                "kind": pd.Categorical([e.kind for e in events], categories=list(KINDS)),
                "count": np.array([e.count for e in events], np.int64),
                "message": pd.Series([safe_text(e.message) for e in events], dtype="str"),
            }
        )


def _clock(event: Event) -> str:
    """When, to the millisecond, UTC."""

    def text(at: int) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 10**9)) + f".{at // 10**6 % 1000:03}Z"

    begin, end = text(event.time), text(event.until)
    return begin if begin == end else f"{begin} to {end}"
