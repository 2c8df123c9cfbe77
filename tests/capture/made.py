"""Small captures made byte by byte, and a reader that checks what every batch promises."""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tcpflow_scapy.capture import open_source
from tcpflow_scapy.capture.frames import BATCH_PADDING, NO_TIME
from tcpflow_scapy.capture.info import CaptureInfo

SECOND = 1_000_000_000
START = 1_700_000_000


@dataclass
class Frame:
    """What a frame says of itself, read or to be written."""

    data: bytes
    time: int = START * SECOND
    wirelen: int = -1
    linktype: int = 1
    interface: int = 0

    def __post_init__(self) -> None:
        if self.wirelen < 0:
            self.wirelen = len(self.data)


@dataclass
class Got:
    """Everything read from a source."""

    frames: list[Frame] = field(default_factory=list)
    info: CaptureInfo = field(default_factory=CaptureInfo)
    batches: int = 0

    @property
    def data(self) -> list[bytes]:
        return [frame.data for frame in self.frames]

    @property
    def kinds(self) -> list[str]:
        return [problem.kind for problem in self.info.problems]


def read(source: Any) -> Got:
    """Read a source; every batch must keep its promises, and the store must agree with it."""
    if isinstance(source, bytes):
        source = io.BytesIO(source)
    got = Got()
    with open_source(source) as opened:
        for batch in opened.batches():
            got.batches += 1
            assert batch.first == len(got.frames)
            assert len(batch) > 0
            assert batch.memory.dtype == np.uint8
            assert batch.memory.flags.c_contiguous
            assert int((batch.position + batch.caplen).max()) + BATCH_PADDING <= len(batch.memory)
            interfaces = np.zeros(len(batch), np.int32) if batch.interface is None else batch.interface
            columns = (batch.position, batch.caplen, batch.wirelen, batch.time, batch.linktype, interfaces)
            assert [c.dtype.name for c in columns] == ["int64"] * 4 + ["uint16", "int32"]
            assert all(len(column) == len(batch) for column in columns)
            for position, caplen, wirelen, time, linktype, interface in zip(
                *(column.tolist() for column in columns), strict=True
            ):
                data = batch.memory[position : position + caplen].tobytes()
                assert opened.store.read(batch.base + position, caplen) == data
                got.frames.append(Frame(data, time, wirelen, linktype, interface))
        assert opened.bytes_read == opened.total_bytes
        got.info = opened.info
    return got


