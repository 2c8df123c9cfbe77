"""Small captures made byte by byte, and a reader that checks what every batch promises."""

from __future__ import annotations

import io
import struct
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


__all__ = ["NO_TIME", "SECOND", "START", "Frame", "Got"]
