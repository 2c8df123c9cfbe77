"""Searching stream data, across the borders of segments; a match never spans a gap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.flows.frames import directions
from tcpflow_scapy.flows.summary import datetimes

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]


def compile_pattern(pattern: bytes | str | re.Pattern[bytes] | re.Pattern[str]) -> re.Pattern[bytes]:
    """Plain bytes or text are looked for as they are; compiled expressions as expressions.

    Raises
    ------
    TypeError, ValueError
    """
    if isinstance(pattern, re.Pattern):
        if not pattern.pattern:
            raise ValueError("an empty pattern matches everywhere")
        if isinstance(pattern.pattern, bytes):
            return re.compile(pattern.pattern, pattern.flags)
        return re.compile(pattern.pattern.encode(), pattern.flags & ~re.UNICODE)
    if isinstance(pattern, str):
        pattern = pattern.encode()
    if not isinstance(pattern, (bytes, bytearray)):
        raise TypeError(f"pattern must be bytes, str or a compiled expression, not {type(pattern).__name__}")
    if not pattern:
        raise ValueError("an empty pattern matches everywhere")
    return re.compile(re.escape(bytes(pattern)))


def first_matches(matches: Iterator[tuple[Any, ...]], limit: int | None) -> list[tuple[Any, ...]]:
    """All of them, or the first `limit`.

    Raises
    ------
    ValueError
        If `limit` is negative.
    """
    if limit is not None and limit < 0:
        raise ValueError("limit must not be negative")
    return list(islice(matches, limit))


def contiguous_runs(evidence: Evidence, stream: int) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) of each run of a stream without a gap in it."""
    found = evidence.reassembly
    low, high = found.streams.extent_start[stream : stream + 2].tolist()
    if low == high:
        return
    offset = found.extents.offset[low:high]
    length = found.extents.length[low:high].astype(np.int64)
    chunks = evidence.store.slices(found.extents.address[low:high].tolist(), length.tolist())
    breaks = np.flatnonzero(offset[1:] != (offset + length)[:-1]) + 1
    edges = [0, *breaks.tolist(), high - low]
    for first, last in pairwise(edges):
        yield int(offset[first]), b"".join(chunks[first:last])


def _matches(
    evidence: Evidence, streams: Array, expression: re.Pattern[bytes]
) -> Iterator[tuple[int, int, bytes]]:
    """(stream, offset, match) one by one; matches of nothing are left out."""
    for stream in streams.tolist():
        for begin, data in contiguous_runs(evidence, stream):
            for match in expression.finditer(data):
                if match.end() > match.start():
                    yield stream, begin + match.start(), match.group()


def _packet_at(evidence: Evidence, stream: int, offset: int) -> int:
    """Row of the packet that carried a captured byte."""
    found = evidence.reassembly
    low, high = found.streams.extent_start[stream : stream + 2].tolist()
    index = low + int(np.searchsorted(found.extents.offset[low:high], offset, side="right")) - 1
    return int(found.extents.packet[index])


def search_streams(evidence: Evidence, streams: Array, pattern: Any, limit: int | None) -> pd.DataFrame:
    """All matches in the given streams, in their order.

    Returns
    -------
    pandas.DataFrame
        ``flow``, ``direction``, ``offset``, ``length``, ``frame``, ``time`` (of the first
        byte), ``match`` (bytes).

    Raises
    ------
    TypeError, ValueError
        If the pattern is not a pattern, or empty, or `limit` negative.
    """
    import pandas as pd

    rows = first_matches(_matches(evidence, streams, compile_pattern(pattern)), limit)
    number = np.array([r[0] for r in rows], np.int64)
    offset = np.array([r[1] for r in rows], np.int64)
    packet = np.array([_packet_at(evidence, r[0], r[1]) for r in rows], np.int64)
    return pd.DataFrame(
        {
            "flow": number >> 1,
            "direction": directions(number),
            "offset": offset,
            "length": np.array([len(r[2]) for r in rows], np.int64),
            "frame": evidence.packets.frame[packet].astype(np.int64) + 1,
            "time": datetimes(np.ascontiguousarray(evidence.times[packet])),
            "match": pd.Series([r[2] for r in rows], dtype=object),
        }
    )
