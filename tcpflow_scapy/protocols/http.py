"""HTTP/1.x in flows: requests and responses as objects.

`http_exchanges` is what stands behind ``flow.http``; `exchanges` is the same without a flow, for streams
from anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from tcpflow_scapy.render.dataframe import NOT_TYPESET
from tcpflow_scapy.render.escape import safe_text

from .content_coding import DecodeLimits
from .flow_stream import FlowStream
from .http1_lines import find_message
from .http1_message import Limits, Message
from .http_message import HttpMessage
from .http_pairing import Pair, Pairing, spoken_side
from .identify import LOOK, identify
from .stream_bytes import ByteWindow, TimedStream, captured_runs, first_bytes

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.flow import Flow

_SIMPLE = re.compile(rb"GET /[!-~]*[ \t]*\r?\n(?:\r?\n)?")


class HttpExchange:
    """A request and its response; either can be absent (None) where it was not captured."""

    __slots__ = ("certain", "flow", "informational", "number", "request", "response", "upgrade")

    flow: Flow | None
    number: int
    """1-based, in the order of the flow"""
    request: HttpMessage | None
    response: HttpMessage | None
    informational: tuple[HttpMessage, ...]
    """1xx responses that came before the response"""
    upgrade: str
    """what the connection carries afterwards: ``websocket``, ``connect`` (a tunnel), ``h2c`` ...; that is
    left in the streams, behind the end of the response"""
    certain: bool
    """False where bytes are missing and nothing proves that the response belongs to this request"""

    def __init__(
        self,
        flow: Flow | None,
        number: int,
        request: HttpMessage | None,
        response: HttpMessage | None,
        informational: tuple[HttpMessage, ...] = (),
        upgrade: str = "",
        certain: bool = True,
    ) -> None:
        self.flow, self.number = flow, number
        self.request, self.response = request, response
        self.informational = informational
        self.upgrade, self.certain = upgrade, certain

    @property
    def method(self) -> str:
        """Method of the request."""
        return self.request.method if self.request else ""

    @property
    def host(self) -> str:
        """Host of the request."""
        return self.request.host if self.request else ""

    @property
    def target(self) -> str:
        """Target of the request."""
        return self.request.target if self.request else ""

    @property
    def url(self) -> str:
        """URL of the request, as far as it is known."""
        return self.request.url if self.request else ""

    @property
    def status(self) -> int:
        """Status of the response; 0 without one."""
        return self.response.status if self.response else 0

    @property
    def time(self) -> Any:
        """When it began (pandas.Timestamp, UTC)."""
        first = self.request or self.response
        return first.time if first else None

    @property
    def complete(self) -> bool:
        """Whether request and response are all there: see `HttpMessage.complete`."""
        return bool(self.request and self.response and self.request.complete and self.response.complete)

    @property
    def captured(self) -> bool:
        """Whether request and response were captured to their ends."""
        return bool(self.request and self.response and self.request.captured and self.response.captured)

    @property
    def filename(self) -> str:
        """A name for the response's body: what it suggests, else the end of the target; as sent, not safe."""
        suggested = self.response.filename if self.response else ""
        return suggested or self.target.partition("?")[0].partition("#")[0].rpartition("/")[2]

    def __repr__(self) -> str:
        request = self.request.summary() if self.request else "(no request)"
        response = self.response.summary() if self.response else "(no response)"
        host = f" {safe_text(self.host, limit=80)}" if self.host else ""
        upgrade = f", then {safe_text(self.upgrade)}" if self.upgrade else ""
        return f"<HttpExchange {self.number}{host} {request} -> {response}{upgrade}>"


