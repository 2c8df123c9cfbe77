"""Content and transfer codings undone, piece by piece, within limits.

RFC 9110, 8.4 (gzip, deflate), RFC 7932 (br), RFC 8878 (zstd). What a label says is checked against the
bytes: a wrong label never costs the body. Damaged or cut input gives what could be read before the damage.
A coding never makes more of a body than the limits allow, whatever it claims.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from .decompressors import Corrupt, brotli, brotli_pieces, inflate_pieces, zstd, zstd_pieces

CODING_PROBLEMS: dict[str, str] = {
    "bad_checksum": "the checksum at the end of a compressed body does not fit; the bytes are all there",
    "coding_corrupt": "the compressed body is damaged; what came before the damage is kept",
    "coding_cut_short": "the compressed body is not all there; what could be read is kept",
    "no_decoder": "the library for this coding is not installed; the body is as it was sent",
    "ratio_limit": "the body grew beyond what gzip can expand, and the allowance of all bodies for that "
    "was used up (a decompression bomb?); it was cut there",
    "size_limit": "the decoded body is larger than the limit; it was cut there",
    "too_many_codings": "more nested codings than the limit; the body is as it was sent",
    "total_limit": "the decoded bodies together are more than the limit; this one was cut there",
    "trailing_bytes": "bytes after the end of the compressed data; they were left out",
    "unknown_coding": "an unknown coding; the body is as it was sent",
    "wrong_label": "the body is not in the coding it is said to be in",
}
"""Every word that can stand in `Outcome.problems`, and what it means."""

DAMAGE = frozenset({"coding_corrupt", "coding_cut_short", "ratio_limit", "size_limit", "total_limit"})
"""Problems after which the decoded body is not all of the body."""


@dataclass(slots=True)
class Allowance:
    """What is left for all bodies that are decoded together."""

    free: int
    """bytes beyond what gzip can make of its input"""
    total: int
    """bytes in all"""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """How much may come out of coded bodies."""

    size: int = 1 << 30
    """bytes of one body"""
    ratio: int = 1032
    """bytes out for each byte in, counted over all codings, that are never a reason to stop: the most that
    gzip makes of anything (an honest log comes near it)"""
    free: int = 128 << 20
    """bytes beyond that, of all bodies together"""
    total: int = 2 << 30
    """bytes of all bodies together, beside `growth`"""
    growth: int = 20
    """bytes of all bodies together for each captured byte"""
    codings: int = 8
    """codings on top of each other"""
    shared: Allowance | None = None
    """what is left; None: every body is decoded as if it were the only one"""

    def together(self) -> DecodeLimits:
        """The same limits for bodies that share one allowance."""
        return self if self.shared else replace(self, shared=Allowance(self.free, self.total))

    def alone(self) -> DecodeLimits:
        """The same limits for one body by itself."""
        return replace(self, shared=None) if self.shared else self


@dataclass(slots=True)
class Outcome:
    """What decoding turned out to be; final once the last piece was drawn."""

    applied: list[str] = field(default_factory=list)
    """codings really undone, in the order they were undone"""
    problems: set[str] = field(default_factory=set)
    """words of `CODING_PROBLEMS`"""

    @property
    def complete(self) -> bool:
        """Whether all of the decoded body came out."""
        return not self.problems & DAMAGE


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded body in memory."""

    data: bytes
    outcome: Outcome


def coding_names(values: Iterable[str]) -> list[str]:
    """Codings named by header values, in the order they were applied, in one spelling; identity left out."""
    names = []
    for value in values:
        for part in value.split(","):
            name = part.partition(";")[0].strip(" \t\"'").lower()
            name = name[2:] if name in ("x-gzip", "x-deflate", "x-compress", "x-br") else name
            if name and name not in ("identity", "none", "binary", "chunked"):
                names.append(name)
    return names


def decode(data: bytes, codings: Sequence[str], limits: DecodeLimits | None = None) -> Decoded:
    """Undo codings on a body that lies in memory."""
    outcome = Outcome()
    return Decoded(b"".join(decode_pieces([data], codings, outcome, limits)), outcome)


def decode_pieces(
    source: Iterable[bytes],
    codings: Sequence[str],
    outcome: Outcome,
    limits: DecodeLimits | None = None,
) -> Iterator[bytes]:
    """Undo codings on a body that comes in pieces, in bounded memory.

    Parameters
    ----------
    source : iterable of bytes
        The coded body. Where bytes of it are missing, it should end before them.
    codings : sequence of str
        See `coding_names`; the last one was applied last and is undone first.
    outcome : Outcome
        Filled while pieces are drawn.
    limits : DecodeLimits, optional
    """
    limits = (limits or DecodeLimits()).together()
    meter = _Meter(iter(source))
    if len(codings) > limits.codings:
        outcome.problems.add("too_many_codings")
        codings = ()
    stream: Iterator[bytes] = meter
    for name in reversed(codings):
        stream = _limited(_undo(name, stream, outcome), meter, outcome, limits)
    return stream


