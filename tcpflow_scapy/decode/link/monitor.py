"""What drivers put in front of 802.11 frames: radiotap, Prism, AVS, PPI."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .ieee80211 import wlan, wlan_padded

Array = np.ndarray[Any, np.dtype[Any]]

RADIOTAP = np.dtype([("version", "u1"), ("pad", "u1"), ("length", "<u2"), ("present", "<u4")])
PRISM = np.dtype([("code", ">u4"), ("length", ">u4")])
PPI = np.dtype([("version", "u1"), ("flags", "u1"), ("length", "<u2"), ("link_type", "<u4")])

MORE_PRESENT = 0x80000000
HAS_TIMER, HAS_FLAGS = 0x1, 0x2
DATA_PAD = 0x20
MAX_PRESENT_WORDS = 16

PRISM_SIZE = 144
AVS_MAGIC, AVS_MASK = 0x80211000, 0xFFFFF000

RADIOTAP_LABEL = Label("radiotap")
PRISM_LABEL = Label("prism")
AVS_LABEL = Label("avs")
PPI_LABEL = Label("ppi")

_U1, _U4 = np.dtype("u1"), np.dtype("<u4")


def radiotap(run: Run, items: Items) -> None:
    """Radiotap (https://www.radiotap.org): its length counts, one of its flags matters."""
    items, header = run.take(items, RADIOTAP)
    length = header["length"].astype(np.int64)
    good = (length >= RADIOTAP.itemsize) & (items.cursor + length <= items.end)
    items, header, length = run.keep(items, good, Reason.TRUNCATED_LINK, header, length)
    padded = _has_data_pad(run, items.cursor, items.cursor + length, header["present"])
    items.cursor = items.cursor + length
    run.mark(items, RADIOTAP_LABEL)
    run.forward(wlan, items.pick(~padded))
    run.forward(wlan_padded, items.pick(padded))


def _has_data_pad(run: Run, start: Array, stop: Array, present: Array) -> Array:
    """Whether the flags field says that the 802.11 header is padded."""
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
    padded: Array = there & (run.read(_U1, np.where(there, at, start)) & DATA_PAD != 0)
    return padded


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
    items.cursor = items.cursor + length
    run.mark(items, PPI_LABEL)
    run.link_type(np.minimum(header["link_type"], 0xFFFF), items)
