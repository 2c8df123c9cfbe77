"""Numbers for people: sizes, durations, counts, shares, instants. Unknown values become empty text."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

UNKNOWN_TIME = -(2**63)
"""how int64 columns of nanoseconds say that there is no time (numpy's NaT)"""

_SIZES = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_LONG = ((86400, 3600, ("d", "h")), (3600, 60, ("h", "min")), (60, 1, ("min", "s")))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def size(number: float | None) -> str:
    """Bytes with a decimal prefix: ``999 B``, ``1.4 kB``, ``23 MB``."""
    if number is None or not _known(number):
        return ""
    value, sign = abs(number), "-" if number < 0 else ""
    if value < 1000:
        return f"{sign}{value:.0f} B" if value == int(value) else f"{sign}{value:.1f} B"
    for unit in _SIZES[1:]:
        value /= 1000
        # 999.95 kB would round to 1000 kB.
        if value < 999.5 or unit == _SIZES[-1]:
            break
    return f"{sign}{value:.1f} {unit}" if value < 9.95 else f"{sign}{value:.0f} {unit}"


def rate(bytes_per_second: float | None) -> str:
    """Bytes a second: ``1.4 MB/s``."""
    text = size(bytes_per_second)
    return text + "/s" if text else ""


def count(number: float | None) -> str:
    """A whole number with separators: ``1,234,567``."""
    return f"{number:,.0f}" if number is not None and _known(number) else ""


def percent(part: float | None, whole: float | None) -> str:
    """A share: ``12.5 %``; never 0 % or 100 % unless it is exactly that."""
    if part is None or whole is None or not _known(part) or not _known(whole) or whole == 0:
        return ""
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "< 0.1 %"
    if 99.9 < share < 100:
        return "> 99.9 %"
    return f"{share:.0f} %" if share == int(share) else f"{share:.1f} %"


def duration(seconds: float | None) -> str:
    """A span of time in two units at most: ``120 us``, ``1.5 s``, ``3 min 20 s``, ``2 d 4 h``."""
    if seconds is None or not _known(seconds):
        return ""
    value, sign = abs(seconds), "-" if seconds < 0 else ""
    if value == 0:
        return "0 s"
    for factor, unit in ((1e9, "ns"), (1e6, "us"), (1e3, "ms"), (1.0, "s")):
        scaled = value * factor
        if scaled < (999.5 if unit != "s" else 59.95):
            digits = 1 if scaled < 9.95 or unit == "s" else 0
            return f"{sign}{scaled:.{digits}f} {unit}"
    whole = round(value)
    larger, smaller, names = next(step for step in _LONG if whole >= step[0])
    first, rest = divmod(whole, larger)
    second = rest // smaller
    return f"{sign}{first:,} {names[0]}" + (f" {second} {names[1]}" if second else "")


def instant(nanoseconds: Any) -> str:
    """A time as ISO 8601, UTC, to the millisecond: ``2023-11-14T22:13:20.000Z``.

    Parameters
    ----------
    nanoseconds : int or pandas.Timestamp or None
        Since the epoch; a Timestamp says so itself.
    """
    nanoseconds = getattr(nanoseconds, "value", nanoseconds)
    if nanoseconds is None or nanoseconds == UNKNOWN_TIME:
        return ""
    milliseconds = int(nanoseconds) // 1_000_000
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return f"{milliseconds} ms"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
