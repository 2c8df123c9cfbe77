"""The same messages as a flat sequence of events, in stream order.

For whoever wants to follow a stream rather than hold messages: a search, a highlighter, a log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .http1 import Http1Parser
from .http1_fields import Field
from .http1_lines import Side, StartLine
from .http1_message import Limits, Message
from .stream_bytes import StreamBytes


class Start(NamedTuple):
    """A start line."""

    start: int
    end: int
    side: Side
    line: StartLine
    problems: frozenset[str]


class HeaderField(NamedTuple):
    """A header field."""

    start: int
    end: int
    field: Field


class Body(NamedTuple):
    """A run of body bytes, chunk framing left out."""

    start: int
    end: int


class Missing(NamedTuple):
    """A part of the body that was not captured (inside a `Body` run, or behind the stream's end)."""

    start: int
    end: int


class Trailer(NamedTuple):
    """A field after the last chunk."""

    start: int
    end: int
    field: Field


class End(NamedTuple):
    """The end of a message."""

    start: int
    end: int
    complete: bool
    problems: frozenset[str]


class Skipped(NamedTuple):
    """Bytes that belong to no message."""

    start: int
    end: int


class Rest(NamedTuple):
    """What follows an upgrade or a tunnel: no HTTP any more."""

    start: int
    end: int


Event = Start | HeaderField | Body | Missing | Trailer | End | Skipped | Rest


def message_events(message: Message) -> Iterator[Event]:
    """The events of one message."""
    head = message.head
    if head.skipped:
        yield Skipped(*head.skipped)
    first = head.start + (head.raw.find(b"\n") + 1 or len(head.raw))
    yield Start(head.start, first, head.side, head.line, head.problems)
    for field in head.fields:
        yield HeaderField(field.start, field.end, field)
    yield from (Body(start, end) for start, end in message.ranges)
    yield from (Missing(start, end) for start, end in message.missing)
    for field in message.trailers.raw if message.trailers else ():
        yield Trailer(field.start, field.end, field)
    yield End(message.end, message.end, message.complete, message.problems)


def events(
    side: Side,
    stream: StreamBytes,
    *,
    methods: Sequence[bytes] = (),
    closed: bool | None = True,
    limits: Limits | None = None,
) -> Iterator[Event]:
    """The events of one direction.

    Parameters
    ----------
    side, stream, closed, limits
        See `Http1Parser`.
    methods : sequence of bytes
        For responses: the methods of the requests they answer, in order (1xx responses take none).
    """
    parser = Http1Parser(side, stream, closed=closed, limits=limits)
    for message in parser.messages(methods):
        yield from message_events(message)
    if parser.skipped:
        yield Skipped(*parser.skipped)
    if parser.stopped and parser.offset < stream.end:
        yield Rest(parser.offset, stream.end)
