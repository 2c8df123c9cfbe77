"""Writes pcap and pcapng files, frame by frame."""

from __future__ import annotations

import struct
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

ETHERNET, SLL2 = 1, 276
"""LINKTYPE_ numbers."""


class CaptureWriter:
    """A capture file that grows by one frame at a time.

    Parameters
    ----------
    path
        ``.pcapng`` makes pcapng, anything else classic pcap.
    snaplen
        Frames are cut there.
    nanoseconds
        Times in ns; else in us.
    big_endian
        Byte order of the file's own numbers.
    """

    def __init__(
        self,
        path: Path,
        *,
        linktype: int = ETHERNET,
        snaplen: int = 262_144,
        nanoseconds: bool = False,
        big_endian: bool = False,
    ) -> None:
        self.frames = 0
        self.snaplen = snaplen
        self._order = ">" if big_endian else "<"
        self._unit = 1 if nanoseconds else 1000
        self._pcapng = path.suffix == ".pcapng"
        self._file: BinaryIO = path.open("wb")
        self._file.write(self._section(linktype) if self._pcapng else self._header(linktype))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, frame: bytes, time: int, wirelen: int | None = None) -> int:
        """Add a frame seen at `time` (ns since the epoch); its number, from 1, comes back."""
        wirelen = len(frame) if wirelen is None else wirelen
        frame = frame[: self.snaplen]
        ticks = time // self._unit
        if self._pcapng:
            body = struct.pack(
                self._order + "5I", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), wirelen
            ) + frame.ljust((len(frame) + 3) & ~3, b"\0")
            self._file.write(self._block(6, body))
        else:
            second = 10**9 // self._unit
            record = struct.pack(self._order + "4I", ticks // second, ticks % second, len(frame), wirelen)
            self._file.write(record + frame)
        self.frames += 1
        return self.frames

    def _header(self, linktype: int) -> bytes:
        magic = 0xA1B23C4D if self._unit == 1 else 0xA1B2C3D4
        return struct.pack(self._order + "IHHiIII", magic, 2, 4, 0, 0, self.snaplen, linktype)

    def _section(self, linktype: int) -> bytes:
        section = struct.pack(self._order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
        resolution = struct.pack(self._order + "HHB3xHH", 9, 1, 9 if self._unit == 1 else 6, 0, 0)
        interface = struct.pack(self._order + "HHI", linktype, 0, self.snaplen) + resolution
        return self._block(0x0A0D0D0A, section) + self._block(1, interface)

    def _block(self, kind: int, body: bytes) -> bytes:
        total = struct.pack(self._order + "I", 12 + len(body))
        return struct.pack(self._order + "I", kind) + total + body + total
