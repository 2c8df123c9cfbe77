"""What drivers put in front of 802.11 frames: radiotap, Prism, AVS, PPI."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .ieee80211 import wlan, wlan_checked, wlan_padded, wlan_padded_checked

Array = np.ndarray[Any, np.dtype[Any]]

RADIOTAP = np.dtype([("version", "u1"), ("pad", "u1"), ("length", "<u2"), ("present", "<u4")])
PRISM = np.dtype([("code", ">u4"), ("length", ">u4")])
PPI = np.dtype([("version", "u1"), ("flags", "u1"), ("length", "<u2"), ("link_type", "<u4")])

PPI_COMMON = np.dtype([("kind", "<u2"), ("length", "<u2"), ("time", "V8"), ("flags", "<u2")])
PPI_WLAN = 105
PPI_COMMON_KIND, PPI_CHECKED, PPI_BAD_CHECK = 2, 0x1, 0x4
"""The field that all of 802.11 has, which comes first, and flags in it"""

MORE_PRESENT = 0x80000000
HAS_TIMER, HAS_FLAGS = 0x1, 0x2
CHECKED, DATA_PAD, BAD_CHECK = 0x10, 0x20, 0x40
"""Flags: the frame check sequence stands at the end, the header is padded, the sequence is wrong"""
MAX_PRESENT_WORDS = 16

PRISM_SIZE = 144
AVS_MAGIC, AVS_MASK = 0x80211000, 0xFFFFF000

RADIOTAP_LABEL = Label("radiotap")
PRISM_LABEL = Label("prism")
AVS_LABEL = Label("avs")
PPI_LABEL = Label("ppi")

_U1, _U4 = np.dtype("u1"), np.dtype("<u4")


def radiotap(run: Run, items: Items) -> None:
    """Radiotap (https://www.radiotap.org): its length counts, and some of its flags."""
    items, header = run.take(items, RADIOTAP)
    length = header["length"].astype(np.int64)
    good = (length >= RADIOTAP.itemsize) & (items.cursor + length <= items.end)
    items, header, length = run.keep(items, good, Reason.TRUNCATED_LINK, header, length)
    flags = _flags(run, items.cursor, items.cursor + length, header["present"])
    items.cursor = items.cursor + length
    run.mark(items, RADIOTAP_LABEL)
    _checked(run, items, flags & CHECKED != 0, flags & BAD_CHECK != 0, flags & DATA_PAD != 0)


def _checked(run: Run, items: Items, checked: Array, bad: Array, padded: Array) -> None:
    """Go on with frames that arrived as they were sent."""
    items, checked, padded = run.keep(items, ~bad, Reason.BAD_FCS, checked, padded)
    run.forward(wlan, items.pick(~padded & ~checked))
    run.forward(wlan_checked, items.pick(~padded & checked))
    run.forward(wlan_padded, items.pick(padded & ~checked))
    run.forward(wlan_padded_checked, items.pick(padded & checked))


def _flags(run: Run, start: Array, stop: Array, present: Array) -> Array:
    """The flags field, 0 where there is none."""
    at = start + RADIOTAP.itemsize
    more = present & np.uint32(MORE_PRESENT) != 0
    for _ in range(MAX_PRESENT_WORDS):
        more &= at + 4 <= stop
        if not more.any():
            break
        word = run.read(_U4, np.where(more, at, start))
        at = at + 4 * more
        more &= word & np.uint32(MORE_PRESENT) != 0
    timer = present & np.uint32(HAS_TIMER) != 0
    aligned = start + (at - start + 7 & ~7) + 8
    at = np.where(timer, aligned, at)
    there = (present & np.uint32(HAS_FLAGS) != 0) & (at < stop)
    flags: Array = np.where(there, run.read(_U1, np.where(there, at, start)), np.uint8(0))
    return flags


def prism(run: Run, items: Items) -> None:
    """Prism header, or AVS in its place."""
    items, header = run.take(items, PRISM)
    is_avs = header["code"] & np.uint32(AVS_MASK) == AVS_MAGIC
    run.forward(avs, items.pick(is_avs))
    items = items.pick(~is_avs)
    items.cursor = items.cursor + PRISM_SIZE
    run.mark(items, PRISM_LABEL)
    run.forward(wlan, items)


def avs(run: Run, items: Items) -> None:
    """AVS header (LINKTYPE_IEEE802_11_AVS)."""
    items, header = run.take(items, PRISM)
    length = header["length"].astype(np.int64)
    good = (length >= PRISM.itemsize) & (items.cursor + length <= items.end)
    items, length = run.keep(items, good, Reason.TRUNCATED_LINK, length)
    items.cursor = items.cursor + length
    run.mark(items, AVS_LABEL)
    run.forward(wlan, items)


def ppi(run: Run, items: Items) -> None:
    """Per-packet information: fields, then a frame of the link type it names."""
    items, header = run.take(items, PPI)
    length = header["length"].astype(np.int64)
    good = (length >= PPI.itemsize) & (items.cursor + length <= items.end)
    items, header, length = run.keep(items, good, Reason.TRUNCATED_LINK, header, length)
    checked, bad = _ppi_check(run, items, header["link_type"], items.cursor + length)
    items.cursor = items.cursor + length
    run.mark(items, PPI_LABEL)
    common = checked | bad
    _checked(run, items.pick(common), checked[common], bad[common], np.zeros(int(common.sum()), bool))
    items, header = items.pick(~common), header[~common]
    run.link_type(np.minimum(header["link_type"], 0xFFFF), items)


def _ppi_check(run: Run, items: Items, link_type: Array, stop: Array) -> tuple[Array, Array]:
    """Whether an 802.11 frame ends with its check sequence, and whether that is wrong."""
    start = items.cursor + PPI.itemsize
    there = (link_type == PPI_WLAN) & (start + PPI_COMMON.itemsize <= stop)
    field = run.read(PPI_COMMON, np.where(there, start, items.cursor))
    there &= field["kind"] == PPI_COMMON_KIND
    flags = np.where(there, field["flags"], np.uint16(0))
    return flags & PPI_CHECKED != 0, flags & PPI_BAD_CHECK != 0
