"""Equal intervals of time, or of frame numbers, of round length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.plot.clock import Clock
from tcpflow_scapy.render.quantity import count, duration

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]

BINS = 120
"""At most so many, where nobody says how long they shall be."""

MOST = 20_000
"""More are refused: nobody sees them, and hostile clocks span centuries."""

_SECOND = 10**9
_DAY = 86400 * _SECOND
_ROUND: tuple[int, ...] = (
    *(step * 10**power for power in range(10) for step in (1, 2, 5)),
    *(
        step * _SECOND
        for step in (10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200)
    ),
    *(step * _DAY for step in (1, 2, 7, 14, 28, 91, 182, 364, 728, 3640)),
)
"""Lengths in ns that people count in, ascending."""


@dataclass(frozen=True)
class Bins:
    """Intervals ``[first + i * width, first + (i + 1) * width)``, i from 0 to ``count - 1``."""

    ticking: bool
    """in ns since the epoch; otherwise in frame numbers"""
    first: int
    width: int
    count: int

    def of(self, time: Array, frame: Array) -> Array:
        """int64 number of the interval of each; -1 where the time is not known."""
        if not self.ticking:
            return (np.asarray(frame, np.int64) - self.first) // self.width
        known = time != NO_TIME
        at = np.where(known, time // self.width, 0) - self.first // self.width
        return np.where(known, at, -1)

    @property
    def edges(self) -> Array:
        """float64, ``count + 1`` places in ns since the epoch or in frame numbers."""
        return float(self.first) + np.arange(self.count + 1, dtype=np.float64) * float(self.width)

    @property
    def seconds(self) -> float:
        """Length in seconds; NaN for frame numbers."""
        return self.width / _SECOND if self.ticking else float("nan")

    @property
    def text(self) -> str:
        """``100 ms`` or ``50 frames``."""
        if self.ticking:
            return duration(self.seconds)
        return "frame" if self.width == 1 else f"{count(self.width)} frames"

    def index(self) -> pd.Index:
        """Begin of each interval, for a DataFrame: ``time`` (UTC) or ``frame``."""
        import pandas as pd

        steps = [self.first + i * self.width for i in range(self.count)]
        if not self.ticking:
            return pd.Index(steps, dtype=np.int64, name="frame")
        # The first interval may begin before the earliest time that ns since the epoch can say.
        whole = np.array([max(s, NO_TIME + 1) for s in steps], np.int64)
        return pd.DatetimeIndex(whole.view("datetime64[ns]"), name="time").tz_localize("UTC")

    def attrs(self) -> dict[str, Any]:
        """For ``DataFrame.attrs``: how long an interval is."""
        return {"bin_seconds": self.seconds} if self.ticking else {"bin_frames": self.width}


def make_bins(clock: Clock, time: Array, frame: Array, every: Any = None) -> Bins:
    """Intervals that hold all these.

    Parameters
    ----------
    clock : Clock
        Whether times count, or frame numbers.
    time, frame : ndarray of int64
        ns since the epoch, or `NO_TIME`; 1-based frame numbers.
    every : str, pandas.Timedelta or int, optional
        Length of an interval: a time such as ``"100ms"``, or a number of frames where the capture has no
        clock. Default: a round one that gives at most `BINS`.

    Raises
    ------
    ValueError
        If `every` is no positive length, or would give more than `MOST` intervals.
    """
    if clock.ticking:
        values = time[time != NO_TIME]
        low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
        width = _round(high - low) if every is None else _nanoseconds(every)
    else:
        low, high = (int(frame.min()), int(frame.max())) if len(frame) else (1, 1)
        low = min(low, 1)
        width = _round(high - low) if every is None else _frames(every)
    first = low // width * width if clock.ticking else low
    number = (high - first) // width + 1
    if number > MOST:
        raise ValueError(f"every={every!r} would give {number:,} intervals; at most {MOST:,} are drawn")
    return Bins(clock.ticking, first, width, number)


def _round(span: int) -> int:
    # Alignment can add one interval.
    for width in _ROUND:
        if span // width + 2 <= BINS:
            return width
    return _ROUND[-1]


def _nanoseconds(every: Any) -> int:
    import pandas as pd

    try:
        width = int(pd.Timedelta(every).as_unit("ns").value)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"every must be a length of time such as '100ms', not {every!r}") from error
    if width <= 0:
        raise ValueError(f"every must be a positive length of time, not {every!r}")
    return width


def _frames(every: Any) -> int:
    if isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1:
        raise ValueError(f"the capture has no clock: every must be a number of frames, not {every!r}")
    return int(every)
