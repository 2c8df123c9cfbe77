"""HTTP/1.x messages of one direction: stream bytes and gaps in, messages and events with offsets out.

RFC 9112, read by an observer. The observer differs from a client in four ways: it may miss bytes, it may
start in the middle, it must not refuse what a client or a server might have accepted, and it does not
know the other direction unless told. So every oddity is a word in `problems`, never an exception, and
when the place is lost the next believable start line is looked for (`http1_lines.find_message`).

No body is read here: a body is a list of ranges of the stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .http1_chunked import read_chunked
from .http1_fields import Headers, parse_fields
from .http1_framing import HUGE, Framing, Kind, framing_fields, request_framing, response_framing
from .http1_lines import (
    LONGEST_LINE,
    Side,
    StartLine,
    begins_message,
    could_start,
    find_message,
    is_preface,
    parse_cut_line,
    parse_odd_line,
    parse_start_line,
)
from .http1_message import Head, Limits, Message
from .http1_presence import Presence
from .http1_resume import rest_of_head
from .stream_bytes import ByteWindow, Range, StreamBytes

SIMPLE = b"HTTP/0.9"
"""The version whose requests are one line and whose responses have no head (RFC 1945, 4.1 and 5)."""

UNFRAMED = frozenset({b"POST", b"PUT", b"PATCH"})
"""Methods whose requests have a body also where no field says how long it is."""

_BLANK = re.compile(rb"\n\r?\n")
_NEWLINE = re.compile(rb"\n")
_LINE_BREAKS = re.compile(rb"[\r\n]*")


class Http1Parser:
    """Reads the messages of one direction, one after the other.

    A message is read in two steps, because where a response ends depends on the request: `read_head`,
    then `read_body` with what is known about the request.

    Parameters
    ----------
    side : {"request", "response"}
        What the direction carries.
    stream : StreamBytes
    closed : bool or None
        Whether the end of the stream is the end of what was sent (see `TimedStream.closed`).
    limits : Limits, optional
    """

    def __init__(
        self, side: Side, stream: StreamBytes, *, closed: bool | None = True, limits: Limits | None = None
    ) -> None:
        self.side = side
        self.stream = stream
        self.closed = closed
        self.limits = limits or Limits()
        self.offset = 0
        """where the next message is expected"""
        self.stopped = False
        """True after a tunnel or an upgrade: what follows `offset` is no HTTP/1"""
        self.skipped: Range | None = None
        """bytes behind the last message that belong to none (set when `read_head` gives None)"""
        self.ambiguous = False
        """whether what was taken for a message behind the last one may as well be its body"""
        self._window = ByteWindow(stream)
        self._count = 0
        self._no_newline = 0

    def read_head(self) -> Head | None:
        """The next start line and its fields; None at the end of the stream."""
        window = self._window
        if self.stopped or self._count >= self.limits.messages:
            return None
        expected = offset = self._skip_line_breaks(self.offset)
        if self.side == "request" and is_preface(window.peek(offset, 16)):
            self.offset, self.stopped = offset, True
            return None
        while offset < window.end:
            head = self._head_at(offset, expected=offset == expected)
            if head is not None:
                self._count += 1
                if offset > expected:
                    head.skipped = (expected, offset)
                    head.problems |= {"resynchronised"}
                return head
            inside_gap = window.run_ends(offset) <= offset
            offset = find_message(self.side, window, offset if inside_gap else offset + 1)
        if window.end > expected:
            self.skipped = (expected, window.end)
        self.offset = window.end
        return None

    def read_body(
        self, head: Head, method: bytes | None = None, *, certain: bool = True, continued: bool = False
    ) -> Message:
        """Find the end of the message that `head` begins; the parser moves behind it.

        Parameters
        ----------
        head : Head
            What `read_head` just gave.
        method : bytes, optional
            For a response: the method of its request. None if it is not known.
        certain : bool
            Whether `method` is beyond doubt; if not, it is the likeliest.
        continued : bool
            For a request: whether it is known to have got its 100 (Continue).
        """
        self.ambiguous = False
        fields, problems = head.parse()
        if problems:
            head.problems |= problems
        if not head.whole and head.lost is None:
            return self._finish(Message(head, "none", (), (), head.end, False))
        named = framing_fields(fields)
        if head.side == "request":
            framing = request_framing(head.line, named)
        else:
            framing = response_framing(head.line, named, method)
            if method == b"HEAD" and certain:
                stated = response_framing(head.line, named, None)
                if Presence(self._window, head, stated, self.closed).stands_there():
                    head.problems |= {"unexpected_body"}
                    framing = stated
        if not continued and self._body_not_sent(head, framing, named, method, certain=certain):
            head.problems |= {"not_sent"}
            return self._finish(Message(head, "none", (), (), head.end, True))
        unframed = self._read_unframed(head) if head.side == "request" and framing.kind == "none" else None
        if unframed is not None:
            return self._finish(unframed)
        unstated = framing.kind == "close" or (framing.kind == "none" and head.side == "request")
        if head.lost is not None and unstated and not framing.lengths:
            message = self._read_unknown(head)
        else:
            message = self._read_framed(head, framing)
        if framing.problems:
            message.problems |= framing.problems
        return self._finish(message)

    def messages(self, methods: Sequence[bytes] = ()) -> Iterator[Message]:
        """All messages of this direction, read without the other one.

        Parameters
        ----------
        methods : sequence of bytes
            For responses: the methods of the requests they answer, in order (1xx responses take none).
        """
        index = 0
        while (head := self.read_head()) is not None:
            yield self.read_body(head, methods[index] if index < len(methods) else None)
            if self.side == "response" and head.line.status >= 200:
                index += 1

    def begins_message(self) -> bool:
        """Whether a message begins with the next captured byte."""
        return begins_message(self.side, self._window, self._window.gaps.after(self.offset))

    def read_simple(self) -> Message | None:
        """All that is left, as a response of HTTP/0.9, which has no head; None if nothing is."""
        start, self.offset = self.offset, self._window.end
        if start >= self._window.end:
            return None
        head = Head("response", start, start, StartLine(SIMPLE), b"", True)
        return self._finish(self._read_close(head, Framing("close")))

    def stop(self) -> None:
        """What follows is no HTTP/1 (an upgrade, a tunnel)."""
        self.stopped = True

    def _skip_line_breaks(self, offset: int) -> int:
        """Empty lines before a start line are nothing (RFC 9112, 2.2)."""
        window = self._window
        while True:
            index = window.fill(offset, 1)
            found = _LINE_BREAKS.match(window.data, index)
            if found is None or found.end() == index:
                return offset
            offset = window.base + found.end()

    def _head_at(self, offset: int, *, expected: bool = False) -> Head | None:
        window = self._window
        if not could_start(self.side, window.peek(offset, 8)):
            return None
        line = self._first_line(offset)
        if line is None:
            return self._cut_head(offset)
        text = window.peek(offset, line[1] - offset - 1)
        start = parse_start_line(self.side, text)
        odd = start is None and expected
        if odd:
            start = parse_odd_line(self.side, text)
        if start is None:
            return None
        blank = window.search(_BLANK, line[0], self.limits.head)
        end = blank[1] if blank else min(window.run_ends(offset), line[0] + self.limits.head)
        index = window.fill(offset, end - offset)
        raw = window.data[index : index + end - offset]
        head = Head(self.side, offset, end, start, raw, blank is not None, fields_limit=self.limits.headers)
        if (
            odd
            and start.method == b"GET"
            and end == window.end
            and not raw[line[1] - offset :].strip(b"\r\n")
        ):
            # RFC 1945, 5: a line of method and target, and nothing else.
            head.line, head.whole = replace(start, version=SIMPLE), True
        elif odd:
            head.problems |= {"malformed_start_line"}
        if not head.whole:
            head.problems |= {self._why_cut(offset, end)}
            self._resume(head)
        if text[-1:] != b"\r":
            head.problems |= {"bare_lf"}
        return head

    def _first_line(self, offset: int) -> Range | None:
        """Where the first line feed from `offset` on is."""
        window = self._window
        known = self._no_newline - offset
        if known <= 0:
            line = window.search(_NEWLINE, offset, LONGEST_LINE)
        else:
            # Where none was found for the line before, none is looked for again.
            index = window.fill(offset, LONGEST_LINE)
            found = _NEWLINE.search(window.data, index + known, index + LONGEST_LINE)
            line = (window.base + found.start(), window.base + found.end()) if found else None
        if line is None:
            self._no_newline = min(offset + LONGEST_LINE, window.run_ends(offset))
        return line

    def _cut_head(self, offset: int) -> Head | None:
        """A head whose first line does not end before a gap or the end of the stream."""
        end = self._window.run_ends(offset)
        if end - offset > LONGEST_LINE:
            return None
        raw = self._window.peek(offset, end - offset)
        start = parse_cut_line(self.side, raw)
        if start is None:
            return None
        head = Head(self.side, offset, end, start, raw, False, fields_limit=self.limits.headers)
        head.problems = frozenset({self._why_cut(offset, end)})
        self._resume(head)
        return head

    def _resume(self, head: Head) -> None:
        """Let a head that breaks off at a gap go on behind it, if that looks like its rest."""
        if "gap_in_head" not in head.problems:
            return
        head.missing = head.end, self._window.gaps.after(head.end)
        rest = rest_of_head(self._window, head.end, self.limits.head)
        if rest is not None:
            head.lost = (head.end, rest[0])
            head.raw += bytes(rest[0] - head.end) + self._window.peek(rest[0], rest[1] - rest[0])
            head.end = rest[1]

    def _why_cut(self, start: int, end: int) -> str:
        if end < self._window.run_ends(start):
            return "head_too_large"
        return "gap_in_head" if end < self._window.end else "head_cut_short"

    def _body_not_sent(
        self,
        head: Head,
        framing: Framing,
        fields: dict[bytes, list[bytes]],
        method: bytes | None,
        *,
        certain: bool,
    ) -> bool:
        """Whether a body was announced that is not there.

        Only asked where that has an innocent reason: we do not know that the request was HEAD, or the
        client waited for a 100 that did not come.
        """
        presence = Presence(self._window, head, framing, self.closed)
        if not presence.announced:
            return False
        if head.side == "request":
            waited = any(value.lower() == b"100-continue" for value in fields.get(b"expect", ()))
            refused, self.ambiguous = presence.is_refused() if waited else (False, False)
            return refused
        if certain and method is not None and head.lost is None:
            return False
        absent, self.ambiguous = presence.is_absent(likely=method is not None)
        return absent

    def _read_unframed(self, head: Head) -> Message | None:
        """The body of a request that states no length; None if nothing follows, or another request."""
        window, start = self._window, head.end
        if head.line.method not in UNFRAMED or start >= window.run_ends(start):
            return None
        if self._skip_line_breaks(start) > start or self._head_at(start, expected=True) is not None:
            return None
        stop = find_message("request", window, start)
        missing = tuple(self._gaps_in([(start, stop)]))
        message = Message(
            head, "close", ((start, stop),), missing, stop, stop < window.end or self.closed is True
        )
        message.problems = frozenset({"no_length"})
        return message

    def _read_framed(self, head: Head, framing: Framing) -> Message:
        start = head.end
        if framing.kind == "chunked":
            body = read_chunked(head.side, self._window, start)
            if body.is_chunked:
                message = Message(head, "chunked", body.ranges, (), body.end, body.ended, framing.codings)
                message.missing = tuple(sorted({*self._gaps_in(body.ranges), *body.lost}))
                message.trailer_range, message.trailers = body.trailers, self._trailers(body.trailers)
                message.problems = frozenset(body.problems)
                return message
            head.problems |= {"not_chunked"}
            fallback: Kind = "length" if framing.lengths else "close" if head.side == "response" else "none"
            framing = Framing(fallback, framing.lengths, framing.codings, framing.problems)
        if framing.kind == "length":
            return self._read_length(head, framing, self._choose_length(start, framing.lengths))
        if framing.kind == "close":
            return self._read_close(head, framing)
        if framing.kind == "tunnel":
            self.stopped = True
        return Message(head, framing.kind, (), (), start, True)

    def _read_length(self, head: Head, framing: Framing, length: int) -> Message:
        start, end = head.end, self._window.end
        stop = min(start + length, HUGE)
        ranges = ((start, min(stop, end)),) if length and start < end else ()
        last = min(stop, max(end, start))
        message = Message(head, "length", ranges, (), last, stop <= end, framing.codings)
        message.missing = tuple(self._gaps_in(ranges))
        if stop > end:
            message.missing += ((max(start, end), stop),)
            message.problems = frozenset({"body_cut_short"})
        return message

    def _read_close(self, head: Head, framing: Framing) -> Message:
        start, end = head.end, self._window.end
        ranges = ((start, end),) if end > start else ()
        message = Message(head, "close", ranges, (), end, self.closed is not False, framing.codings)
        # A gap behind the last captured byte is known from acknowledgements or the FIN.
        message.missing = (*self._gaps_in(ranges), *self._window.gaps.within(end, HUGE))
        if self.closed is False:
            message.problems = frozenset({"no_close_seen"})
        return message

    def _read_unknown(self, head: Head) -> Message:
        """A body whose length may have been stated in a gap: up to the next message, or the end."""
        stop = find_message(self.side, self._window, head.end)
        ranges = ((head.end, stop),) if stop > head.end else ()
        kind: Kind = "close" if ranges else "none"
        return Message(head, kind, ranges, tuple(self._gaps_in(ranges)), stop, False)

    def _choose_length(self, start: int, lengths: tuple[int, ...]) -> int:
        """Of contradicting lengths the first that leads to the end of the stream or to another message."""
        for length in lengths if len(lengths) > 1 else ():
            stop = start + length
            if stop == self._window.end:
                return length
            if stop < self._window.end and begins_message(self.side, self._window, stop):
                return length
        return lengths[0]

    def _gaps_in(self, ranges: Sequence[Range]) -> Iterator[Range]:
        gaps = self._window.gaps
        if not ranges or next(gaps.within(ranges[0][0], ranges[-1][1]), None) is None:
            return
        for start, end in ranges:
            yield from gaps.within(start, end)

    def _trailers(self, where: Range | None) -> Headers | None:
        if where is None:
            return None
        block = self.stream.read(where[0], where[1] - where[0])
        return Headers(parse_fields(block, where[0], self.limits.headers)[0])

    def _finish(self, message: Message) -> Message:
        if message.missing and message.missing[0][0] < self._window.end:
            message.problems |= {"gap_in_body"}
        if message.head.problems:
            message.problems |= message.head.problems
        if message.missing and message.body_size == message.zeros:
            message.ranges = ()  # nothing of it was captured
        self.offset = message.end
        return message
