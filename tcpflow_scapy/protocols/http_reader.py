"""The messages of one direction, each with what is known of its place among all that were sent.

As long as every end is known, the next message is the next. After a gap over a head or over chunk framing
it may be any later one; how many can be hidden is bounded by the bytes that no message accounts for.
"""

from __future__ import annotations

from .http1 import Http1Parser
from .http1_lines import Side
from .http1_message import Head, Limits, Message
from .http_alignment import MANY, Place
from .stream_bytes import GapIndex, TimedStream

SHORTEST: dict[Side, int] = {"request": 16, "response": 14}
"""Bytes of ``GET / HTTP/1.0`` and ``ICY 200 OK`` with two line feeds: no message that counts is shorter."""

_UNSURE = frozenset({"gap_in_framing", "conflicting_content_length", "no_length"})
_UNENDED = frozenset({"bad_chunk", "trailers_cut_short"})


class MessageReader:
    """Reads one direction of a flow, a message at a time.

    Parameters
    ----------
    side : {"request", "response"}
    stream : TimedStream
    limits : Limits, optional
    """

    def __init__(self, side: Side, stream: TimedStream, limits: Limits | None = None) -> None:
        self.side = side
        self.stream = stream
        self.parser = Http1Parser(side, stream, closed=stream.closed, limits=limits)
        self._gaps = GapIndex(stream.gaps)
        self._head: Head | None = None
        self._begun = not stream.from_start
        self._loose: int | None = None
        self._by_looks = False

    @property
    def stopped(self) -> bool:
        """Whether what follows is no HTTP/1."""
        return self.parser.stopped

    def stop(self, offset: int | None = None) -> None:
        """What follows (from `offset` on) is no HTTP/1."""
        self._head = None
        self.parser.stop()
        if offset is not None:
            self.parser.offset = offset

    def reopen(self) -> None:
        """What follows is HTTP/1 after all: a tunnel that carries it."""
        self.parser.stopped = False

    def peek(self) -> Head | None:
        """The next head; None at the end."""
        if self._head is None:
            self._head = self.parser.read_head()
        return self._head

    def take(
        self, head: Head, method: bytes | None = None, *, certain: bool = True, continued: bool = False
    ) -> Message:
        """The message of the head that `peek` gave; see `Http1Parser.read_body`."""
        self._head = None
        message = self.parser.read_body(head, method, certain=certain, continued=continued)
        self._loose = _framing_lost(message, certain=certain)
        self._by_looks = "no_length" in message.problems or (not certain and "not_sent" in message.problems)
        self._by_looks = self._by_looks or self.parser.ambiguous
        self._begun = False
        return message

    def take_simple(self) -> Message | None:
        """All that is left, as the answer to a request of HTTP/0.9; None if nothing is."""
        self._head = None
        return self.parser.read_simple()

    def follows(self, head: Head) -> bool:
        """Whether the head that `peek` gave stands right behind the message before it."""
        return head.skipped is None and self._loose is None and not self._begun and not self._by_looks

    def unaccounted(self, head: Head) -> int:
        """From where on, up to `head`, messages may be hidden; its own start if none can be."""
        if self._begun:
            return -1
        if self._loose is not None:
            return min(self._loose, head.start)
        return head.skipped[0] if head.skipped else head.start

    def place(self, head: Head) -> Place:
        """What is known of the place of the head that `peek` gave."""
        begin = self.unaccounted(head)
        if begin < 0:
            return Place(0, MANY, self._is_believed(head))
        if begin == head.start:
            return Place(believed=self._is_believed(head))
        high = (head.start - begin) // SHORTEST[self.side]
        # A gap right behind a message, whose end is known: whatever began in it is not this one.
        low = self._loose is None and self._gaps.after(begin) > begin
        return Place(min(int(low), high), high, self._is_believed(head))

    def _is_believed(self, head: Head) -> bool:
        if self.parser.ambiguous:
            return False
        looked_for = head.skipped is not None or self._by_looks
        if not looked_for or self.stream.begins_segment(head.start):
            return True
        return self._gaps.after(head.start - 1) == head.start  # right behind a gap

    def tail(self) -> tuple[int, Place]:
        """From where on messages may be hidden behind the last one, and what is known of them."""
        gaps = self.stream.gaps
        end = max(self.stream.end, gaps[-1][1] if gaps else 0)
        begin = self.parser.skipped[0] if self.parser.skipped else self.stream.end
        if self._loose is not None:
            begin = min(self._loose, begin)
        high = (end - begin) // SHORTEST[self.side] if self.stream.closed else MANY
        return begin, Place(0, high)


def _framing_lost(message: Message, *, certain: bool) -> int | None:
    """From where on the message's end is in doubt; None if it is not."""
    head = message.head
    if not head.whole:
        return head.missing[0] if head.missing else head.end
    if message.missing and message.problems & _UNSURE:
        return message.missing[0][0]
    if message.problems & _UNENDED:
        return message.end
    # What was not captured of a body may not have been sent: the request may have been HEAD.
    return head.end if message.missing and message.kind != "chunked" and not certain else None