class HttpExchanges(list[HttpExchange]):
    """The exchanges of a flow: a list, and a table in `df`."""

    @property
    def df(self) -> pd.DataFrame:
        """One row for each exchange; see `http_frame.HTTP_COLUMNS`."""
        from .http_frame import exchange_frame

        return exchange_frame(self)

    def __repr__(self) -> str:
        lines = [f"{len(self)} HTTP exchange{'' if len(self) == 1 else 's'}"]
        lines += [f"  {exchange!r}" for exchange in self[:20]]
        if len(self) > 20:
            lines.append(f"  ... {len(self) - 20} more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        # pandas escapes HTML, and the texts of the table are free of control characters.
        return self.df.head(100).to_html(escape=True, notebook=True, classes=NOT_TYPESET)


def carries_http(client: TimedStream, server: TimedStream) -> tuple[bool, bool]:
    """Whether two directions carry HTTP/1, and whether the server is the one that asks.

    Cheap for what is plainly HTTP and for what is plainly something else; anything else is searched for a
    believable start line, because a capture may begin in the middle of a body.
    """
    sides = spoken_side(client), spoken_side(server)
    if sides != (None, None):
        return True, sides[0] == "response" or (sides[0] is None and sides[1] == "request")
    guess = identify(first_bytes(client, LOOK), first_bytes(server, LOOK))
    if guess.confidence >= 0.8 and guess.name != "http":
        return False, False
    windows = ByteWindow(client), ByteWindow(server)
    for swapped in (False, True):
        asks, answers = (windows[1], windows[0]) if swapped else windows
        if find_message("response", answers, 0) < answers.end or find_message("request", asks, 0) < asks.end:
            return True, swapped
    if _is_simple(server, client):
        return True, True
    return _is_simple(client, server), False


def _is_simple(asks: TimedStream, answers: TimedStream) -> bool:
    """Whether one side asks in HTTP/0.9: a single line, and the answer ends with the connection."""
    if not answers.end or asks.end > LOOK or asks.gaps or not answers.closed:
        return False
    return _SIMPLE.fullmatch(asks.read(0, asks.end)) is not None


def exchanges(
    client: TimedStream,
    server: TimedStream,
    *,
    flow: Flow | None = None,
    limits: Limits | None = None,
    decode_limits: DecodeLimits | None = None,
) -> HttpExchanges:
    """The exchanges of two directions; empty if they carry no HTTP/1.

    Parameters
    ----------
    client, server : TimedStream
        What each side sent. Who asks is judged by what they say, not by these names.
    flow : Flow, optional
        Kept in the exchanges.
    limits, decode_limits : optional
        What a hostile stream may cost.
    """
    found = HttpExchanges()
    if not client.end and not server.end:
        return found
    http, swapped = carries_http(client, server)
    if not http:
        return found
    streams = {"request": (server, "server") if swapped else (client, "client")}
    streams["response"] = (client, "client") if swapped else (server, "server")
    pairing = Pairing(streams["request"][0], streams["response"][0], limits)
    pairs = list(pairing.pairs())
    # `facts` are read once for each message, so what they may cost is shared.
    decode_limits = (decode_limits or DecodeLimits()).together()
    if decode_limits.shared is not None:
        decode_limits.shared.total += decode_limits.growth * (_captured(client) + _captured(server))
    counts = {"request": 0, "response": 0}
    last = _last_messages(pairs)
    behind = {"request": pairing.requests.skipped, "response": pairing.responses.skipped}

    def wrap(message: Message | None) -> HttpMessage | None:
        if message is None:
            return None
        side = message.head.side
        counts[side] += 1
        skipped = behind[side] if message is last[side] else None
        return HttpMessage(message, *streams[side], counts[side], decode_limits, skipped)

    found += [_exchange(flow, number, pair, wrap) for number, pair in enumerate(pairs, 1)]
    return found


def _captured(stream: TimedStream) -> int:
    """How many bytes of a direction were captured."""
    return sum(end - start for start, end in captured_runs(stream.gaps, 0, stream.end))


def _last_messages(pairs: list[Pair]) -> dict[str, Message | None]:
    """The last message of each side."""
    last: dict[str, Message | None] = {"request": None, "response": None}
    for pair in pairs:
        last["request"] = pair.request or last["request"]
        last["response"] = pair.response or (pair.informational or [None])[-1] or last["response"]
    return last


def _exchange(flow: Flow | None, number: int, pair: Pair, wrap: Any) -> HttpExchange:
    # In the order of the stream: 1xx responses come before the final one and count as tcpflow counts.
    informational = tuple(wrap(message) for message in pair.informational)
    request, response = wrap(pair.request), wrap(pair.response)
    return HttpExchange(flow, number, request, response, informational, pair.upgrade, pair.certain)


def http_exchanges(
    flow: Flow, *, limits: Limits | None = None, decode_limits: DecodeLimits | None = None
) -> HttpExchanges:
    """The HTTP/1 exchanges of a flow, in order; empty if it carries none.

    Parameters
    ----------
    flow : Flow
    limits, decode_limits : optional
        What a hostile stream may cost.
    """
    return exchanges(
        FlowStream(flow.client),
        FlowStream(flow.server),
        flow=flow,
        limits=limits,
        decode_limits=decode_limits,
    )


class HttpBody(NamedTuple):
    """A body that is worth a file."""

    number: int
    """counts every message of its direction, also those without a body, as tcpflow's HTTPBODY number does"""
    extension: str
    """as tcpflow gives it; empty for unknown types"""
    message: HttpMessage
    exchange: HttpExchange


def http_bodies(flow: Flow, direction: str | None = "server", **options: Any) -> Iterator[HttpBody]:
    """The bodies that were sent in a flow, in order; messages without one are left out.

    Parameters
    ----------
    flow : Flow
    direction : {"server", "client", None}
        Whose bodies: a server's are those of responses, a client's those of requests; None: both.
    **options
        As for `http_exchanges`.
    """
    if direction not in ("client", "server", None):
        raise ValueError(f"direction must be 'client', 'server' or None, not {direction!r}")
    for exchange in http_exchanges(flow, **options):
        for message in (exchange.request, exchange.response):
            if message is None or not message.raw_size:
                continue
            if direction is None or message.direction == direction:
                yield HttpBody(message.number, message.extension, message, exchange)


def http_frame(flows: Iterable[Flow], *, bodies: bool = True) -> pd.DataFrame:
    """All HTTP/1 exchanges of flows: one row for each, columns as in `http_frame.HTTP_COLUMNS`.

    Parameters
    ----------
    flows : FlowTable or iterable of Flow
    bodies : bool
        Read every body, for its decoded size, hash and type. Without, those columns are empty and nothing
        but heads is read.
    """
    from .http_candidates import likely_http
    from .http_frame import exchange_frame

    limits = DecodeLimits().together()
    found = (e for flow in likely_http(flows) for e in http_exchanges(flow, decode_limits=limits))
    return exchange_frame(found, bodies=bodies)
