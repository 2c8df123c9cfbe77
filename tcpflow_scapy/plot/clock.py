"""The time axis: UTC, seconds since a flow began, or frame numbers where the capture has no clock."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.plot.scene import Axis
from tcpflow_scapy.render.quantity import instant

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]

NO_CLOCK = "frame number (the capture has no clock)"

_UNITS = (("µs", 10**3), ("ms", 10**6), ("s", 10**9), ("h", 3600 * 10**9), ("d", 86400 * 10**9))
_UNIT_LASTS = 3
"""A unit is used up to so many of the next larger one."""


@dataclass(frozen=True)
class Clock:
    """How times become places on an axis."""

    ticking: bool
    """False: frame numbers take the place of times"""
    origin: int | None = None
    """ns since the epoch: the axis counts from here; None: UTC"""
    unit: tuple[str, int] = ("s", 10**9)
    """name and length in ns of the unit of an axis that counts from `origin`"""
    limits: tuple[float, float] | None = None
    """of the axis, so that pictures of one flow can stand below each other"""

    def at(self, time: Array, frame: Array) -> Array:
        """float64 places on the axis; NaN for a time that is not known.

        Parameters
        ----------
        time : ndarray of int64
            ns since the epoch, or `NO_TIME`.
        frame : ndarray of int
            1-based.
        """
        if not self.ticking:
            return np.asarray(frame, np.float64)
        known = time != NO_TIME
        if self.origin is None:
            return np.where(known, time.astype(np.float64), np.nan)
        # Differences that would leave int64 are taken in floating point: at 292 years it does not matter.
        exact = np.abs(time.astype(np.float64) - self.origin) < 2**62
        near = np.where(known & exact, time, self.origin) - np.int64(self.origin)
        far = time.astype(np.float64) - float(self.origin)
        return np.where(known, np.where(exact, near, far) / self.unit[1], np.nan)

    @property
    def axis(self) -> Axis:
        """The axis, labelled."""
        if not self.ticking:
            return Axis(NO_CLOCK, limits=self.limits)
        if self.origin is None:
            return Axis("time (UTC)", "utc", limits=self.limits)
        return Axis(f"time since {instant(self.origin)} ({self.unit[0]})", limits=self.limits)


def has_clock(evidence: Evidence) -> bool:
    """False where no frame has a time, or all have the same (packets carved from memory)."""
    times = evidence.frames.time
    known = times[times != NO_TIME]
    if not len(known):
        return False
    return bool(known.min() != known.max()) or (len(known) == 1 and bool(known[0]))


def calendar(evidence: Evidence, times: Array) -> Clock:
    """A clock in UTC for something with these times; frame numbers where none of them is known."""
    return Clock(has_clock(evidence) and (not len(times) or bool((times != NO_TIME).any())))


def stopwatch(evidence: Evidence, flow: int) -> Clock:
    """A clock that counts from the first packet of a flow, in a unit that suits its length."""
    connections = evidence.reassembly.connections
    start, end = int(connections.start[flow]), int(connections.end[flow])
    if start == NO_TIME or not has_clock(evidence):
        found = evidence.reassembly
        low, high = found.streams.packet_start[[2 * flow, 2 * flow + 2]].tolist()
        frame = evidence.packets.frame[found.order[low:high]]
        return Clock(False, limits=_wider(float(frame.min()) + 1, float(frame.max()) + 1))
    span = end - start
    fitting = (unit for unit, (_, larger) in pairwise(_UNITS) if span < _UNIT_LASTS * larger)
    unit = next(fitting, _UNITS[-1])
    return Clock(True, start, unit, _wider(0.0, span / unit[1]))


def _wider(low: float, high: float) -> tuple[float, float]:
    """With a margin; a single place gets room, too."""
    margin = (high - low) * 0.02 or 0.5
    return low - margin, high + margin


def nanoseconds(column: pd.Series | pd.DatetimeIndex) -> Array:
    """int64 ns since the epoch of a column of UTC times; NaT is `NO_TIME`."""
    import pandas as pd

    index = pd.DatetimeIndex(column).as_unit("ns")
    values: Array = index.asi8
    return values
