"""DataFrames of packets, segments, gaps and conflicts, for any selection of streams."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.decode.packets import RST, SYN
from tcpflow_scapy.flows.categories import categorical, labelled
from tcpflow_scapy.flows.summary import datetimes
from tcpflow_scapy.reassembly.columns import ranges
from tcpflow_scapy.reassembly.sequence import distances
from tcpflow_scapy.reassembly.tables import GapCause, SegmentClass

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]

FLAG_LETTERS = "FSRPAUECN"
"""One letter for each flag bit, lowest first."""


def rows_of(starts: Array, streams: Array) -> tuple[Array, Array]:
    """Rows of the given streams in a table with ``starts``, and the stream of each row."""
    if not starts[-1]:
        return np.empty(0, np.int64), streams[:0]
    lengths = starts[streams + 1] - starts[streams]
    if not lengths.all():
        # Most streams have no gap and no conflict.
        some = np.flatnonzero(lengths)
        streams, lengths = streams[some], lengths[some]
    return ranges(starts[streams], lengths), np.repeat(streams, lengths)


def directions(stream: Array) -> Any:
    """``client`` or ``server`` for each stream number."""
    return categorical((stream & 1).astype(np.int8), ["client", "server"])


def flag_names(flags: Array) -> Any:
    """Flags as letters, such as ``SA`` for SYN-ACK."""
    values, codes = np.unique(flags, return_inverse=True)
    texts = [
        "".join(letter for bit, letter in enumerate(FLAG_LETTERS) if value >> bit & 1)
        for value in values.tolist()
    ]
    return categorical(codes, texts)


def packet_offsets(evidence: Evidence, rows: Array, stream: Array) -> Array:
    """Stream offset of packets, given as positions in ``reassembly.order``."""
    found = evidence.reassembly
    packets = evidence.packets
    row = found.order[rows]
    flags = packets.flags[row]
    begin = packets.sequence[row] + ((flags & (SYN | RST)) == SYN).astype(np.uint32)
    offsets = distances(begin, found.streams.base[stream])
    skipped = found.streams.fin_skipped[stream]
    if skipped.any():
        offsets -= skipped & (offsets > found.streams.fin[stream])
    if found.unwrapped:
        mine = np.flatnonzero(np.isin(stream, list(found.unwrapped)))
        mine = mine[np.argsort(stream[mine], kind="stable")]
        for some in np.split(mine, np.flatnonzero(np.diff(stream[mine])) + 1) if len(mine) else []:
            number = int(stream[some[0]])
            offsets[some] = found.unwrapped[number][rows[some] - found.streams.packet_start[number]]
    return offsets


def packet_frame(evidence: Evidence, streams: Array, *, by_stream: bool = False) -> pd.DataFrame:
    """Every TCP segment of the given streams.

    Returns
    -------
    pandas.DataFrame
        ``flow`` int64, ``direction``, ``frame`` (1-based), ``time`` (UTC), ``seq``, ``ack`` (raw numbers),
        ``flags`` (letters), ``window`` (unscaled), ``offset`` (stream offset), ``length`` (captured payload
        bytes), ``wire_length`` (payload bytes according to the headers), ``class``.
        In order of capture, or of stream and capture with `by_stream`.
    """
    import pandas as pd

    found, packets = evidence.reassembly, evidence.packets
    rows, stream = rows_of(found.streams.packet_start, streams)
    if not by_stream:
        order = np.argsort(found.order[rows], kind="stable")
        rows, stream = rows[order], stream[order]
    row = found.order[rows]
    return pd.DataFrame(
        {
            "flow": stream.astype(np.int64) >> 1,
            "direction": directions(stream),
            "frame": packets.frame[row].astype(np.int64) + 1,
            "time": datetimes(evidence.times[row]),
            "seq": packets.sequence[row],
            "ack": packets.acknowledgment[row],
            "flags": flag_names(packets.flags[row]),
            "window": packets.window[row],
            "offset": packet_offsets(evidence, rows, stream),
            "length": packets.length[row].astype(np.int64),
            "wire_length": packets.wire_length[row].astype(np.int64),
            "class": labelled(found.segment_class[rows], SegmentClass),
        }
    )


PIECES = 1 << 16
"""Pieces of streams that are read at a time."""

FEW = 16
"""Gaps are few where they are so many times fewer than extents: then each is looked for by itself."""


def gap_frame(evidence: Evidence, streams: Array) -> pd.DataFrame:
    """Every gap of the given streams.

    Returns
    -------
    pandas.DataFrame
        ``flow``, ``direction``, ``start``, ``end`` (stream offsets, half open), ``length``, ``cause``,
        ``before_frame``, ``after_frame`` (1-based number of the frame that carried the byte before the gap,
        and the one after; missing where there is none).
    """
    import pandas as pd

    found = evidence.reassembly
    rows, stream = rows_of(found.streams.gap_start, streams)
    start, end = found.gaps.start[rows], found.gaps.end[rows]
    behind = _extents_from(evidence, stream, start)
    return pd.DataFrame(
        {
            "flow": stream.astype(np.int64) >> 1,
            "direction": directions(stream),
            "start": start,
            "end": end,
            "length": end - start,
            "cause": labelled(found.gaps.cause[rows], GapCause),
            "before_frame": _frames_of(evidence, stream, behind - 1),
            "after_frame": _frames_of(evidence, stream, behind),
        }
    )


def _extents_from(evidence: Evidence, stream: Array, offset: Array) -> Array:
    """For each stream and offset the first extent from there on; where there is none, the next stream's."""
    found = evidence.reassembly
    starts, column = found.streams.extent_start, found.extents.offset
    if len(stream) * FEW < len(column):
        return _bisect(column, starts[stream], starts[stream + 1], offset)
    # One ascending key for the extents of all streams.
    size = found.streams.size
    base = np.cumsum(size + 2) - (size + 2)
    keys = column + np.repeat(base, np.diff(starts))
    found_at: Array = np.searchsorted(keys, offset + base[stream], side="left")
    return found_at