def some_frames(count: int, *, size: int = 60, step: int = SECOND // 100) -> list[Frame]:
    """Frames of different lengths and contents."""
    return [
        Frame(bytes((i * 7 + k) & 0xFF for k in range(size + i * 3 % 11)), START * SECOND + i * step)
        for i in range(count)
    ]


def pcap(
    frames: Iterable[Frame],
    *,
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    linktype: int = 1,
    snaplen: int = 262_144,
    version: tuple[int, int] = (2, 4),
    extra: bytes = b"",
    swap: bool = False,
) -> bytes:
    """A classic pcap file; `extra` stands at the end of every record header."""
    unit = 1 if magic in (0xA1B23C4D, 0x1C0001AC) else 1000
    out = [struct.pack(order + "IHHIIII", magic, *version, 0, 0, snaplen, linktype)]
    for frame in frames:
        lengths = (len(frame.data), frame.wirelen)
        if swap:
            lengths = lengths[::-1]
        seconds, rest = divmod(frame.time, SECOND)
        out += [struct.pack(order + "IIII", seconds, rest // unit, *lengths), extra, frame.data]
    return b"".join(out)


def block(
    kind: int, body: bytes, *, order: str = "<", length: int | None = None, trailer: int | None = None
) -> bytes:
    """A pcapng block, padded; either length can be made wrong."""
    body += bytes(-len(body) % 4)
    right = len(body) + 12
    first = right if length is None else length
    last = first if trailer is None else trailer
    return struct.pack(order + "II", kind, first) + body + struct.pack(order + "I", last)


def options(*pairs: tuple[int, bytes], order: str = "<") -> bytes:
    """An option list with its end."""
    out = b"".join(
        struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in pairs
    )
    return out + bytes(4) if out else b""


def shb(order: str = "<", *pairs: tuple[int, bytes]) -> bytes:
    """A section header."""
    return block(
        0x0A0D0D0A,
        struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options(*pairs, order=order),
        order=order,
    )


def idb(linktype: int = 1, snaplen: int = 0, *pairs: tuple[int, bytes], order: str = "<") -> bytes:
    """An interface description."""
    return block(
        1, struct.pack(order + "HHI", linktype, 0, snaplen) + options(*pairs, order=order), order=order
    )


def epb(
    frame: Frame,
    interface: int = 0,
    *pairs: tuple[int, bytes],
    order: str = "<",
    ticks: int | None = None,
    caplen: int | None = None,
    **lengths: int,
) -> bytes:
    """An enhanced packet block, in microseconds."""
    ticks = frame.time // 1000 if ticks is None else ticks
    caplen = len(frame.data) if caplen is None else caplen
    fixed = struct.pack(order + "5I", interface, ticks >> 32, ticks & 0xFFFFFFFF, caplen, frame.wirelen)
    body = fixed + frame.data + bytes(-len(frame.data) % 4) + options(*pairs, order=order)
    return block(6, body, order=order, **lengths)


def spb(frame: Frame, order: str = "<") -> bytes:
    """A simple packet block."""
    return block(3, struct.pack(order + "I", frame.wirelen) + frame.data, order=order)


def pcapng(frames: Iterable[Frame], *, order: str = "<", linktype: int = 1) -> bytes:
    """One section, one interface."""
    return b"".join([shb(order), idb(linktype, order=order), *(epb(f, order=order) for f in frames)])


def snoop(frames: Iterable[Frame], *, code: int = 4, padding: int = 0) -> bytes:
    """A snoop file; records are padded to four bytes and by `padding` more."""
    out = [b"snoop\0\0\0", struct.pack(">II", 2, code)]
    for frame in frames:
        size = len(frame.data)
        length = 24 + size + (-size % 4) + padding
        seconds, rest = divmod(frame.time, SECOND)
        out.append(struct.pack(">6I", frame.wirelen, size, length, 0, seconds, rest // 1000))
        out.append(frame.data + bytes(length - 24 - size))
    return b"".join(out)


def netmon(
    frames: Sequence[Frame],
    *,
    version: tuple[int, int] = (2, 1),
    media: int | Sequence[int] = 1,
    table: Sequence[int] | None = None,
) -> bytes:
    """A Network Monitor file that began at `START`; `table` picks and orders the frame table."""
    medias = [media] * len(frames) if isinstance(media, int) else list(media)
    out, offsets = bytearray(128), []
    for frame, kind in zip(frames, medias, strict=True):
        offsets.append(len(out))
        delta = frame.time - START * SECOND
        if version[0] == 1:
            out += struct.pack("<IHH", delta // 1_000_000, frame.wirelen, len(frame.data)) + frame.data
            continue
        # The quirk of the format: microseconds, signed once they are multiplied by ten.
        ticks = (delta // 100) % (1 << 64)
        micros = ticks // 10 if ticks < 1 << 63 else -(-ticks // 10)
        out += struct.pack("<QII", micros, frame.wirelen, len(frame.data)) + frame.data
        filetime = frame.time // 100 + 116_444_736_000_000_000
        trailer = struct.pack("<HIQB", kind, 0, filetime, 0)
        out += trailer[: {0: 0, 1: 2, 2: 6}.get(version[1], 15)]
    entries = [
        offsets[i] if i < len(offsets) else i for i in (range(len(offsets)) if table is None else table)
    ]
    where = len(out)
    out += struct.pack(f"<{len(entries)}I", *entries)
    # 2023-11-14 22:13:20, a Tuesday: START
    header = (b"RTSS" if version[0] == 1 else b"GMBU") + bytes([version[1], version[0]])
    header += struct.pack(
        "<H8HII", medias[0] if medias else 1, 2023, 11, 2, 14, 22, 13, 20, 0, where, 4 * len(entries)
    )
    out[: len(header)] = header
    return bytes(out)


def erf(
    frames: Iterable[Frame],
    *,
    kind: int = 2,
    flags: int = 4,
    lost: int = 0,
    extensions: Sequence[bytes] = (),
    before: bytes | None = None,
) -> bytes:
    """An ERF file of records of one kind, padded to eight bytes.

    `before` is what stands in front of the frame: an Ethernet record's two bytes unless given.
    """
    front = (bytes(2) if kind in (2, 11, 16, 20) else b"") if before is None else before
    chain = b"".join(extensions)
    out = []
    for frame in frames:
        seconds, rest = divmod(frame.time, SECOND)
        body = chain + front + frame.data
        body += bytes(-len(body) % 8)
        ticks = seconds << 32 | ((rest << 32) + SECOND // 2) // SECOND
        more = 0x80 if extensions else 0
        out.append(struct.pack("<Q", ticks))
        out.append(struct.pack(">BBHHH", kind | more, flags, 16 + len(body), lost, frame.wirelen) + body)
    return b"".join(out)


def netxray(
    frames: Iterable[Frame],
    *,
    version: bytes = b"002.000",
    network: int = 0,
    pod: int = 0,
    trailer: bytes = b"",
    turn: int = 0,
) -> bytes:
    """A NetXRay file that began at `START`, in microseconds; with `turn` a ring that begins there."""
    records = []
    for frame in frames:
        size = len(frame.data) + len(trailer)
        wirelen = frame.wirelen + len(trailer)
        ticks = frame.time // 1000 - START * 1_000_000
        mark = b"\xff\xff" if trailer else bytes(2)
        rest = bytes(16) if version < b"002" else bytes(2) + mark + bytes(24)
        records.append(struct.pack("<QHH", ticks, wirelen, size) + rest + frame.data + trailer)
    records = records[len(records) - turn :] + records[: len(records) - turn]
    begin = end = 128 + sum(map(len, records[:turn]))
    if turn:
        records[turn - 1] += bytes(50)  # what is left of an older record
        begin += 50
    else:
        begin, end = 128, 128 + sum(map(len, records))
    head = (
        b"XCP\0" + version.ljust(8, b"\0") + struct.pack("<8I", START, len(records), 0, begin, end, 0, 0, 0)
    )
    head += struct.pack("<BB2xIQ", network, 0, 0, 0)
    head = head.ljust(84, b"\0") + bytes([pod])
    return head.ljust(128, b"\0") + b"".join(records)


def sniffer(
    frames: Iterable[Frame],
    *,
    network: int = 1,
    kind: int = 4,
    before: bytes = b"",
    records: bytes = b"",
    version: tuple[int, int] = (4, 0),
    compress: bool = False,
) -> bytes:
    """A file of the Sniffer for DOS, in microseconds since the midnight before `START`."""
    days = (START - 315_532_800) // 86_400
    day = time.gmtime(START)
    date = day.tm_year - 1980 << 9 | day.tm_mon << 5 | day.tm_mday
    midnight = 315_532_800 + days * 86_400
    form = 0 if compress else 1
    head = b"TRSNIFF data    \x1a" + struct.pack("<HHH", 1, 18, 0)
    head += struct.pack("<4H4B2B2H", *version, 0, date, 4, network, form, 5, 0, 0, 0, 0) + records
    out = []
    for frame in frames:
        ticks = frame.time // 1000 - midnight * 1_000_000
        days, ticks = divmod(ticks, 86_400_000_000)
        size = len(frame.data)
        body = struct.pack("<IBBH2BHH", ticks & 0xFFFF_FFFF, ticks >> 32, days, size, 0, 0, frame.wirelen, 0)
        body += before + frame.data
        out.append(struct.pack("<HHH", kind, len(body), 0) + body)
    data = b"".join(out) + struct.pack("<HHH", 3, 0, 0)
    return head + (blobs(data) if compress else data)


def blobs(data: bytes, size: int = 4_000) -> bytes:
    """The Sniffer's compression: runs, copies, literals; every third blob is stored."""
    out = b""
    for number, at in enumerate(range(0, len(data), size)):
        part = data[at : at + size]
        packed = _packed(part)
        stored = number % 3 == 2
        out += struct.pack("<h", -len(part)) + part if stored else struct.pack("<h", len(packed)) + packed
    return out


def _packed(data: bytes) -> bytes:
    items: list[bytes] = []
    coded: list[bool] = []
    at = 0
    while at < len(data):
        run = len(data[at:]) - len(data[at:].lstrip(data[at : at + 1]))
        code, taken = b"", 1
        if run >= 19:
            taken = min(run, 4_000)
            code = bytes([0x10 | taken - 19 & 15, taken - 19 >> 4, data[at]])
        elif run >= 3:
            taken = min(run, 18)
            code = bytes([taken - 3, data[at]])
        else:
            for length in (40, 15, 3):
                found = data.rfind(data[at : at + length], max(0, at - 4_000), at)
                far = at - found - 3
                if found >= 0 and far >= 0 and length <= at - found and at + length <= len(data):
                    kind = 2 if length > 15 else length
                    code = bytes([kind << 4 | far & 15, far >> 4]) + (
                        bytes([length - 16]) if kind == 2 else b""
                    )
                    taken = length
                    break
        items.append(code or data[at : at + 1])
        coded.append(bool(code))
        at += taken
    out = b""
    for first in range(0, len(items), 16):
        flags = sum(0x8000 >> i for i, is_code in enumerate(coded[first : first + 16]) if is_code)
        out += struct.pack("<H", flags) + b"".join(items[first : first + 16])
    return out


def nettl(
    frames: Iterable[Frame],
    *,
    subsystem: int = 210,
    kind: int = 0x2000_0000,
    size: int = 68,
    before: bytes = b"",
) -> bytes:
    """A trace of HP-UX."""
    out = [bytes.fromhex("545200640000000000000080").ljust(128, b"\0")]
    for frame in frames:
        seconds, rest = divmod(frame.time, SECOND)
        caplen = len(before) + len(frame.data)
        wirelen = len(before) + frame.wirelen
        head = struct.pack(
            ">HHI4xI16x4I", size, subsystem, 0xFFFF_FFFF, kind, caplen, wirelen, seconds, rest // 1000
        )
        out.append(head.ljust(size, b"\0") + before + frame.data)
    return b"".join(out)


def iptrace(
    frames: Iterable[Frame],
    *,
    version: int = 2,
    kind: int = 6,
    name: bytes = b"en",
    unit: int = 0,
    before: bytes = b"",
) -> bytes:
    """A trace of AIX."""
    out = [b"iptrace %d.0" % version]
    for frame in frames:
        seconds, rest = divmod(frame.time, SECOND)
        info = struct.pack(">3xB4s12xBB", unit, name, kind, 0)
        if version == 2:
            info += struct.pack(">2xII", seconds, rest)
        data = before + frame.data
        out.append(struct.pack(">II", len(info) + len(data), seconds) + info + data)
    return b"".join(out)


__all__ = ["NO_TIME", "SECOND", "START", "Frame", "Got"]
