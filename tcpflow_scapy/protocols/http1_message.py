"""What the HTTP/1.x parser gives: heads, messages, and the words for what was odd about them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from .http1_fields import Field, Headers, parse_fields
from .http1_framing import Kind
from .http1_lines import Side, StartLine
from .stream_bytes import Range

PROBLEMS: dict[str, str] = {
    "bad_chunk": "not a chunk size line; the body ends before it",
    "bad_content_length": "a Content-Length that is not a number; it was ignored",
    "bad_header_name": "a field name with characters that are not allowed",
    "bad_header_value": "a field value with a NUL or a bare carriage return",
    "bad_transfer_encoding": "codings after chunked, chunked twice, or a request without chunked",
    "bare_lf": "lines end with a line feed alone",
    "body_cut_short": "the captured stream ends inside the body",
    "bytes_behind": "bytes after the last message that belong to no message; see `unread`",
    "conflicting_content_length": "several lengths; the one that leads to the next message was taken",
    "folded_header": "a field goes on in the next line (obsolete since RFC 7230)",
    "gap_in_body": "bytes of the body were never captured",
    "gap_in_framing": "bytes that say where chunks begin were never captured",
    "gap_in_head": "bytes of the head were never captured; the lines they cut are left out",
    "head_cut_short": "the captured stream ends inside the head",
    "head_too_large": "the header fields do not end within the limit",
    "junk_header": "a header line without a colon or a name; it was ignored",
    "length_and_chunked": "both Content-Length and Transfer-Encoding: chunked; chunked counts",
    "malformed_start_line": "a request line without target or version, or a version in small letters",
    "no_close_seen": "the body ends with the connection, whose end was not captured",
    "no_end_of_chunks": "the empty line after the last chunk was left out",
    "no_length": "a request whose body has no stated length: what follows and begins no message",
    "not_chunked": "said to be chunked, but does not begin with a chunk size",
    "not_sent": "the body is not there: a response follows at once (the request was HEAD or unknown), "
    "or a request that waited for 100-continue",
    "repeated_content_length": "the same length more than once",
    "resynchronised": "found by its looks, after bytes that are not an HTTP message or were not captured",
    "space_before_colon": "blanks between field name and colon",
    "too_many_headers": "more header fields than the limit; the rest was ignored",
    "trailers_cut_short": "the trailer fields do not end within the captured stream",
    "unexpected_body": "a body of the stated length, though the request was HEAD",
}
"""Every word that can stand in `problems`, and what it means."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a hostile stream may cost."""

    head: int = 1 << 22
    """bytes of start line and header fields"""
    headers: int = 1000
    """header fields of one message"""
    messages: int = 1 << 31
    """messages of one direction"""


@lru_cache(maxsize=8)
def _headers(head: Head) -> Headers:
    # Several are asked for in a row; keeping them all would cost more memory than the stream.
    return Headers(head.parse()[0])


@dataclass(slots=True, eq=False)
class Head:
    """Start line and header fields of a message."""

    side: Side
    start: int
    """stream offset of the start line"""
    end: int
    """stream offset after the empty line"""
    line: StartLine
    raw: bytes
    """the bytes of the head"""
    whole: bool
    """whether all of it is there"""
    problems: frozenset[str] = frozenset()
    skipped: Range | None = None
    """bytes before it that belong to no message"""
    missing: Range | None = None
    """the gap that it breaks off at; how much of that was head is not known"""
    lost: Range | None = None
    """that gap, where it goes on behind it; zeros in `raw`"""
    fields_limit: int = 1000

    @property
    def fields(self) -> list[Field]:
        """The header fields in the bytes of the wire, with their offsets."""
        return _headers(self).raw

    @property
    def headers(self) -> Headers:
        """The header fields."""
        return _headers(self)

    def parse(self) -> tuple[list[Field], set[str]]:
        """The header fields, and what is wrong with them."""
        first = self.raw.find(b"\n") + 1
        if self.lost is None:
            # Where it is cut, half a value would look like a value.
            last = len(self.raw) if self.whole else self.raw.rfind(b"\n") + 1
            return self._parse_lines(first, last) if first else ([], set())
        gap = self.lost[0] - self.start
        fields, problems = self._parse_lines(first, self.raw.rfind(b"\n", 0, gap) + 1)
        behind = self.raw.find(b"\n", self.lost[1] - self.start) + 1
        more, others = self._parse_lines(behind, len(self.raw))
        return (fields if first <= gap else []) + more, problems | others

    def _parse_lines(self, low: int, high: int) -> tuple[list[Field], set[str]]:
        return parse_fields(self.raw[low:high], self.start + low, self.fields_limit)


@dataclass(slots=True, eq=False)
class Message:
    """One message: its head, and where its body lies."""

    head: Head
    kind: Kind
    """how the body is delimited; ``tunnel``: what follows is no HTTP any more"""
    ranges: Sequence[Range]
    """the body in stream offsets, chunk framing left out; gaps in it read as zeros"""
    missing: tuple[Range, ...]
    """parts of the body that were not captured, in stream offsets. Where chunk framing was lost, how much of
    such a range was body is not known"""
    end: int
    """stream offset after the message"""
    ended: bool
    """whether the end of the body was seen"""
    codings: tuple[str, ...] = ()
    """transfer codings other than chunked"""
    trailer_range: Range | None = None
    trailers: Headers | None = None
    problems: frozenset[str] = frozenset()

    @property
    def start(self) -> int:
        """Stream offset of the first byte."""
        return self.head.start

    @property
    def complete(self) -> bool:
        """Whether head and body are all there."""
        return self.head.whole and self.ended and not self.missing

    @property
    def body_size(self) -> int:
        """Bytes of the body as far as captured, transfer coding removed, gaps counted."""
        return sum(end - start for start, end in self.ranges)

    @property
    def zeros(self) -> int:
        """Missing bytes that lie inside the body's ranges and read as zeros."""
        # Gaps inside a range are listed clipped to it; what lies outside every range adds nothing.
        total = 0
        for low, high in self.missing:
            index = bisect_right(self.ranges, low, key=lambda edges: edges[0]) - 1
            if index >= 0:
                total += max(min(high, self.ranges[index][1]) - low, 0)
        return total
