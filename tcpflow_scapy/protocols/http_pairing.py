"""Which response answers which request.

HTTP/1 has no numbers: answers come in the order of the questions (RFC 9112, 9.3), with any number of 1xx
responses before each. That is all there is to it while both directions can be followed. From the first
place where a message may have been lost, all that is left is paired at once (`http_alignment`): by what gaps
can hide, and by acknowledgment numbers: no answer is sent before its question has arrived. Where segments
acknowledge nothing, times take their place.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

from .http1_framing import framing_fields
from .http1_lines import Side, could_start, parse_cut_line, parse_start_line
from .http1_message import Head, Limits, Message
from .http_alignment import MANY, Cap, Matched, Place, align
from .http_reader import MessageReader
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


@dataclass(slots=True)
class _Answer:
    """A response that still lacks its request."""

    message: Message
    informational: tuple[Message, ...]
    place: Place
    mixed: bool
    """whether parts of it may come from other messages"""


@dataclass(slots=True)
class _Question:
    """A request that still lacks its response."""

    message: Message
    place: Place
    hidden_from: int
    """from where on, up to it, requests may be hidden; its start if none can be"""
    informational: tuple[Message, ...] = ()
    doubtful: bool = False
    """whether its body may be what was taken for the requests behind it"""


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
        self._asking = MessageReader("request", requests, limits)
        self._answering = MessageReader("response", responses, limits)
        self.requests, self.responses = self._asking.parser, self._answering.parser
        self._pending: _Question | None = None
        self._interim = False

    @property
    def rest(self) -> tuple[int, int] | None:
        """After an upgrade: the offsets in both directions from which on it is no HTTP/1."""
        if self.requests.stopped:
            return self.requests.offset, self.responses.offset
        return None

    def pairs(self) -> Iterator[Pair]:
        """All requests with their answers, and answers whose request was not captured."""
        certain = True
        while True:
            tunnel = False
            for pair in self._all():
                tunnel = pair.upgrade == "connect"
                pair.certain &= certain
                yield pair
            # Where it is not known which request opened the tunnel, nothing is known of those inside.
            certain = pair.certain if tunnel else certain
            if not tunnel or not (self.requests.begins_message() or self.responses.begins_message()):
                return
            self._asking.reopen()
            self._answering.reopen()

    def _all(self) -> Iterator[Pair]:
        yield from self._in_order()
        if self.requests.stopped:
            self._answering.stop()  # an upgrade, or HTTP/2 with prior knowledge
            return
        yield from self._aligned()

    def _in_order(self) -> Iterator[Pair]:
        """Pairs up to the first place where a message may have been lost."""
        while (head := self._asking.peek()) is not None and self._asking.follows(head):
            request = self._asking.take(head, continued=self._goes_on(head))
            doubtful = self.requests.ambiguous
            self._note_interim(request)
            informational: list[Message] = []
            while (response := self._next_response(request)) is not None:
                if _is_informational(response):
                    informational.append(response)
                    continue
                certain = not doubtful and not self._mixed(request, response)
                yield self._pair(Pair(request, response, tuple(informational), certain=certain))
                break
            else:
                self._pending = _Question(request, Place(), request.start, tuple(informational), doubtful)
                return
            if self.requests.stopped:
                return

    def _goes_on(self, request: Head) -> bool:
        """Whether a request that asks for a 100 (Continue) is known to get it."""
        if not _waits(request):
            return False
        head = self._answering.peek()
        return head is not None and head.line.status == 100 and self._answering.follows(head)

    def _next_response(self, request: Message) -> Message | None:
        """The next response, if there is one and none can have been lost before it."""
        if request.head.line.version == b"HTTP/0.9" and not self.responses.begins_message():
            return self._answering.take_simple()
        head = self._answering.peek()
        if head is None or not self._answering.follows(head):
            return None
        return self._answering.take(head, request.head.line.method)

    def _mixed(self, request: Message, response: Message) -> bool:
        """Whether a gap may have replaced the response's end with a later one's."""
        if request.head.lost or response.head.lost:
            return True
        resumed = _resumed(response)
        if resumed is None:
            return False
        heard = self._answering.stream.ack_at(resumed)
        return heard is None or heard > request.end

    # -- after a loss -------------------------------------------------------------------------------

    def _aligned(self) -> Iterator[Pair]:
        """All that is left, paired by what is known of places."""
        questions, pending = self._questions(), self._pending
        self._pending = None
        if pending is not None:
            questions.insert(0, pending)
        asks = any(question.message.head.line.method == b"CONNECT" for question in questions)
        answers, rest = self._answers(connect=asks)
        hidden_from, tail = self._asking.tail()
        proved = True
        if answers and answers[-1].message.kind == "tunnel":
            # Which request opened it has to be proved with those in mind that would lie inside.
            count = self._before_tunnel(questions, answers[-1].message)
            opened = Matched(count - 1, len(answers) - 1, certain=True)
            proved = opened in self._matches(questions, answers, hidden_from, tail)
            del questions[count:]
            hidden_from, tail = MANY, Place()
        for i, j, certain in self._matches(questions, answers, hidden_from, tail):
            question = questions[i] if i >= 0 else None
            answer = answers[j] if j >= 0 else None
            yield self._pair(_joined(question, answer, certain=certain and proved))
        if rest:
            yield Pair(None, None, rest, certain=False)

    def _matches(
        self, questions: list[_Question], answers: list[_Answer], hidden_from: int, tail: Place
    ) -> list[Matched]:
        begins = [question.hidden_from for question in questions]
        begins.append(hidden_from if tail.high else MANY)
        caps = self._caps([q.message.start for q in questions], begins, [a.message.start for a in answers])
        return list(align([q.place for q in questions], [a.place for a in answers], caps, tail))

    def _questions(self) -> list[_Question]:
        found = []
        while (head := self._asking.peek()) is not None:
            hidden_from, place = self._asking.unaccounted(head), self._asking.place(head)
            if not place.high:
                hidden_from = head.start
            message = self._asking.take(head)
            self._note_interim(message)
            found.append(_Question(message, place, hidden_from, doubtful=self.requests.ambiguous))
        return found

    def _answers(self, *, connect: bool) -> tuple[list[_Answer], tuple[Message, ...]]:
        """Final responses, each with the 1xx before it; and 1xx behind the last of them."""
        found: list[_Answer] = []
        informational: list[Message] = []
        place, mixed = Place(), False
        while (head := self._answering.peek()) is not None:
            here = self._answering.place(head)
            mixed = mixed or bool(informational and here != Place())
            # Of several stretches in which answers can be hidden, each adds its own.
            low, high = place.low + here.low, min(place.high + here.high, MANY)
            place = Place(low, high, place.believed and here.believed)
            opens = connect and 200 <= head.line.status < 300 and not framing_fields(head.fields)
            response = self._answering.take(head, b"CONNECT" if opens else b"GET", certain=False)
            if _is_informational(response):
                self._interim = True
                informational.append(response)
                continue
            mixed = mixed or response.head.lost is not None or _resumed(response) is not None
            mixed = mixed or self.responses.ambiguous
            found.append(_Answer(response, tuple(informational), place, mixed))
            informational, place, mixed = [], Place(), False
        if self._interim:
            # What a gap hides whole may be a 100 (Continue), which is not the answer to a request.
            for answer in found:
                answer.place = replace(answer.place, low=0)
        return found, tuple(informational)

    def _caps(self, starts: list[int], begins: list[int], answers: list[int]) -> list[Cap]:
        """For each response the last request that it can answer.

        Parameters
        ----------
        starts : list of int
            Where requests start.
        begins : list of int
            From where on, up to each of them and behind the last, others may be hidden.
        answers : list of int
            Where responses start.
        """
        asking, answering = self._asking.stream, self._answering.stream
        asked_at = list(accumulate((asking.time_at(start) or 0 for start in starts), max))
        caps = []
        for answer in answers:
            heard, answered = answering.ack_at(answer), answering.time_at(answer)
            if heard is not None:
                count = bisect_left(starts, heard)
                hidden = heard > begins[count]
            else:
                # Equal times (a pipeline in one segment, or no clock at all) say nothing.
                count = len(starts) if answered is None else bisect_right(asked_at, answered)
                hidden = begins[count] < (starts[count] if count < len(starts) else MANY)
            caps.append(Cap(count + 1, 1) if hidden else Cap(count, 0))
        return caps

    def _before_tunnel(self, questions: list[_Question], response: Message) -> int:
        """How many of the requests come before a tunnel, the one that opened it included."""
        heard = self._answering.stream.ack_at(response.start)
        for count in range(len(questions), 0, -1):
            head = questions[count - 1].message.head
            if (heard is None or head.start < heard) and _asks_to_leave(head):
                return count
        return len(questions)

    def _note_interim(self, request: Message) -> None:
        self._interim = self._interim or _waits(request.head)

    def _was_refused(self, request: Message) -> bool:
        """Whether a request was answered before it sent the body for which it asked leave."""
        stream = self._asking.stream
        if "body_cut_short" not in request.problems or request.ranges or stream.end > request.head.end:
            return False
        acknowledged = bool(stream.gaps) and stream.gaps[-1][1] > stream.end
        return not acknowledged and _waits(request.head)

    def _pair(self, pair: Pair) -> Pair:
        request, response = pair.request, pair.response
        if response is None:
            return pair
        if request is not None and request.head.line.method == b"HEAD":
            _drop_absent_body(response)
        if request is not None and not pair.informational and self._was_refused(request):
            request.problems |= {"not_sent"}
            _drop_body(request)
        if response.kind == "tunnel":
            pair.upgrade = _upgrade(response)
            self._answering.stop()
            self._asking.stop(request.end if request else self._asking.stream.end)
        return pair


def _joined(question: _Question | None, answer: _Answer | None, *, certain: bool) -> Pair:
    informational = (question.informational if question else ()) + (answer.informational if answer else ())
    mixed = answer.mixed if answer else False
    if question is not None and (question.doubtful or question.message.head.lost is not None):
        mixed = True
    return Pair(
        question.message if question else None,
        answer.message if answer else None,
        informational,
        certain=certain and not mixed,
    )


def _is_informational(response: Message) -> bool:
    status = response.head.line.status
    return 100 <= status < 200 and status != 101


def _resumed(response: Message) -> int | None:
    """Where a chunked body was taken up again behind framing that was lost; None if it was not."""
    if "gap_in_framing" not in response.problems or not response.ranges or not response.missing:
        return None
    start, end = response.ranges[-1]
    return start if end > response.missing[0][1] else None


def _waits(request: Head) -> bool:
    """Whether a request asks for leave to send its body."""
    return b"100-continue" in request.raw.lower()


def _asks_to_leave(head: Head) -> bool:
    return head.line.method == b"CONNECT" or "Upgrade" in head.headers


def _upgrade(response: Message) -> str:
    if response.head.line.status != 101:
        return "connect"
    return response.head.headers.get("Upgrade").strip().lower()[:40] or "unknown"


def _drop_absent_body(response: Message) -> None:
    """What the answer to a HEAD announces is not missing."""
    response.problems -= {"not_sent"}
    if not response.ranges and response.kind not in ("none", "tunnel"):
        _drop_body(response)


def _drop_body(message: Message) -> None:
    """Take back what is missing of a body that was never sent."""
    message.kind, message.missing, message.ended = "none", (), True
    message.end = message.head.end
    message.problems -= {"gap_in_body", "body_cut_short", "no_close_seen", "gap_in_framing"}