class _Meter(Iterator[bytes]):
    """Counts the bytes that went in, for the ratio."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self.bytes = 0

    def __next__(self) -> bytes:
        piece = next(self._source)
        self.bytes += len(piece)
        return piece


def _limited(
    source: Iterator[bytes], meter: _Meter, outcome: Outcome, limits: DecodeLimits
) -> Iterator[bytes]:
    """End a stream that outgrows its limits. Stands behind every coding: a bomb may hide inside another."""
    left = limits.shared or Allowance(limits.free, limits.total)
    total = drawn = 0
    for piece in source:
        earned = meter.bytes * limits.ratio
        rooms = {
            "size_limit": limits.size - total,
            "total_limit": left.total,
            "ratio_limit": earned + drawn + left.free - total,
        }
        word = min(rooms, key=rooms.__getitem__)
        kept = piece[: max(rooms[word], 0)]
        total += len(kept)
        left.total -= len(kept)
        needed = max(total - earned, 0)
        left.free, drawn = left.free + drawn - needed, needed
        if kept:
            yield kept
        if len(kept) < len(piece):
            outcome.problems.add(word)
            return


def _peek(source: Iterator[bytes], n: int) -> tuple[bytes, bool, Iterator[bytes]]:
    """The first `n` bytes or more, whether that is all there is, and all of it again."""
    first: list[bytes] = []
    size = 0
    while size < n:
        piece = next(source, None)
        if piece is None:
            return b"".join(first), True, iter(first)
        first.append(piece)
        size += len(piece)
    return b"".join(first), False, chain(first, source)


Engine = Callable[[Iterator[bytes], set[str]], Iterator[bytes]]

_ENGINES: dict[str, Engine] = {
    "gzip": lambda source, problems: inflate_pieces(source, problems, 31),
    "deflate": lambda source, problems: inflate_pieces(source, problems, 15),
    "deflate-raw": lambda source, problems: inflate_pieces(source, problems, -15),
    "br": brotli_pieces,
    "zstd": zstd_pieces,
}
"""How a coding is undone: coded pieces and a set for problems in, decoded pieces out."""

_CANDIDATES: dict[str, tuple[str, ...]] = {
    "gzip": ("gzip", "deflate"),
    "deflate": ("deflate", "gzip", "deflate-raw"),  # RFC 9110, 8.4.1.2: raw deflate is wrong, and common
    "br": ("gzip", "br"),
    "zstd": ("zstd", "gzip"),
}
"""For each label the codings that its bytes are tried as; servers confuse these."""

_PROBE = 1 << 12
_TEXT = re.compile(rb"[\t\n\f\r\x20-\x7e\x80-\xff]+")


def _undo(name: str, source: Iterator[bytes], outcome: Outcome) -> Iterator[bytes]:
    """Undo one coding, or leave the body as it is and say why."""
    if name not in _CANDIDATES:
        outcome.problems.add("unknown_coding")
        yield from source
        return
    head, whole, source = _peek(source, _PROBE)
    if not head:
        return
    found = next((coding for coding in _CANDIDATES[name] if _fits(coding, head, whole)), None)
    if found is None:
        outcome.problems.add("wrong_label" if _available(name) else "no_decoder")
        yield from source
        return
    coding = found.partition("-")[0]
    if coding != name:
        outcome.problems.add("wrong_label")
    outcome.applied.append(coding)
    try:
        yield from filter(None, _ENGINES[found](source, outcome.problems))
    except Corrupt as error:
        outcome.problems.add(error.word)


def _available(coding: str) -> bool:
    return (coding != "br" or brotli is not None) and (coding != "zstd" or zstd is not None)


def _fits(coding: str, head: bytes, whole: bool) -> bool:
    """Whether a body that begins with `head` can be in that coding."""
    if not _available(coding):
        return False
    size, state = _try(coding, head)
    if coding == "gzip":
        return head.startswith(b"\x1f\x8b\x08"[: len(head)]) and (state != "failed" or size > 0)
    if coding == "zstd":
        magic = head[:4] == b"\x28\xb5\x2f\xfd" or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5)
        return magic and (state != "failed" or size > 0)
    if coding == "deflate":
        # Two bytes are little evidence: one raw deflate stream in a thousand begins like this by chance.
        if len(head) < 2 or head[0] & 15 != 8 or head[0] >> 4 > 7 or (head[0] << 8 | head[1]) % 31:
            return False
        if state == "failed" and _try("deflate-raw", head)[1] != "failed":
            return False
    if state == "ended":
        return True
    if _TEXT.fullmatch(head[:512]) and (state == "failed" or whole):
        return False  # readable as it stands: a decoder that makes something of it does so by chance
    return state == "open" or size > 0


def _try(coding: str, head: bytes) -> tuple[int, str]:
    """Bytes that come out of `head`, and whether the coding ended, is still open or failed."""
    size = 0
    problems: set[str] = set()
    try:
        for piece in _ENGINES[coding](iter([head[:_PROBE]]), problems):
            size += len(piece)
            if size > _PROBE * 16:
                return size, "open"
    except Corrupt:
        return size, "failed"
    return size, "open" if "coding_cut_short" in problems else "ended"
