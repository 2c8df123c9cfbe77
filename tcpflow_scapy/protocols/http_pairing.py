"""Which response answers which request.

HTTP/1 has no numbers: answers come in the order of the questions (RFC 9112, 9.3), with any number of 1xx
responses before each. That is all there is to it while both directions are whole. Where bytes are missing
or the capture began in the middle, a request or a response may have been lost, and times help: an answer
is never older than its question, and after a loss it belongs to the last question asked before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .http1 import Http1Parser
from .http1_lines import Side, could_start, parse_cut_line, parse_start_line
from .http1_message import Head, Limits, Message
from .stream_bytes import TimedStream, first_bytes


@dataclass(slots=True)
class Pair:
    """A request and what it got."""

    request: Message | None
    response: Message | None
    informational: tuple[Message, ...] = ()
    """1xx responses before the final one"""
    upgrade: str = ""
    """what the connection carries afterwards: ``websocket``, ``connect`` (a tunnel), ``h2c`` ..."""
    certain: bool = True
    """False where bytes were missing, so that another pairing is possible"""


def spoken_side(stream: TimedStream) -> Side | None:
    """Whether a direction begins with a request or a response; None if it begins with neither."""
    head = first_bytes(stream, 4096).lstrip(b"\r\n")
    line, ended, _ = head.partition(b"\n")
    parse = parse_start_line if ended else parse_cut_line
    sides: tuple[Side, ...] = ("response", "request")
    for side in sides:
        if could_start(side, head[:8]) and parse(side, line):
            return side
    return None


class Pairing:
    """Reads both directions of a flow together.

    Parameters
    ----------
    requests, responses : TimedStream
        The direction that asks and the one that answers.
    limits : Limits, optional
    """

    def __init__(self, requests: TimedStream, responses: TimedStream, limits: Limits | None = None) -> None:
        self.requests = Http1Parser("request", requests, closed=requests.closed, limits=limits)
        self.responses = Http1Parser("response", responses, closed=responses.closed, limits=limits)
        self._asked_at = requests.time_at
        self._answered_at = responses.time_at
        self._certain = requests.from_start and responses.from_start
        self._request: Message | None = None
        self._head: Head | None = None

    @property
    def rest(self) -> tuple[int, int] | None:
        """After an upgrade: the offsets in both directions from which on it is no HTTP/1."""
        if self.requests.stopped:
            return self.requests.offset, self.responses.offset
        return None

    def pairs(self) -> Iterator[Pair]:
        """All requests with their answers, and answers whose request was not captured."""
        while (request := self._next_request()) is not None:
            yield from self._answers(request)
            if self.requests.stopped:
                return
        if self.requests.stopped:
            self.responses.stop()  # HTTP/2 with prior knowledge
            return
        informational: list[Message] = []
        while (head := self._peek_head()) is not None:
            response = self._take(head, None)
            if 100 <= head.line.status < 200 and head.line.status != 101:
                informational.append(response)
                continue
            yield self._pair(None, response, informational)
            informational = []
        if informational:
            yield self._pair(None, None, informational)

    def _answers(self, request: Message) -> Iterator[Pair]:
        """The pair of one request; before it, pairs of responses that are too old to be its answer."""
        informational: list[Message] = []
        if request.head.skipped:
            self._certain = False
        while (head := self._peek_head()) is not None:
            if head.skipped:
                self._certain = False
            if not self._certain:
                if self._is_older(head, request):
                    yield self._pair(None, self._take(head, None), [])
                    continue
                if self._belongs_later(head, request):
                    break
            response = self._take(head, request.head.line.method)
            if 100 <= head.line.status < 200 and head.line.status != 101:
                informational.append(response)
                continue
            yield self._pair(request, response, informational)
            return
        yield self._pair(request, None, informational)

    def _pair(self, request: Message | None, response: Message | None, informational: list[Message]) -> Pair:
        upgrade = ""
        if response is not None and response.kind == "tunnel":
            upgrade = self._upgrade(response)
            self.responses.stop()
            self.requests.stop()
            self._request = None
            self.requests.offset = request.end if request else self.requests.stream.end
        return Pair(request, response, tuple(informational), upgrade, self._certain)

    @staticmethod
    def _upgrade(response: Message) -> str:
        if response.head.line.status != 101:
            return "connect"
        return response.head.headers.get("Upgrade").strip().lower()[:40] or "unknown"

    def _next_request(self) -> Message | None:
        request, self._request = self._request, None
        return request or self._read_request()

    def _read_request(self) -> Message | None:
        head = self.requests.read_head()
        return self.requests.read_body(head) if head else None

    def _peek_head(self) -> Head | None:
        if self._head is None:
            self._head = self.responses.read_head()
        return self._head

    def _take(self, head: Head, method: bytes | None) -> Message:
        self._head = None
        return self.responses.read_body(head, method, certain=self._certain)

    def _is_older(self, head: Head, request: Message) -> bool:
        """Whether a response was sent before the request was: it answers one that was not captured."""
        asked, answered = self._asked_at(request.start), self._answered_at(head.start)
        return asked is not None and answered is not None and answered < asked

    def _belongs_later(self, head: Head, request: Message) -> bool:
        """Whether, after a loss, a response answers a later request: one that was asked before it came."""
        if not head.skipped or request.head.line.method == b"CONNECT":
            return False
        if self._request is None:
            if b"upgrade" in {field.name.lower() for field in request.head.fields}:
                return False  # what follows may be no request at all
            self._request = self._read_request()
        if self._request is None:
            return False
        asked, answered = self._asked_at(self._request.start), self._answered_at(head.start)
        first = self._asked_at(request.start)
        # Equal times (a pipeline in one segment, or no clock at all) say nothing.
        return None not in (asked, answered, first) and first < asked < answered  # type: ignore[operator]