def _bisect(column: Array, low: Array, high: Array, wanted: Array) -> Array:
    """In each range of an array that ascends there, the first row with a value not below the wanted one."""
    low, high = low.copy(), high.copy()
    searched = np.flatnonzero(low < high)
    while len(searched):
        middle = (low[searched] + high[searched]) >> 1
        below = column[middle] < wanted[searched]
        low[searched[below]] = middle[below] + 1
        high[searched[~below]] = middle[~below]
        searched = searched[low[searched] < high[searched]]
    return low


def _frames_of(evidence: Evidence, stream: Array, extent: Array) -> Any:
    """1-based number of the frame that carried each extent; missing where it is not one of the stream."""
    import pandas as pd

    found = evidence.reassembly
    starts = found.streams.extent_start
    inside = (extent >= starts[stream]) & (extent < starts[stream + 1])
    frames = np.zeros(len(stream), np.int64)
    frames[inside] = evidence.packets.frame[found.extents.packet[extent[inside]]].astype(np.int64) + 1
    return pd.arrays.IntegerArray(frames, ~inside)


def conflict_frame(evidence: Evidence, streams: Array) -> pd.DataFrame:
    """Every run of bytes that was seen with contents other than those delivered.

    Returns
    -------
    pandas.DataFrame
        ``flow``, ``direction``, ``start``, ``end`` (half open), ``length``, ``frame`` (which contradicts),
        ``delivered_frame`` (which carried the first of the bytes that are delivered), ``delivered`` and
        ``other`` (bytes: what is in the stream, what the frame said).
    """
    import pandas as pd

    found, packets = evidence.reassembly, evidence.packets
    rows, stream = rows_of(found.streams.conflict_start, streams)
    conflicts = found.conflicts
    start, end = conflicts.start[rows], conflicts.end[rows]
    packet, winner = conflicts.packet[rows], conflicts.winner[rows]
    begin = _segment_offsets(evidence, stream, packet)
    address = packets.header[packet] + packets.data_offset[packet] + start - begin
    return pd.DataFrame(
        {
            "flow": stream.astype(np.int64) >> 1,
            "direction": directions(stream),
            "start": start,
            "end": end,
            "length": end - start,
            "frame": packets.frame[packet].astype(np.int64) + 1,
            "delivered_frame": packets.frame[winner].astype(np.int64) + 1,
            "delivered": pd.Series(_delivered(evidence, stream, start, end), dtype=object),
            "other": pd.Series(_read(evidence, address, end - start), dtype=object),
        }
    )


def _segment_offsets(evidence: Evidence, stream: Array, row: Array) -> Array:
    """`segment_offset` of many."""
    found = evidence.reassembly
    starts = found.streams.packet_start
    position = _bisect(found.order, starts[stream], starts[stream + 1], row)
    return packet_offsets(evidence, position, stream)


