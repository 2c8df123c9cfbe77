"""The decompression libraries, each behind the same small generator.

Coded pieces in, decoded pieces of bounded size out. A generator adds words to `problems`, raises `Corrupt`
where the input is damaged (after everything that could be read before the damage), and simply ends where
the coded data end. The libraries lose the output of the call in which they notice damage; here it is
won back by feeding the last bytes again in the smallest steps.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from importlib import import_module
from typing import Any


def _first_of(*names: str) -> Any:
    """The first of some modules that is installed."""
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


brotli: Any = _first_of("brotli")
"""None without the extra [http]"""
zstd: Any = _first_of("compression.zstd", "backports.zstd")

OUT = 1 << 18
"""Most bytes asked of a library at once."""
FIRST_SLICE, MOST_SLICE = 1 << 9, 1 << 16
"""Bytes fed at once. A small first slice keeps a body of very many tiny gzip members linear, because each
member's end gives the rest of its slice back as a copy."""
MEMBERS = 100_000
"""gzip members or zstd frames of one body."""
REPLAY = 8 << 20
"""Brotli has no way back: so much of its input is kept to be fed again."""
ZSTD_WINDOW_LOG = 27
"""Largest zstd window: 128 MiB of memory (RFC 9659 allows senders 8 MiB)."""


class Corrupt(Exception):
    """The coded data are damaged."""

    def __init__(self, word: str = "coding_corrupt") -> None:
        super().__init__(word)
        self.word = word


def inflate_pieces(source: Iterator[bytes], problems: set[str], wbits: int) -> Iterator[bytes]:
    """Undo gzip (wbits 31, any number of members), zlib (15) or raw deflate (-15)."""
    members = 0
    decoder: Any = None
    rest = b""
    step = FIRST_SLICE
    for data in source:
        data = rest + data if rest else data
        rest = b""
        at = 0
        while at < len(data):
            if decoder is None:
                if members and not _another(data, at, wbits):
                    if len(data) - at < 3 and wbits == 31 and b"\x1f\x8b".startswith(data[at:]):
                        rest = data[at:]
                        break
                    yield from _end(data, at, source, problems)
                    return
                members += 1
                if members > MEMBERS:
                    raise Corrupt("size_limit")
                decoder, step = zlib.decompressobj(wbits), FIRST_SLICE
            piece = data[at : at + step]
            yield from _inflate(decoder, piece)
            at += len(piece)
            step = min(step * 2, MOST_SLICE)
            if decoder.eof:
                at -= len(decoder.unused_data)
                decoder = None
    if decoder is not None:
        problems.add("coding_cut_short")
    if rest:
        problems.add("trailing_bytes")


def _another(data: bytes, at: int, wbits: int) -> bool:
    return wbits == 31 and data[at : at + 3] == b"\x1f\x8b\x08"


def _end(data: bytes, at: int, source: Iterator[bytes], problems: set[str]) -> Iterator[bytes]:
    """After the last member: zeros are padding, anything else is worth a word."""
    while not data[at:].strip(b"\0"):
        following = next(source, None)
        if following is None:
            return
        data, at = following, 0
    problems.add("trailing_bytes")
    yield b""


def _inflate(decoder: Any, data: bytes) -> Iterator[bytes]:
    while True:
        before = decoder.copy()
        try:
            out = decoder.decompress(data, OUT)
        except zlib.error as error:
            yield from _inflate_bytewise(before, data)
            checksum = "data check" in str(error) or "length check" in str(error)
            raise Corrupt("bad_checksum" if checksum else "coding_corrupt") from None
        if out:
            yield out
        data = decoder.unconsumed_tail
        if decoder.eof or (not data and len(out) < OUT):
            return


def _inflate_bytewise(decoder: Any, data: bytes) -> Iterator[bytes]:
    collected = []
    try:
        for i in range(len(data)):
            collected.append(decoder.decompress(data[i : i + 1]))
            if len(collected) >= 4096:
                yield b"".join(collected)
                collected.clear()
    except zlib.error:
        pass
    yield b"".join(collected)


def zstd_pieces(source: Iterator[bytes], problems: set[str]) -> Iterator[bytes]:
    """Undo zstd, any number of frames."""
    options = {zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG}
    frames = 0
    decoder: Any = None
    step = FIRST_SLICE
    for data in source:
        at = 0
        while at < len(data):
            if decoder is None:
                frames += 1
                if frames > MEMBERS:
                    raise Corrupt("size_limit")
                decoder, step = zstd.ZstdDecompressor(options=options), FIRST_SLICE
                begun = False
            piece = data[at : at + step]
            try:
                while True:
                    out = decoder.decompress(piece, OUT)
                    begun = True
                    piece = b""
                    if out:
                        yield out
                    if decoder.eof or decoder.needs_input:
                        break
            except zstd.ZstdError:
                if frames > 1 and not begun:
                    yield from _end(data, at, source, problems)
                    return
                raise Corrupt from None
            at = min(at + step, len(data))
            step = min(step * 2, MOST_SLICE >> 3)
            if decoder.eof:
                at -= len(decoder.unused_data)
                decoder = None
    if decoder is not None:
        problems.add("coding_cut_short")


def brotli_pieces(source: Iterator[bytes], problems: set[str]) -> Iterator[bytes]:
    """Undo brotli. Its library refuses bytes after the end, together with the last bytes before it."""
    decoder = brotli.Decompressor()
    kept: list[bytes] = []
    size = 0
    for data in source:
        for at in range(0, len(data), MOST_SLICE >> 2):
            piece = data[at : at + (MOST_SLICE >> 2)]
            if decoder.is_finished():
                yield from _end(piece, 0, source, problems)
                return
            try:
                yield from _brotli(decoder, piece)
            except brotli.error:
                ended = False
                if size <= REPLAY:
                    ended = yield from _brotli_again(kept, piece)
                if not ended:
                    raise Corrupt from None
                problems.add("trailing_bytes")
                return
            size += len(piece)
            if size <= REPLAY:
                kept.append(piece)
            else:
                kept.clear()
    if not decoder.is_finished():
        problems.add("coding_cut_short")


def _brotli(decoder: Any, piece: bytes) -> Iterator[bytes]:
    while True:
        out = decoder.process(piece, output_buffer_limit=OUT)
        if out:
            yield out
        if decoder.is_finished() or decoder.can_accept_more_data():
            return
        piece = b""


def _brotli_again(kept: list[bytes], last: bytes) -> Generator[bytes, None, bool]:
    """Feed everything again, the slice that failed byte by byte; True if the data ended inside it."""
    decoder = brotli.Decompressor()
    for piece in kept:
        for _ in _brotli(decoder, piece):
            pass
    collected: list[bytes] = []
    ended = False
    try:
        for i in range(len(last)):
            collected.extend(_brotli(decoder, last[i : i + 1]))
            if decoder.is_finished():
                ended = True
                break
    except brotli.error:
        pass
    yield b"".join(collected)
    return ended
