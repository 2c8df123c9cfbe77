"""Bytes as offset, hexadecimal and ASCII columns. Lines come one by one; nothing is held."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

_ASCII = bytes(b if 0x20 <= b <= 0x7E else 0x2E for b in range(256))
_GROUP = 8
_CHUNK_LINES = 4096

TCPFLOW_WIDTH = 32


def hexdump(
    data: bytes | bytearray | memoryview,
    *,
    start: int = 0,
    width: int = 16,
    gaps: Sequence[tuple[int, int]] = (),
) -> Iterator[str]:
    """Lines in the manner of ``hexdump -C``, without its folding of repeated lines.

    Parameters
    ----------
    data : bytes
    start : int
        Offset of the first byte, for the offset column.
    width : int
        Bytes on a line.
    gaps : sequence of (start, end)
        Ranges, half open, sorted, in the same offsets, whose bytes are not known: shown as ``--``.

    Yields
    ------
    str
        ``00000010  48 6f 73 74 3a 20 65 78  61 6d 70 6c 65 0d 0a 0d  |Host: example...|``
    """
    if width < 1:
        raise ValueError("a line needs at least one byte")
    view = memoryview(data).cast("B")
    digits = max(8, len(f"{start + len(view):x}"))
    pad = width * 3 - 1 + (width - 1) // _GROUP
    slices = [(3 * i, 3 * min(i + _GROUP, width) - 1) for i in range(0, width, _GROUP)]
    ends = [end for _, end in gaps]
    for chunk in range(0, len(view), width * _CHUNK_LINES):
        piece = bytes(view[chunk : chunk + width * _CHUNK_LINES])
        pairs, text = piece.hex(" "), piece.translate(_ASCII).decode("ascii")
        for at in range(0, len(piece), width):
            offset, shown = start + chunk + at, text[at : at + width]
            if len(shown) == width:
                base = 3 * at
                line = "  ".join([pairs[base + low : base + high] for low, high in slices])
            else:
                starts = range(at, len(piece), _GROUP)
                line = "  ".join([pairs[3 * i : 3 * min(i + _GROUP, len(piece)) - 1] for i in starts])
            if gaps and _touches(gaps, ends, offset, offset + len(shown)):
                line, shown = _with_gaps(piece[at : at + width], offset, gaps)
            yield f"{offset:0{digits}x}  {line:<{pad}}  |{shown}|"


def _touches(gaps: Sequence[tuple[int, int]], ends: list[int], start: int, end: int) -> bool:
    index = bisect_right(ends, start)
    return index < len(gaps) and gaps[index][0] < end


def _with_gaps(line: bytes, offset: int, gaps: Sequence[tuple[int, int]]) -> tuple[str, str]:
    """The hexadecimal and the ASCII column of a line of which some bytes are not known."""
    first = bisect_right([end for _, end in gaps], offset)
    pairs = [f"{b:02x}" for b in line]
    shown = list(line.translate(_ASCII).decode("ascii"))
    for start, end in gaps[first:]:
        if start >= offset + len(line):
            break
        for i in range(max(start - offset, 0), min(end - offset, len(line))):
            pairs[i], shown[i] = "--", " "
    groups = [" ".join(pairs[i : i + _GROUP]) for i in range(0, len(pairs), _GROUP)]
    return "  ".join(groups), "".join(shown)


def tcpflow_hexdump(data: bytes | bytearray | memoryview) -> Iterator[str]:
    """Lines as ``tcpflow -D`` prints them: 32 bytes, grouped by two, a space after each pair.

    As there, the ASCII column of a first line that is not full follows at once; later lines are padded
    to the first one's width.

    Yields
    ------
    str
        ``0000: 4745 5420 2f20 ...  GET / ...``
    """
    view = memoryview(data).cast("B")
    full = TCPFLOW_WIDTH * 5 // 2
    for chunk in range(0, len(view), TCPFLOW_WIDTH * _CHUNK_LINES):
        piece = bytes(view[chunk : chunk + TCPFLOW_WIDTH * _CHUNK_LINES])
        pairs = piece.hex(" ", -2) + ("" if len(piece) % 2 else " ")
        text = piece.translate(_ASCII).decode("ascii")
        for line, at in enumerate(range(0, len(piece), TCPFLOW_WIDTH)):
            columns = pairs[line * full : (line + 1) * full]
            if chunk or line:
                columns = columns.ljust(full)
            yield f"{chunk + at:04x}: {columns} {text[at : at + TCPFLOW_WIDTH]}"
