"""Microsoft Network Monitor 1.x ("RTSS") and 2.x ("GMBU").

A file header of 128 bytes; a table of offsets, one for each frame and not always in ascending order;
frames with a small header before them and, from 2.1 on, a trailer that carries their media type and,
from 2.3 on, their time as UTC. Before 2.3 the only absolute time is the local one in the file
header, whose zone the file does not tell: it is taken for UTC.
"""

from __future__ import annotations

import datetime
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tcpflow_scapy.capture.formats.contract import Format
from tcpflow_scapy.capture.formats.netmon_media import linktypes, without_media_header
from tcpflow_scapy.capture.frames import NO_TIME, Array, FrameBatch
from tcpflow_scapy.capture.info import Interface
from tcpflow_scapy.capture.limits import BATCH_BYTES, USUAL_FRAME
from tcpflow_scapy.capture.reading import Reading
from tcpflow_scapy.capture.windows import Window

FILE_HEADER = 128
FILETIME_EPOCH = 116_444_736_000_000_000
"""1970 in units of 100 ns since 1601"""

SIGNATURES = {1: b"RTSS", 2: b"GMBU"}

NOT_FRAMES = (0xFFFC, 0xFFFD, 0xFFFE)
"""media types of records that hold notes about the capture and have no frame number"""

HEADER_1 = np.dtype([("delta", "<u4"), ("wirelen", "<u2"), ("caplen", "<u2")])
HEADER_2 = np.dtype([("delta", "<u8"), ("wirelen", "<u4"), ("caplen", "<u4")])
TRAILER = np.dtype([("media", "<u2"), ("process", "<u4"), ("utc", "<u8"), ("zone", "u1")])
TRAILER_SIZES = {0: 0, 1: 2, 2: 6}


def _recognise(head: bytes) -> str | None:
    """By the first four bytes, of which one may be damaged, the major version and the date."""
    if len(head) < 24:
        return None
    major, (year, month) = head[5], struct.unpack_from("<HH", head, 8)
    signature = SIGNATURES.get(major, b"")
    agreeing = sum(a == b for a, b in zip(signature, head, strict=False))
    dated = 1990 <= year < 2100 and 1 <= month <= 12
    if agreeing < 3 or (agreeing == 3 and not dated):
        return None
    return f"netmon {major}.{head[4]}"


@dataclass(frozen=True, slots=True)
class Header:
    """The file header."""

    version: tuple[int, int]
    media: int
    start: int
    """ns since the epoch"""
    table: int
    """offset of the frame table"""
    count: int

    @property
    def record(self) -> np.dtype[np.void]:
        """What stands before a frame."""
        return HEADER_1 if self.version[0] == 1 else HEADER_2

    @property
    def trailer(self) -> int:
        """Bytes after a frame."""
        if self.version[0] == 1:
            return 0
        return TRAILER_SIZES.get(self.version[1], TRAILER.itemsize)


