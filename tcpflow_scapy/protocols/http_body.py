"""The body of an HTTP message: bytes on demand, and what they are.

Nothing is read until asked for. Where bytes of a body are missing it is never hashed, and decoding stops at
the gap: what a decompressor makes of zeros is nobody's data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from tcpflow_scapy.errors import StreamTooSparse

from .content_coding import DecodeLimits, Outcome, decode_pieces
from .http1_message import Message
from .sniff import LOOK, sniff
from .stream_bytes import GapIndex, Range, StreamBytes, pieces

SPARSE_LIMIT = 1 << 30
"""No body is filled with more zeros than this."""


@dataclass(frozen=True, slots=True)
class BodyFacts:
    """What one pass over a body found out."""

    size: int
    """bytes of the decoded body; gaps of a body without coding count"""
    sha256: str | None
    """of the decoded body; None if there is none, or not all of it: half a file's hash is no evidence"""
    sniffed_type: str
    """what the first bytes speak for"""
    applied: tuple[str, ...]
    """codings that were undone"""
    problems: frozenset[str]
    """words of `CODING_PROBLEMS`"""
    complete: bool
    """whether every byte of the decoded body is there"""


def captured_ranges(message: Message) -> list[Range]:
    """The body's ranges up to its first missing byte."""
    if not message.missing:
        return list(message.ranges)
    stop = message.missing[0][0]
    return [(start, min(end, stop)) for start, end in message.ranges if start < stop]


def raw_pieces(message: Message, stream: StreamBytes) -> Iterator[bytes]:
    """The body as it was sent, transfer coding removed, gaps as zeros."""
    return pieces(stream, message.ranges)


def decoded_pieces(
    message: Message,
    stream: StreamBytes,
    codings: Sequence[str],
    outcome: Outcome,
    limits: DecodeLimits | None = None,
) -> Iterator[bytes]:
    """The body without its codings; `outcome` is filled meanwhile. Ends before a gap if there are codings."""
    if not codings:
        return raw_pieces(message, stream)
    source = pieces(stream, captured_ranges(message))
    return decode_pieces(source, codings, outcome, limits)


def placed_pieces(
    message: Message,
    stream: StreamBytes,
    codings: Sequence[str],
    outcome: Outcome,
    limits: DecodeLimits | None = None,
) -> Iterator[tuple[int, bytes]]:
    """As `decoded_pieces`, but each piece with its place in the body, and gaps left out."""
    if codings or not message.missing:
        at = 0
        for piece in decoded_pieces(message, stream, codings, outcome, limits):
            yield at, piece
            at += len(piece)
        return
    base = 0
    gaps = GapIndex(message.missing)
    for start, end in message.ranges:
        at = start
        while (at := gaps.after(at)) < end:
            stop = gaps.run_end(at, end)
            for piece in pieces(stream, [(at, stop)]):
                yield base + at - start, piece
                at += len(piece)
            at = stop
        base += end - start


def check_sparse(message: Message) -> None:
    """Refuse to fill a body with very many zeros.

    Raises
    ------
    StreamTooSparse
    """
    if not message.missing:
        return
    zeros = message.zeros
    if zeros > SPARSE_LIMIT:
        raise StreamTooSparse(
            f"a body with {zeros:,} missing bytes between captured ones, more than is filled with zeros "
            f"({SPARSE_LIMIT:,}); use .body_ranges and .missing with the stream's .read(offset, n)"
        )


def body_facts(
    message: Message, stream: StreamBytes, codings: Sequence[str], limits: DecodeLimits | None = None
) -> BodyFacts:
    """Read a body once, in bounded memory."""
    outcome = Outcome()
    if message.missing and not codings:
        # Not hashed, so not read: there may be very many zeros.
        head = b"".join(_first(pieces(stream, message.ranges, LOOK)))
        return BodyFacts(message.body_size, None, sniff(head), (), frozenset(), False)
    digest = sha256()
    size = 0
    head = b""
    for piece in decoded_pieces(message, stream, codings, outcome, limits):
        if len(head) < LOOK:
            head += piece[: LOOK - len(head)]
        digest.update(piece)
        size += len(piece)
    complete = message.complete and outcome.complete
    return BodyFacts(
        size,
        digest.hexdigest() if complete and message.kind not in ("none", "tunnel") else None,
        sniff(head),
        tuple(outcome.applied),
        frozenset(outcome.problems),
        complete,
    )


def _first(source: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for piece in source:
        yield piece
        size += len(piece)
        if size >= LOOK:
            return
