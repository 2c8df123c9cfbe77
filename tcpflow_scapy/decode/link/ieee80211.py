"""802.11 frames without any capture header (IEEE 802.11, 9.2 and 9.3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .llc import llc

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype(
    [("control", "u1"), ("flags", "u1"), ("duration", "V2"), ("addresses", "V18"), ("sequence", "<u2")]
)
SUBFRAME = np.dtype([("addresses", "V12"), ("length", ">u2")])

TYPE_MASK, TYPE_DATA = 0x0C, 0x08
NO_DATA, QOS = 0x40, 0x80
TO_SYSTEM, FROM_SYSTEM, MORE_FRAGMENTS, PROTECTED, ORDER = 0x01, 0x02, 0x04, 0x40, 0x80
FRAGMENT_NUMBER = 0x000F
AGGREGATED = 0x80
"""In the first byte of the QoS control field: several packets in one frame (A-MSDU)"""

MAX_SUBFRAMES = 64

LABEL = Label("wlan", ethernet=True)

SNAP_START = 0xAAAA0300
VECTOR_SIZES = (0, 4, 8)
"""Of no vector, WEP's, TKIP's and CCMP's"""

_U1, _U4 = np.dtype("u1"), np.dtype(">u4")


def wlan(run: Run, items: Items) -> None:
    """Data frames go on to LLC."""
    _wlan(run, items, padded=False, swapped=False)


def wlan_padded(run: Run, items: Items) -> None:
    """The driver padded the header to a multiple of four bytes."""
    _wlan(run, items, padded=True, swapped=False)


def wlan_swapped(run: Run, items: Items) -> None:
    """The two bytes of the frame control field are in the wrong order."""
    _wlan(run, items, padded=False, swapped=True)


def _wlan(run: Run, items: Items, *, padded: bool, swapped: bool) -> None:
    # Control frames are shorter than the header of data frames.
    first, second = ("flags", "control") if swapped else ("control", "flags")
    items, _ = run.take(items, np.dtype("V2"))
    header = run.read(HEADER, items.cursor)
    good = (header[first] & TYPE_MASK == TYPE_DATA) & (header[first] & NO_DATA == 0)
    items, header = run.keep(items, good, Reason.NOT_DATA, header)
    good = items.cursor + HEADER.itemsize <= items.end
    items, header = run.keep(items, good, Reason.TRUNCATED_LINK, header)
    control, flags = header[first], header[second]
    whole = (flags & MORE_FRAGMENTS == 0) & (header["sequence"] & np.uint16(FRAGMENT_NUMBER) == 0)
    items, control, flags = run.keep(items, whole, Reason.FRAGMENT, control, flags)
    qos = control & QOS != 0
    four = flags & (TO_SYSTEM | FROM_SYSTEM) == TO_SYSTEM | FROM_SYSTEM
    at = items.cursor + HEADER.itemsize + 6 * four
    aggregated = qos & (run.read(_U1, at) & AGGREGATED != 0)
    size = HEADER.itemsize + 6 * four + 2 * qos + 4 * (qos & (flags & ORDER != 0))
    items.cursor = items.cursor + (size + 3 & ~3 if padded else size)
    run.mark(items, LABEL)
    items, aggregated = _skip_cipher(run, items, flags & PROTECTED != 0, aggregated)
    run.forward(llc, items.pick(~aggregated))
    _subframes(run, items.pick(aggregated))


def _skip_cipher(run: Run, items: Items, protected: Array, aggregated: Array) -> tuple[Items, Array]:
    """Drop what is encrypted. Some drivers decrypt, leave the flag set and the initialisation vector in."""
    if not protected.any():
        return items, aggregated
    clear = ~protected
    skip = np.zeros(len(items), np.int64)
    for size in VECTOR_SIZES:
        at = np.minimum(items.cursor + size, items.end)
        found = ~clear & (run.read(_U4, at) == SNAP_START) & (at + 8 <= items.end)
        skip[found] = size
        clear |= found
    items.cursor = items.cursor + skip
    kept: tuple[Items, Array] = run.keep(items, clear, Reason.ENCRYPTED, aggregated & ~protected)
    return kept


def _subframes(run: Run, items: Items) -> None:
    """Take an aggregate apart: addresses, length, LLC; each padded to four bytes except the last."""
    for _ in range(MAX_SUBFRAMES):
        items = items.pick(items.cursor + SUBFRAME.itemsize <= items.end)
        if not len(items):
            return
        length = run.read(SUBFRAME, items.cursor)["length"].astype(np.int64)
        start = items.cursor + SUBFRAME.itemsize
        inner = items.pick(np.arange(len(items)))
        inner.cursor = start
        inner.limit(start + length)
        run.forward(llc, inner)
        items.cursor = items.cursor + (SUBFRAME.itemsize + length + 3 & ~3)
        items = items.pick(length > 0)
    run.drop(items, Reason.TOO_DEEP)