def _parse(head: bytes) -> Header:
    minor, major, media = struct.unpack_from("<BBH", head, 4)
    year, month, _weekday, day, hour, minute, second, milli = struct.unpack_from("<8H", head, 8)
    table, length = struct.unpack_from("<II", head, 24)
    try:
        moment = datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC)
        seconds = int(moment.timestamp())
        start = seconds * 1_000_000_000 + milli * 1_000_000 if abs(seconds) < 1 << 33 else 0
    except ValueError:
        start = 0
    return Header((major, minor), media, start, table, length // 4)


def _read(reading: Reading) -> Iterator[FrameBatch]:
    """All frames, in the order of the frame table."""
    head = reading.medium.read(0, FILE_HEADER)
    if len(head) < FILE_HEADER:
        reading.problems.add("cut_short", "the file ends inside the file header", offset=0, length=len(head))
        return
    header = _parse(head)
    offsets, caplens = _apart(reading, header, _frame_table(reading, header))
    for first, last, begin, end in _runs(reading, header, offsets, caplens):
        window = reading.window(begin, end - begin)
        batch = _batch(reading, header, window, offsets[first:last] - begin, caplens[first:last])
        if batch is not None:
            yield batch


def _frame_table(reading: Reading, header: Header) -> Array:
    """Offsets of all frames; of a damaged table what is there."""
    data = reading.medium.read(header.table, header.count * 4)
    if len(data) < header.count * 4:
        reading.problems.add(
            "cut_short",
            f"the table of {header.count} frames is not complete",
            offset=header.table,
            length=header.count * 4 - len(data),
        )
    if header.table < FILE_HEADER or len(data) < 4:
        return _chain(reading, header)
    return np.frombuffer(data[: len(data) & ~3], "<u4").astype(np.int64)


def _chain(reading: Reading, header: Header) -> Array:
    """Without a table: frames mostly follow one another, from the file header on."""
    offsets, at, medium = [], FILE_HEADER, reading.medium
    size = header.record.itemsize
    while at + size <= medium.size:
        caplen = int(np.frombuffer(medium.read(at, size), header.record)["caplen"][0])
        if caplen > USUAL_FRAME or at + size + caplen > medium.size or not caplen:
            break
        offsets.append(at)
        at += size + caplen + header.trailer
    return np.array(offsets, np.int64)


def _apart(reading: Reading, header: Header, offsets: Array) -> tuple[Array, Array]:
    """Offsets and captured lengths of all frames that have bytes of their own.

    A table may name the same frame a million times; that would be a million frames of 64 KiB in a
    file of 4 MB. A length that reaches into the next frame is damaged and ends there.
    """
    around = header.record.itemsize + header.trailer
    end = header.table if header.table > FILE_HEADER else reading.medium.size
    inside = (offsets >= FILE_HEADER) & (offsets + around <= reading.medium.size)
    order = np.flatnonzero(inside)
    order = order[np.argsort(offsets[order], kind="stable")]
    starts = offsets[order]
    following = np.append(starts[1:], reading.medium.size)
    if len(starts) and starts[-1] < end <= reading.medium.size:
        following[-1] = end
    room = following - starts - around
    records = reading.medium.records(starts, header.record)
    caplen, wirelen = records["caplen"].astype(np.int64), records["wirelen"].astype(np.int64)
    # Frames mostly follow one another, so the room tells which of two lengths is right.
    wrong = (caplen > room) | ((caplen != wirelen) & (wirelen == room))
    sizes = np.full(len(offsets), -1, np.int64)
    sizes[order] = np.where(wrong, np.minimum(room, USUAL_FRAME), np.minimum(caplen, USUAL_FRAME))
    good = sizes >= 0
    bad = np.flatnonzero(~good)
    if len(bad) or wrong.any():
        first = int(bad[0]) if len(bad) else int(order[wrong][0])
        reading.problems.add(
            "damaged",
            f"{len(bad)} entries of the frame table lead to no frame of their own, {int(wrong.sum())} "
            f"frames state a wrong length; the first is number {first + 1}",
            offset=header.table + 4 * first,
        )
    return offsets[good], sizes[good]


def _runs(
    reading: Reading, header: Header, offsets: Array, caplens: Array
) -> Iterator[tuple[int, int, int, int]]:
    """Consecutive frames that lie together: (first, last, begin, end of their bytes)."""
    if not len(offsets):
        return
    # Each turn back costs a window; a table in no order at all is read in the file's order.
    if int((np.diff(offsets) < 0).sum()) > 64 + reading.medium.size // BATCH_BYTES:
        reading.problems.add(
            "damaged", "the frame table is in no order: frames are numbered as they lie in the file"
        )
        order = np.argsort(offsets, kind="stable")
        offsets[:], caplens[:] = offsets[order], caplens[order]
    sizes = caplens + header.record.itemsize + header.trailer
    first = 0
    for cut in [*(np.flatnonzero(np.diff(offsets) < 0) + 1).tolist(), len(offsets)]:
        while first < cut:
            begin = int(offsets[first])
            last = first + int(np.searchsorted(offsets[first:cut], begin + BATCH_BYTES - USUAL_FRAME))
            last = max(last, first + 1)
            yield first, last, begin, int(offsets[last - 1] + sizes[last - 1])
            first = last


def _batch(
    reading: Reading, header: Header, window: Window, starts: Array, caplen: Array
) -> FrameBatch | None:
    records = window.gather(header.record, starts)
    wirelen = records["wirelen"].astype(np.int64)
    position = starts + header.record.itemsize
    media = np.full(len(starts), header.media, np.int64)
    times = _times(header, records)
    if header.trailer:
        trailers = window.gather(TRAILER, position + caplen)  # shorter ones read into padding
        media = trailers["media"].astype(np.int64)
        if header.trailer == TRAILER.itemsize:
            times = _utc(trailers["utc"])
    keep = ~np.isin(media, NOT_FRAMES)
    if not keep.any():
        return None
    position, caplen, wirelen = without_media_header(
        window, media[keep], position[keep], caplen[keep], wirelen[keep]
    )
    types = linktypes(media[keep])
    return reading.batch(
        window,
        position=position,
        caplen=caplen,
        wirelen=wirelen,
        time=times[keep],
        linktype=types,
        interface=_interfaces(reading, types),
    )


def _times(header: Header, records: Array) -> Array:
    """Start of the capture plus the frame's delta."""
    if header.version[0] == 1:
        return header.start + records["delta"].astype(np.int64) * 1_000_000
    # Microseconds that may be negative: times ten, in 64 bits, they are a signed count of 100 ns.
    ticks = (records["delta"] * np.uint64(10)).view(np.int64)
    far = (ticks > 1 << 56) | (ticks < -(1 << 56))
    times: Array = header.start + np.where(far, 0, ticks) * 100
    times[far] = NO_TIME
    return times


def _utc(filetimes: Array) -> Array:
    """FILETIME to ns since the epoch."""
    known = (filetimes > 0) & (filetimes < np.uint64(FILETIME_EPOCH + (1 << 56)))
    times: Array = np.where(known, filetimes.astype(np.int64) - FILETIME_EPOCH, 0) * 100
    times[~known] = NO_TIME
    return times


def _interfaces(reading: Reading, types: Array) -> Array:
    """One interface for each link type."""
    numbers = np.empty(len(types), np.int32)
    for linktype in np.unique(types).tolist():
        numbers[types == linktype] = reading.interface(Interface(linktype, 0))
    return numbers


NETMON = Format("netmon", _recognise, _read)
