"""Lengths in IP headers that are not the segment's; the TCP checksum decides.

Network cards that cut segments leave nonsense in the field (not only 0), and some devices count the padding
of a short Ethernet frame.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tcpflow_scapy.decode.checksum import tcp_is_bad
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.run import Run

Array = np.ndarray[Any, np.dtype[Any]]

TCP_SIZE = 20

MAX_OFFLOAD = 1 << 20
"""Bytes believed to a frame beyond those captured where its IP header gives no length: twice what
today's stacks hand to a card at once."""

MIN_PAYLOAD = 46
"""Bytes of the shortest IP packet that fills an Ethernet frame (IEEE 802.3, 4.2.3.3)"""

_OFFSET = np.dtype("u1")
_OFFSET_AT = 12
_PADDING = np.dtype("V6")
_MAX_PADDING = MIN_PAYLOAD - 40


def unstated_end(items: Items) -> Array:
    """Where packets end whose header does not say: with the frame, within reason."""
    end: Array = np.minimum(items.wire, np.maximum(items.end, items.cursor + MAX_OFFLOAD))
    return end


def too_short(run: Run, segments: Items) -> Array:
    """Whether segments whose stated length holds no TCP header reach to the ends of their frames.

    Parameters
    ----------
    run : Run
    segments : Items
        The cursor stands where the TCP header would; the ends are those of the frames.

    Returns
    -------
    ndarray of bool
        True where the checksum is right for that, or was left to the network card.
    """
    wire = unstated_end(segments)
    whole = (segments.cursor + TCP_SIZE <= wire) & (segments.end >= wire)
    return whole & _is_right(run, segments, wire, whole)


def padding(run: Run, segments: Items) -> Array:
    """Bytes of zeros behind headers that are padding: those that the checksum knows nothing of.

    Parameters
    ----------
    run : Run
    segments : Items
        At their TCP headers, with their ends as stated.

    Returns
    -------
    ndarray of int64
        0 where there is none.
    """
    start = segments.cursor + _data_offset(run, segments)
    size = segments.wire - start
    maybe = (segments.end >= segments.wire) & (size > 0) & (size <= _MAX_PADDING)
    octets = (
        run.read(_PADDING, np.where(maybe, start, segments.cursor)).view(np.uint8).reshape(-1, _MAX_PADDING)
    )
    maybe &= ~((octets != 0) & (np.arange(_MAX_PADDING) < size[:, None])).any(axis=1)
    maybe &= ~_is_right(run, segments, segments.wire, maybe) & _is_right(run, segments, start, maybe)
    found: Array = np.where(maybe, size, 0)
    return found


def _data_offset(run: Run, segments: Items) -> Array:
    there = segments.cursor + TCP_SIZE <= segments.end
    offset = run.read(_OFFSET, np.where(there, segments.cursor + _OFFSET_AT, 0)) >> 4
    size: Array = np.where(there, offset.astype(np.int64) << 2, 0)
    return size


def _is_right(run: Run, segments: Items, wire: Array, asked: Array) -> Array:
    """Whether some segments, taken to end at `wire`, are whole and have a right checksum."""
    offset = _data_offset(run, segments)
    good = asked & (offset >= TCP_SIZE) & (segments.cursor + offset <= wire)
    good &= run.holds(segments.cursor, wire)
    index = np.flatnonzero(good)
    some = segments.pick(index)
    good[index] = ~tcp_is_bad(run, replace(some, end=wire[index], wire=wire[index]))
    return good
