"""Writing captures: classic pcap and pcapng, as streams, with nanosecond times."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from tcpflow_scapy.capture.formats import pcapng_blocks as blocks
from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.limits import USUAL_FRAME

MAGIC_MICROSECONDS, MAGIC_NANOSECONDS = 0xA1B2C3D4, 0xA1B23C4D
SECOND = 1_000_000_000
LAST_SECOND = (1 << 32) - 1
OPT_APPLICATION = 4


class CaptureWriter:
    """Frames in, a capture file out.

    Parameters
    ----------
    target : path or binary file object
        A path is created (and an existing file replaced); a file object is left open.
    """

    def __init__(self, target: Any) -> None:
        self._own = isinstance(target, (str, os.PathLike))
        self._file: Any = open(target, "wb") if self._own else target  # noqa: SIM115

    def write(
        self,
        data: bytes | memoryview,
        time: int,
        wirelen: int | None = None,
        *,
        linktype: int | None = None,
        interface: str = "",
        comment: str = "",
    ) -> None:
        """Append one frame.

        Parameters
        ----------
        data : bytes-like
            What was captured of it.
        time : int
            ns since the epoch, or `NO_TIME`.
        wirelen : int, optional
            Bytes on the wire; at least those of `data`.
        linktype : int, optional
            LINKTYPE number.
        interface, comment : str
            Kept where the format has a place for them.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Finish; closes the file only if it was opened here."""
        if self._own:
            self._file.close()
        else:
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class PcapWriter(CaptureWriter):
    """Classic pcap, little-endian, one link type.

    Parameters
    ----------
    target : path or binary file object
    linktype : int
    nanoseconds : bool
        Write the signature of nanosecond files; microseconds are understood more widely.
    snaplen : int
    """

    def __init__(
        self, target: Any, linktype: int = 1, *, nanoseconds: bool = True, snaplen: int = USUAL_FRAME
    ) -> None:
        super().__init__(target)
        self._linktype = linktype
        self._unit = 1 if nanoseconds else 1000
        magic = MAGIC_NANOSECONDS if nanoseconds else MAGIC_MICROSECONDS
        self._file.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, snaplen, linktype))

    def write(
        self,
        data: bytes | memoryview,
        time: int,
        wirelen: int | None = None,
        *,
        linktype: int | None = None,
        interface: str = "",
        comment: str = "",
    ) -> None:
        """Append one frame. A time that has no place in 32 bits of seconds is written as zero.

        Raises
        ------
        ValueError
            If the link type is not the file's.
        """
        if linktype is not None and linktype != self._linktype:
            raise ValueError(f"link type {linktype} in a pcap file of link type {self._linktype}")
        seconds, rest = divmod(time, SECOND)
        if not 0 <= seconds <= LAST_SECOND:
            seconds = rest = 0
        size = len(data)
        wire = min(max(size if wirelen is None else wirelen, size), LAST_SECOND)
        self._file.write(struct.pack("<IIII", seconds, rest // self._unit, size, wire))
        self._file.write(data)


class PcapngWriter(CaptureWriter):
    """pcapng, little-endian, one section; an interface for every link type and name, described
    when it first occurs; times in nanoseconds.

    Parameters
    ----------
    target : path or binary file object
    application : str
        Named in the section header.
    """

    def __init__(self, target: Any, *, application: str = "tcpflow_scapy") -> None:
        super().__init__(target)
        self._interfaces: dict[tuple[int, str], int] = {}
        fixed = struct.pack("<IHHq", blocks.BYTE_ORDER_MAGIC, 1, 0, -1)
        self._block(blocks.SECTION, fixed, _options({OPT_APPLICATION: application.encode()}))

    def write(
        self,
        data: bytes | memoryview,
        time: int,
        wirelen: int | None = None,
        *,
        linktype: int | None = None,
        interface: str = "",
        comment: str = "",
    ) -> None:
        """Append one frame, of link type 1 if none is given."""
        number = self._interface(1 if linktype is None else linktype, interface)
        size = len(data)
        wire = min(max(size if wirelen is None else wirelen, size), LAST_SECOND)
        whole = wire == size or size % 4 == 0
        if time == NO_TIME and not number and whole and not comment:
            # The one block without a time; its captured length must follow from the block's.
            self._block(blocks.SIMPLE, struct.pack("<I", wire), data)
            return
        ticks = max(time, 0)
        fixed = struct.pack("<IIIII", number, ticks >> 32, ticks & LAST_SECOND, size, wire)
        options = _options({blocks.OPT_COMMENT: comment.encode()})
        self._block(blocks.ENHANCED, fixed, data, options)

    def _interface(self, linktype: int, name: str) -> int:
        number = self._interfaces.get((linktype, name))
        if number is None:
            number = self._interfaces[linktype, name] = len(self._interfaces)
            options = _options({blocks.IF_NAME: name.encode(), blocks.IF_TSRESOL: b"\x09"})
            # Snaplen 0: no limit.
            fixed = struct.pack("<HHI", linktype & 0xFFFF, 0, 0)
            self._block(blocks.INTERFACE, fixed, options)
        return number

    def _block(self, kind: int, *parts: bytes | memoryview) -> None:
        padded = [bytes(part) + bytes(-len(part) % 4) for part in parts]
        length = struct.pack("<I", 12 + sum(map(len, padded)))
        self._file.write(b"".join([struct.pack("<I", kind), length, *padded, length]))


def _options(options: dict[int, bytes]) -> bytes:
    """An option list; options without a value are left out, and so is the list if nothing stays."""
    out = b""
    for code, value in options.items():
        value = value[:0xFFFC]
        if value:
            out += struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)
    return out + bytes(4) if out else b""


def capture_writer(target: Any, linktypes: Iterable[int], *, nanoseconds: bool = True) -> CaptureWriter:
    """The plainest writer that holds frames of these link types: pcap for one, pcapng for several."""
    distinct = set(linktypes)
    if len(distinct) > 1:
        return PcapngWriter(target)
    return PcapWriter(target, *distinct, nanoseconds=nanoseconds)


__all__ = ["CaptureWriter", "PcapWriter", "PcapngWriter", "capture_writer"]
