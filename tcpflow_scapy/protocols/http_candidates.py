"""Which flows of a table may carry HTTP/1, by column: as objects, thousands of tiny flows cost far too much.

Only flows of few bytes are judged, and by what `http.carries_http` cannot do without: a version, or a method
at the beginning. All others are left to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.reassembly.columns import ranges

from .http1_lines import METHODS

if TYPE_CHECKING:
    from tcpflow_scapy.flows.flow import Flow
    from tcpflow_scapy.flows.table import FlowTable

Array = np.ndarray[Any, np.dtype[Any]]

FEW = 1 << 10
"""Captured bytes of a direction that are looked through by column."""
_AT_ONCE = 1 << 14
"""Directions whose bytes are in memory together."""

_MARK = re.compile(rb"HTTP/|(?:ICY|" + METHODS + rb") ")


def likely_http(flows: Iterable[Flow]) -> Iterable[Flow]:
    """The flows that may carry HTTP/1, in their order.

    Parameters
    ----------
    flows : FlowTable or iterable of Flow
        What is no table is given back as it is.
    """
    from tcpflow_scapy.flows.table import FlowTable

    if not isinstance(flows, FlowTable):
        return flows
    # Picked by number: a mask would have the table of all flows made.
    return FlowTable(flows._evidence, flows._index[_may_carry(flows)])


def _may_carry(flows: FlowTable) -> Array:
    """bool for each flow of the table."""
    streams = flows._streams
    captured = flows._evidence.reassembly.streams.captured[streams]
    found = captured > FEW
    few = np.flatnonzero((captured > 0) & ~found)
    for first in range(0, len(few), _AT_ONCE):
        rows = few[first : first + _AT_ONCE]
        found[rows[_marked(flows, streams[rows])]] = True
    return np.asarray(found.reshape(-1, 2).any(axis=1))


def _marked(flows: FlowTable, streams: Array) -> Array:
    """Indexes of the streams whose captured bytes, gaps left out, have a mark."""
    reassembly = flows._evidence.reassembly
    low = reassembly.streams.extent_start[streams]
    count = reassembly.streams.extent_start[streams + 1] - low
    rows = ranges(low, count)
    length = reassembly.extents.length[rows].astype(np.int64)
    # A zero before each stream, so that no mark is made of the bytes of two.
    to = np.cumsum(length) - length + np.repeat(np.arange(1, len(streams) + 1), count)
    memory = np.zeros(int(length.sum()) + len(streams) + 1, np.uint8)
    flows._evidence.store.copy(reassembly.extents.address[rows], length, memory, to)
    marks = [found.start() for found in _MARK.finditer(memory.tobytes())]
    begins = to[np.cumsum(count) - count]
    return np.unique(np.searchsorted(begins, marks, side="right") - 1)
