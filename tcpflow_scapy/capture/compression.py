"""Compressed captures: recognised by content, decompressed as a stream, within limits.

Contract: `Codec`. The list: `CODECS`. What is cut or damaged gives everything up to there.
"""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tcpflow_scapy.capture.limits import EXPANSION_FREE, MAX_EXPANSION
from tcpflow_scapy.capture.sniffer_compression import SnifferDecompressor, is_compressed
from tcpflow_scapy.capture.streams import ByteStream, Report
from tcpflow_scapy.errors import CaptureFormatError

INPUT = 1 << 14
"""Compressed bytes given to a decompressor at a time: what one call loses to damage is small."""

OUTPUT = 1 << 18
"""Decompressed bytes taken at a time, whatever the input would expand to."""

MEMORY_LIMIT = 1 << 29
"""Bytes that a dictionary of xz may take."""


class Decompressor(Protocol):
    """The interface of `bz2.BZ2Decompressor`, which the others share or are given."""

    eof: bool
    needs_input: bool
    unused_data: bytes | None

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most `max_length` bytes; the rest comes with further calls."""


class ZlibDecompressor:
    """zlib's gzip decoder in the common shape."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most `max_length` bytes."""
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        """The member is complete."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Nothing more comes without further input."""
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """What follows the member."""
        return self._inner.unused_data


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd  # pragma: no cover
    else:
        from backports import zstd
    return zstd.ZstdDecompressor()


def _lz4() -> Any:
    import lz4.frame

    return lz4.frame.LZ4FrameDecompressor()


def _after_skippable(head: bytes) -> bytes:
    """zstd and lz4 frames may be preceded by frames to be skipped."""
    while len(head) >= 8 and 0x50 <= head[0] <= 0x5F and head[1:4] == b"\x2a\x4d\x18":
        head = head[8 + int.from_bytes(head[4:8], "little") :]
    return head


def _is_lzma(head: bytes) -> bool:
    """The old .lzma header has no signature: usual parameters, and a size that can be."""
    dictionary = int.from_bytes(head[1:5], "little")
    size = head[5:13]
    return (
        len(head) >= 13
        and head[0] == 0x5D
        and dictionary >= 1 << 12
        and dictionary & (dictionary - 1) == 0
        and (size == b"\xff" * 8 or size[5:] == b"\0\0\0")
    )


@dataclass(frozen=True, slots=True)
class Codec:
    """One compression."""

    name: str
    recognise: Callable[[bytes], bool]
    """first bytes of a member -> is it this one"""
    new: Callable[[], Any]
    """a fresh `Decompressor`"""


CODECS: tuple[Codec, ...] = (
    Codec("gzip", lambda head: head.startswith(b"\x1f\x8b\x08"), ZlibDecompressor),
    Codec(
        "bzip2",
        lambda head: head[:3] == b"BZh" and head[3:4] in b"123456789" and len(head) > 3,
        bz2.BZ2Decompressor,
    ),
    Codec(
        "xz",
        lambda head: head.startswith(b"\xfd7zXZ\0"),
        lambda: lzma.LZMADecompressor(memlimit=MEMORY_LIMIT),
    ),
    Codec("zstd", lambda head: _after_skippable(head).startswith(b"\x28\xb5\x2f\xfd"), _zstd),
    Codec("lz4", lambda head: _after_skippable(head).startswith(b"\x04\x22\x4d\x18"), _lz4),
    Codec("Sniffer", is_compressed, SnifferDecompressor),
    # Last: it has no signature worth the name.
    Codec("lzma", _is_lzma, lambda: lzma.LZMADecompressor(memlimit=MEMORY_LIMIT)),
)


def find_codec(head: bytes) -> Codec | None:
    """The compression of data that begins so."""
    return next((codec for codec in CODECS if codec.recognise(head)), None)


class Decompression:
    """A compressed stream as another stream.

    Parameters
    ----------
    stream : ByteStream
    codec : Codec
    consumed : callable
        Bytes taken so far of the outermost stream: what the expansion is measured against.
    report : callable
        Takes what is wrong.
    name : str
        For errors.
    """

    def __init__(
        self, stream: ByteStream, codec: Codec, consumed: Callable[[], int], report: Report, name: str
    ) -> None:
        self._stream = stream
        self._codec = codec
        self._consumed = consumed
        self._report = report
        self._name = name
        self._member: Decompressor | None = None
        self._produced = 0
        self._ended = False

    def pull(self) -> bytes:
        """The next bytes, none at the end.

        Raises
        ------
        CaptureFormatError
            If the data expand beyond all reason.
        """
        while not self._ended:
            if self._member is None and not self._begin():
                break
            out = self._step()
            if out:
                self._produced += len(out)
                self._check_expansion()
                return out
        return b""

    def _begin(self) -> bool:
        """Start the next member; several may follow one another, with zeros between them."""
        head = self._stream.peek(INPUT)
        while head and not head.strip(b"\0"):
            self._stream.read()
            head = self._stream.peek(INPUT)
        zeros = len(head) - len(head.lstrip(b"\0"))
        if zeros:
            self._stream.push_back(self._stream.read()[zeros:])
            head = self._stream.peek(INPUT)
        if not self._codec.recognise(head):
            if head:
                message = f"bytes after the {self._codec.name} data are no such data and were left out"
                self._report("decompression", message, self._stream.consumed)
            self._ended = True
            return False
        self._member = self._codec.new()
        return True

    def _step(self) -> bytes:
        member = self._member
        assert member is not None
        data = b""
        if member.needs_input:
            data = self._stream.read()
            self._stream.push_back(data[INPUT:])
            data = data[:INPUT]
            if not data:
                self._end("cut_short", f"the {self._codec.name} data end early")
                return b""
        try:
            out = member.decompress(data, OUTPUT)
        except Exception as error:  # every library raises its own
            self._end("decompression", f"damaged {self._codec.name} data: {error}")
            return b""
        if member.eof:
            self._stream.push_back(member.unused_data or b"")
            self._member = None
        return out

    def _end(self, kind: str, message: str) -> None:
        self._report(kind, message, self._stream.consumed)
        self._ended = True

    def _check_expansion(self) -> None:
        if self._produced > EXPANSION_FREE and self._produced > MAX_EXPANSION * self._consumed():
            raise CaptureFormatError(
                f"{self._codec.name} data that expand more than {MAX_EXPANSION} fold are refused; "
                "decompress the file yourself if you trust it",
                path=self._name,
            )
