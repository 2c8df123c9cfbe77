"""Compressed files of the Sniffer for DOS as the uncompressed ones that they stand for.

Signature, version record and header records are plain. Behind them come blobs: two bytes of length,
negative for bytes that are stored as they are, else literals, runs and copies of earlier bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

SIGNATURE = b"TRSNIFF data    \x1a"
RECORD = 6
"""bytes in front of every record: type, length, two more"""
VERSION_END = len(SIGNATURE) + RECORD + 18
FORMAT_AT = 33
"""offset of the byte that says whether a file is compressed"""
UNCOMPRESSED = b"\x01"

HEADER_RECORDS = frozenset((6, 7, 13, 14, 15, 16, 17))
OLD_DESCRIPTION = 8
"""A header record up to version 2, a frame later"""
MAX_HEADER_RECORDS = 1_000
END = 3
"""Type of the last record"""
ATM_FRAME = 8
SHORT_ATM = 34
"""Bytes that ATM records of some versions are longer than they say: they were measured as others"""

MAX_BLOB = 1 << 16
"""Bytes that a blob may become"""


def is_compressed(head: bytes) -> bool:
    """Does a file that begins so hold blobs?"""
    return (
        head.startswith(SIGNATURE)
        and len(head) > FORMAT_AT
        and head[FORMAT_AT : FORMAT_AT + 1] != UNCOMPRESSED
    )


def is_short_atm(major: int, minor: int) -> bool:
    """Do ATM records of this version state too small a length?"""
    return major < 5 and minor >= 95


def header_records(read: Callable[[int, int], bytes], major: int) -> Iterator[tuple[int, int, int]]:
    """Type, offset of the content and its length, of each record before the frames.

    Parameters
    ----------
    read : callable
        (offset, length) -> bytes of the file.
    major : int
        Version of the file.
    """
    at = VERSION_END
    for _ in range(MAX_HEADER_RECORDS):
        head = read(at, RECORD)
        if len(head) < RECORD:
            return
        kind, length = struct.unpack_from("<HH", head)
        if kind not in HEADER_RECORDS and not (kind == OLD_DESCRIPTION and major <= 2):
            return
        yield kind, at + RECORD, length
        at += RECORD + length


def expand(blob: bytes) -> bytes:
    """The bytes that a blob stands for.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    out = bytearray()
    at = mask = flags = 0
    try:
        while at < len(blob):
            mask >>= 1
            if not mask:
                mask, flags = 0x8000, blob[at] | blob[at + 1] << 8
                at += 2
            if not flags & mask:
                out.append(blob[at])
                at += 1
                continue
            kind, low = divmod(blob[at], 16)
            at += _append(out, kind, low, blob, at + 1) + 1
            if len(out) > MAX_BLOB:
                raise ValueError("a blob that becomes too long")
    except IndexError:
        raise ValueError("a blob that ends inside a code") from None
    return bytes(out)


def _append(out: bytearray, kind: int, low: int, blob: bytes, at: int) -> int:
    """Append a run or a copy; the bytes that its code takes."""
    if kind == 0:
        out += blob[at : at + 1] * (low + 3)
        return 1 if at < len(blob) else _beyond()
    far = low + (blob[at] << 4)
    if kind == 1:
        out += blob[at + 1].to_bytes() * (far + 19)
        return 2
    distance = far + 3
    size, taken = (blob[at + 1] + 16, 2) if kind == 2 else (kind, 1)
    start = len(out) - distance
    if start < 0 or size > distance:
        raise ValueError("a copy of bytes that are not there")
    out += out[start : start + size]
    return taken


def _beyond() -> int:
    raise IndexError


class SnifferDecompressor:
    """Blobs as the records in them; see `compression.Decompressor`."""

    def __init__(self) -> None:
        self._input = bytearray()
        self._output = bytearray()
        self._begun = self._ended = False
        self._error: ValueError | None = None
        self._next = 0
        """where in the output the next record begins"""
        self._atm = 0
        """what ATM records are longer than they say"""
        self.eof = False
        self.unused_data: bytes | None = None

    @property
    def needs_input(self) -> bool:
        """Nothing more comes without further input."""
        return not self._output and self._error is None

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most `max_length` bytes."""
        self._input += data
        if not self._begun:
            self._begin()
        while self._begun and len(self._output) < max_length and not (self._ended or self._error):
            if not self._blob():
                break
        if self._error and not self._output:
            raise self._error
        out = bytes(self._output[:max_length])
        del self._output[:max_length]
        self._next -= len(out)
        if self._ended and not self._output:
            self.eof, self.unused_data = True, bytes(self._input)
        return out

    def _begin(self) -> None:
        """Everything before the blobs, as of a file that is not compressed."""
        if len(self._input) < VERSION_END:
            return
        major, minor = struct.unpack_from("<HH", self._input, len(SIGNATURE) + RECORD)
        end = VERSION_END
        for _, at, length in header_records(lambda at, n: bytes(self._input[at : at + n]), major):
            end = at + length
        if len(self._input) < end + RECORD:
            return
        self._begun = True
        self._atm = SHORT_ATM if is_short_atm(major, minor) else 0
        self._output += self._input[:FORMAT_AT] + UNCOMPRESSED + self._input[FORMAT_AT + 1 : end]
        self._next = len(self._output)
        del self._input[:end]

    def _blob(self) -> bool:
        """Take one, if it is there."""
        if len(self._input) < 2:
            return False
        (size,) = struct.unpack_from("<h", self._input)
        end = 2 + abs(size)
        if len(self._input) < end:
            return False
        blob = bytes(self._input[2:end])
        del self._input[:end]
        try:
            self._output += blob if size < 0 else expand(blob)
        except ValueError as error:
            self._error = error
        while self._next + RECORD <= len(self._output):
            kind, length = struct.unpack_from("<HH", self._output, self._next)
            self._next += RECORD + length + (self._atm if kind == ATM_FRAME else 0)
            if kind == END:
                self._ended = True
                break
        return True
