"""From what the caller hands over to inputs: one for each capture, recognised but not yet read."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from tcpflow_scapy.capture.compression import Decompression, find_codec
from tcpflow_scapy.capture.file_bytes import FileBytes, FileMedium
from tcpflow_scapy.capture.formats import HEAD_BYTES, Format, recognise
from tcpflow_scapy.capture.formats.refused import refusal
from tcpflow_scapy.capture.limits import MAX_NESTING
from tcpflow_scapy.capture.medium import Medium, MemoryMedium, os_error, with_descriptors
from tcpflow_scapy.capture.scapy_packets import (
    is_packet,
    is_packet_list,
    is_reader,
    write_packets,
    write_reader,
)
from tcpflow_scapy.capture.spool import Spool
from tcpflow_scapy.capture.streams import ByteStream, Report, descriptor_stream, object_stream
from tcpflow_scapy.capture.writer import CaptureWriter, PcapngWriter
from tcpflow_scapy.errors import CaptureError, CaptureFormatError, CaptureOSError

ACCEPTED = (
    "a path, a list of paths, '-', a binary file object, or Scapy packets (a reader, a PacketList, "
    "any iterable of packets)"
)

Arrived = Callable[[int], None]
"""told how many more bytes of the source were taken"""


@dataclass
class Input:
    """One capture."""

    name: str
    size: int
    """bytes of the source"""
    format: Format
    format_name: str
    compression: str
    open: Callable[[Report, Arrived, Any], Medium]
    """its bytes at offsets; decompresses to a temporary file where it must, and then puts what it reads into
    the last argument (of `hashlib`)"""
    problems: list[tuple[str, str, int | None]] = field(default_factory=list)
    """found while it was recognised"""

    @property
    def work(self) -> int:
        """Bytes to be gone through, for a progress bar: compressed data are gone through twice."""
        return self.size * 2 if self.compression else self.size


def make_inputs(source: Any, arrived: Arrived) -> list[Input]:
    """Find out what was handed over.

    Raises
    ------
    TypeError
        If it is nothing that can be read.
    CaptureError
        If one of the sources is no capture or the system does not give it.
    """
    if isinstance(source, (list, tuple)) and not source:
        raise CaptureFormatError("an empty list of captures")
    if isinstance(source, (list, tuple)) and not any(map(is_packet, source[:1])):
        if not isinstance(source[0], (tuple, list)):
            return [_one(item, arrived) for item in source]
        return [_packets(source, "<packets>", arrived)]
    if _is_iterable_of_paths(source):
        first = next(iterator := iter(source), None)
        if isinstance(first, (str, os.PathLike)):
            return [_one(item, arrived) for item in chain([first], iterator)]
        return [_packets([] if first is None else chain([first], iterator), "<packets>", arrived)]
    return [_one(source, arrived)]


def _is_iterable_of_paths(source: Any) -> bool:
    """Something that can only be iterated: its first item tells what it is."""
    known = (str, os.PathLike, bytes, bytearray, memoryview)
    return (
        isinstance(source, Iterable)
        and not isinstance(source, known)
        and not hasattr(source, "read")
        and not hasattr(source, "recorder")
        and not (is_packet(source) or is_packet_list(source) or is_reader(source))
    )


def _one(source: Any, arrived: Arrived) -> Input:
    if isinstance(source, str) and source == "-":
        if sys.stdin is None:  # closed by who started this process
            raise CaptureOSError("closed", path="<stdin>")
        return _stream(sys.stdin.buffer, "<stdin>", arrived)
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        return _path(os.fsdecode(path), arrived)
    if isinstance(source, (bytes, bytearray, memoryview)):
        raise TypeError("bytes are no source: wrap them in io.BytesIO")
    if is_reader(source):
        return _spooled(
            f"<{type(source).__name__}>", arrived, lambda out, report: write_reader(source, out, report)
        )
    if is_packet(source):
        return _packets([source], "<packet>", arrived)
    if is_packet_list(source):
        return _packets(source, f"<{type(source).__name__}>", arrived)
    if hasattr(source, "recorder"):
        medium = source.recorder.medium()
        return _from_medium(medium, "<sniffed>", "scapy")
    if hasattr(source, "read"):
        return _file_object(source, arrived)
    raise TypeError(f"a source is {ACCEPTED}; not {type(source).__name__}")


def _path(path: str, arrived: Arrived) -> Input:
    descriptor = _open(path)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise os_error(IsADirectoryError(21, "is a directory, not a capture"), path)
        stream = descriptor_stream(descriptor, path)
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            # A pipe, a device, or a file of /proc: it can be read once.
            return _from_stream(stream, path, arrived)
        found = _identify(stream, path, _ignore)
    finally:
        os.close(descriptor)

    def open_medium(report: Report, arrived: Arrived, digest: Any) -> Medium:
        descriptor = _open(path)
        if not found.compression:
            return FileMedium(descriptor, path)
        try:
            original = FileBytes(with_descriptors(lambda: os.dup(descriptor)), path)
            stream = descriptor_stream(descriptor, path, digest)
            medium = _spool(stream, path, report, arrived)
            while digest is not None and stream.read():
                pass
        finally:
            os.close(descriptor)
        original.check()
        medium.original = original
        return medium

    return Input(path, status.st_size, *found.names, open_medium)


def _open(path: str) -> int:
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        return with_descriptors(lambda: os.open(path, flags))
    except (OSError, ValueError) as error:
        raise os_error(error, path) from error


def _file_object(file: Any, arrived: Arrived) -> Input:
    name = getattr(file, "name", None)
    name = name if isinstance(name, str) else f"<{type(file).__name__}>"
    if isinstance(file, io.TextIOBase):
        raise TypeError(f"{name}: open in text mode; a capture is binary")
    if isinstance(file, (io.BufferedWriter, io.FileIO)) and not file.readable():
        raise CaptureOSError("is not open for reading", path=name)
    if type(file) is io.BytesIO:
        data = file.getvalue()[file.tell() :]
        found = _identify(_memory_stream(data), name, _ignore)
        if not found.compression:
            return Input(name, len(data), *found.names, lambda *_: MemoryMedium(data, name))
    descriptor = _plain_descriptor(file)
    if descriptor is not None:
        medium = FileMedium(os.dup(descriptor), name)
        head = _memory_stream(medium.read(0, HEAD_BYTES))
        if not _identify(head, name, _ignore).compression:
            return _from_medium(medium, name)
    return _stream(file, name, arrived)


def _plain_descriptor(file: Any) -> int | None:
    """The descriptor of a regular file that stands at its beginning, if that is what this is."""
    file = getattr(file, "file", file)
    raw = getattr(file, "raw", file)
    if not isinstance(raw, io.FileIO) or sys.platform == "win32":
        return None
    try:
        if file.writable():
            file.flush()
        descriptor = raw.fileno()
        status = os.fstat(descriptor)
        plain = stat.S_ISREG(status.st_mode) and status.st_size and raw.readable() and not file.tell()
    except (OSError, ValueError):
        return None
    return descriptor if plain else None


def _memory_stream(data: bytes) -> ByteStream:
    parts = iter([data])
    return ByteStream(lambda: next(parts, b""))


def _stream(file: Any, name: str, arrived: Arrived) -> Input:
    problems: list[tuple[str, str, int | None]] = []

    def report(kind: str, message: str, offset: int | None) -> None:
        problems.append((kind, message, offset))

    out = _from_stream(object_stream(file, name, report), name, arrived)
    out.problems[:0] = problems
    return out


def _from_stream(stream: ByteStream, name: str, arrived: Arrived) -> Input:
    """Take all of a stream now: it comes only once."""
    problems: list[tuple[str, str, int | None]] = []

    def report(kind: str, message: str, offset: int | None) -> None:
        problems.append((kind, message, offset))

    found = _identify(stream, name, report)
    medium = _fill(found.stream, name, lambda count: arrived(count))
    size = stream.consumed
    # It was gone through already: as far as progress goes it is a plain file.
    return Input(name, size, *found.names, lambda *_: medium, problems)


def _from_medium(medium: Medium, name: str, format_name: str = "") -> Input:
    found = _identify(_memory_stream(medium.read(0, HEAD_BYTES)), name, _ignore)
    kind, label, compression = found.names
    return Input(name, medium.size, kind, format_name or label, compression, lambda *_: medium)


def _packets(packets: Iterable[Any], name: str, arrived: Arrived) -> Input:
    return _spooled(name, arrived, lambda out, report: write_packets(packets, out))


def _spooled(name: str, arrived: Arrived, fill: Callable[[CaptureWriter, Report], None]) -> Input:
    problems: list[tuple[str, str, int | None]] = []
    spool = Spool(name)
    try:
        with PcapngWriter(spool) as writer:
            fill(writer, lambda kind, message, offset: problems.append((kind, message, offset)))
        out = _from_medium(spool.medium(), name, "scapy")
    finally:
        spool.close()
    arrived(out.size)
    out.problems = problems
    return out


@dataclass
class Found:
    """What the beginning of a stream says."""

    format: Format
    format_name: str
    compressions: list[str]
    stream: ByteStream
    """the capture itself, decompressed"""

    @property
    def compression(self) -> str:
        """Outermost first."""
        return "+".join(self.compressions)

    @property
    def names(self) -> tuple[Format, str, str]:
        """As `Input` takes them."""
        return self.format, self.format_name, self.compression


def _ignore(kind: str, message: str, offset: int | None) -> None:
    """Problems of the beginning are met again when the whole is read."""


def _identify(stream: ByteStream, name: str, report: Report) -> Found:
    """Look through compressions at the format of a stream."""
    outer, compressions = stream, list[str]()
    while True:
        head = stream.peek(HEAD_BYTES)
        known = recognise(head)
        if known is not None:
            return Found(*known, compressions, stream)
        codec = find_codec(head)
        if codec is None or len(compressions) >= MAX_NESTING:
            raise CaptureFormatError(_complaint(head, compressions), path=name)
        compressions.append(codec.name)
        inner = Decompression(stream, codec, lambda: outer.consumed, report, name)
        stream = ByteStream(inner.pull)


def _complaint(head: bytes, compressions: list[str]) -> str:
    inside = f"inside {' inside '.join(reversed(compressions))} data: " if compressions else ""
    if not head:
        return f"{inside}nothing that can be decompressed" if inside else "empty file"
    if head.startswith(b"PK\x03\x04"):
        return f"{inside}a zip archive: extract the capture from it first"
    if find_codec(head):
        return f"{inside}compressed more than {MAX_NESTING} times"
    if known := refusal(head):
        return f"{inside}{known}"
    return f"{inside}not a known capture format (begins with {head[:8].hex(' ')})"


def _spool(stream: ByteStream, name: str, report: Report, arrived: Arrived) -> Medium:
    found = _identify(stream, name, report)
    done = 0

    def count(_length: int) -> None:
        nonlocal done
        arrived(stream.consumed - done)
        done = stream.consumed

    return _fill(found.stream, name, count)


def _fill(stream: ByteStream, name: str, arrived: Arrived) -> Medium:
    spool = Spool(name)
    try:
        spool.fill(stream, arrived)
        return spool.medium()
    finally:
        spool.close()


__all__ = ["ACCEPTED", "CaptureError", "Input", "make_inputs"]