def _read(evidence: Evidence, address: Array, length: Array) -> Array:
    """Ranges of the store as `bytes`, read in the order in which they lie there: ndarray of object."""
    out = np.empty(len(address), object)
    order = np.argsort(address)
    out[order] = evidence.store.slices(address[order].tolist(), length[order].tolist())
    return out


def _delivered(evidence: Evidence, stream: Array, start: Array, end: Array) -> list[bytes]:
    """What is in streams where something contradicts it: nothing is missing there."""
    found = evidence.reassembly
    column, starts = found.extents.offset, found.streams.extent_start
    first = _bisect(column, starts[stream], starts[stream + 1], start + 1) - 1
    count = _bisect(column, starts[stream], starts[stream + 1], end) - first
    ends = np.cumsum(count)
    parts: list[bytes] = []
    low = 0
    while low < len(stream):
        # Many may lie in many extents each.
        done = int(ends[low - 1]) if low else 0
        high = max(int(np.searchsorted(ends, done + PIECES, side="right")), low + 1)
        some = slice(low, high)
        extent = ranges(first[some], count[some])
        skip = np.maximum(np.repeat(start[some], count[some]) - column[extent], 0)
        stop = np.repeat(end[some], count[some]) - column[extent]
        size = np.minimum(stop, found.extents.length[extent].astype(np.int64)) - skip
        pieces = _read(evidence, found.extents.address[extent] + skip, size)
        if len(pieces) == high - low:
            parts += pieces.tolist()
        else:
            # Joined as one and cut again, which is quicker than joining each.
            joined, bounds = b"".join(pieces.tolist()), np.cumsum(end[some] - start[some]).tolist()
            parts += [joined[a:b] for a, b in pairwise([0, *bounds])]
        low = high
    return parts


def fragment_conflict_frame(evidence: Evidence) -> pd.DataFrame:
    """Every version of the bytes about which IP fragments disagree; see `FlowTable.fragment_conflicts`."""
    import pandas as pd

    found = evidence.packets.fragment_conflicts
    columns = ("number", "length", "frame", "delivered", "address")
    empty = np.empty(0, np.int64)
    number, length, frame, delivered, address = (
        empty if found is None else getattr(found, name) for name in columns
    )
    data = [evidence.store.read(a, n) for a, n in zip(address.tolist(), length.tolist(), strict=True)]
    return pd.DataFrame(
        {
            "conflict": number.astype(np.int64),
            "length": length.astype(np.int64),
            "frame": frame.astype(np.int64) + 1,
            "delivered": delivered.astype(bool),
            "data": pd.Series(data, dtype=object),
        }
    )


def segment_offset(evidence: Evidence, stream: int, row: int) -> int:
    """Stream offset of the first payload byte of a packet row."""
    found = evidence.reassembly
    low, high = (int(x) for x in found.streams.packet_start[stream : stream + 2])
    position = low + int(np.searchsorted(found.order[low:high], row))
    return int(packet_offsets(evidence, np.array([position]), np.array([stream]))[0])


def read_stream(evidence: Evidence, stream: int, offset: int, length: int) -> bytes:
    """Bytes of a stream, gaps as zeros; ends with the last captured byte."""
    found = evidence.reassembly
    low, high = (int(x) for x in found.streams.extent_start[stream : stream + 2])
    stop = min(offset + length, int(found.streams.end[stream]))
    if stop <= offset:
        return b""
    offsets = found.extents.offset[low:high]
    first = max(int(np.searchsorted(offsets, offset, side="right")) - 1, 0)
    last = int(np.searchsorted(offsets, stop, side="left"))
    begin = offsets[first:last]
    size = found.extents.length[low + first : low + last].astype(np.int64)
    address = found.extents.address[low + first : low + last]
    # Trim the outermost extents to the range asked for.
    cut = np.maximum(offset - begin, 0)
    size = np.minimum(begin + size, stop) - begin - cut
    keep = size > 0
    begin, size, address = begin[keep] + cut[keep], size[keep], address[keep] + cut[keep]
    chunks = evidence.store.slices(address.tolist(), size.tolist())
    if len(begin) and int(size.sum()) == stop - offset:
        return b"".join(chunks)
    parts: list[bytes] = []
    at = offset
    for place, chunk in zip(begin.tolist(), chunks, strict=True):
        if place > at:
            parts.append(bytes(place - at))
        parts.append(chunk)
        at = place + len(chunk)
    parts.append(bytes(stop - at))
    return b"".join(parts)
