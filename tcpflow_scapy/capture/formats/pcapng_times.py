"""Time stamps of pcapng: 64 bits in units that every interface may choose."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME, Array

LIMIT = (1 << 63) - 1
SECOND = 1_000_000_000
FAR = LIMIT // SECOND
"""seconds beyond which ns since the epoch do not fit 64 bits"""


def nanoseconds(ticks: Array, resolution: Array, offset: Array) -> Array:
    """ns since the epoch.

    Parameters
    ----------
    ticks : uint64 array
    resolution : uint8 array
        if_tsresol of each frame.
    offset : int64 array
        if_tsoffset of each frame, seconds.

    Returns
    -------
    int64 array
        `NO_TIME` where the time does not fit 64 bits.
    """
    out = np.full(len(ticks), NO_TIME, np.int64)
    codes = np.bincount(resolution, minlength=256).nonzero()[0].tolist() if len(ticks) else []
    for code in codes:
        chosen = slice(None) if len(codes) == 1 else resolution == code
        out[chosen] = _convert(ticks[chosen], code)
    if offset.any():
        near = (offset >= -FAR) & (offset <= FAR)
        shift = np.where(near, offset, 0) * SECOND
        total = out + shift
        # Signed overflow: the sum of two values of one sign has the other.
        over = ((out ^ total) & (shift ^ total)) < 0
        out = np.where(near & ~over & (out != NO_TIME), total, NO_TIME)
    return out


def _convert(ticks: Array, code: int) -> Array:
    if code & 0x80:
        return _binary(ticks, code & 0x7F)
    if code <= 9:
        unit = np.uint64(10 ** (9 - code))
        fits = ticks <= np.uint64(LIMIT // int(unit))
        return np.where(fits, (ticks * unit).view(np.int64), NO_TIME)
    if code > 28:
        # 64 bits of such units are less than a nanosecond.
        return np.zeros(len(ticks), np.int64)
    return (ticks // np.uint64(10 ** (code - 9))).astype(np.int64)


def _binary(ticks: Array, shift: int) -> Array:
    """Units of 1/2**shift seconds."""
    if shift > 63:
        whole, part = np.zeros(len(ticks), np.uint64), ticks
    else:
        whole = ticks >> np.uint64(shift)
        part = ticks & np.uint64((1 << shift) - 1)
    if shift > 34:
        # 30 bits for the nanoseconds and 34 for the fraction are all that 64 bits hold.
        part = part >> np.uint64(min(shift - 34, 63))
        shift = 34
    fits = whole < np.uint64(FAR)
    total = np.where(fits, whole, 0) * np.uint64(SECOND) + (part * np.uint64(SECOND) >> np.uint64(shift))
    return np.where(fits, total.view(np.int64), NO_TIME)
