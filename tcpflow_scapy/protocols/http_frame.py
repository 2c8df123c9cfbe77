"""HTTP exchanges as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.render.escape import safe_text

from .http1_framing import HUGE

if TYPE_CHECKING:
    import pandas as pd

    from .http import HttpExchange
    from .http_message import HttpMessage


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    dtype: str
    unit: str
    meaning: str
    value: Callable[[HttpExchange], Any]
    reads_body: bool = False


def asked(value: Callable[[HttpMessage], Any]) -> Callable[[HttpExchange], Any]:
    """Something of the request."""
    return lambda exchange: None if exchange.request is None else value(exchange.request)


def answered(value: Callable[[HttpMessage], Any]) -> Callable[[HttpExchange], Any]:
    """Something of the response."""
    return lambda exchange: None if exchange.response is None else value(exchange.response)


def _text(name: str) -> Callable[[HttpMessage], str]:
    return lambda message: safe_text(getattr(message, name))


def _header(name: str) -> Callable[[HttpMessage], str]:
    return lambda message: safe_text(message.headers.get(name))


def _flow(value: Callable[[Any], Any]) -> Callable[[HttpExchange], Any]:
    return lambda exchange: None if exchange.flow is None else value(exchange.flow)


def _wait_ms(exchange: HttpExchange) -> float | None:
    if exchange.request is None or exchange.response is None:
        return None
    asked, answered = exchange.request.end_time_ns, exchange.response.time_ns
    return None if asked is None or answered is None else (answered - asked) / 1e6


def _problems(exchange: HttpExchange) -> str:
    words: set[str] = set()
    for message in (exchange.request, exchange.response):
        if message is not None:
            words.update(message.problems)
    return " ".join(sorted(words))


def _missing(exchange: HttpExchange) -> int:
    both = (exchange.request, exchange.response)
    # Lengths are what somebody claimed; two of them can be more than an int64.
    return min(sum(m.missing_bytes for m in both if m is not None), HUGE)


def _complete(exchange: HttpExchange) -> bool:
    both = (exchange.request, exchange.response)
    return exchange.captured and all(not m.was_read or m.facts.complete or not m.is_coded for m in both if m)


def _unread(exchange: HttpExchange) -> int:
    both = (exchange.request, exchange.response)
    return sum(end - start for message in both if message for start, end in message.unread)


TEXT, TIME, COUNT = "str", "datetime64[ns, UTC]", "Int64"

HTTP_COLUMNS: tuple[Column, ...] = (
    Column("flow", COUNT, "", "number of the flow", _flow(lambda flow: flow.id)),
    Column("exchange", COUNT, "", "number in the flow, from 1", lambda e: e.number),
    Column("client", TEXT, "", "address of the flow's client", _flow(lambda flow: flow.client.address)),
    Column("client_port", COUNT, "", "its port", _flow(lambda flow: flow.client.port)),
    Column("server", TEXT, "", "address of the flow's server", _flow(lambda flow: flow.server.address)),
    Column("server_port", COUNT, "", "its port", _flow(lambda flow: flow.server.port)),
    Column("request_time", TIME, "UTC", "first byte of the request", asked(lambda m: m.time_ns)),
    Column("response_time", TIME, "UTC", "first byte of the response", answered(lambda m: m.time_ns)),
    Column("response_end_time", TIME, "UTC", "last byte of the response", answered(lambda m: m.end_time_ns)),
    Column("wait_ms", "float64", "ms", "last byte of the request to first of the response", _wait_ms),
    Column("method", TEXT, "", "method", asked(_text("method"))),
    Column("host", TEXT, "", "host of the target or the Host field", asked(_text("host"))),
    Column("target", TEXT, "", "target as sent", asked(_text("target"))),
    Column("url", TEXT, "", "URL as far as it is known", asked(_text("url"))),
    Column("status", COUNT, "", "status of the response", answered(lambda m: m.status)),
    Column("reason", TEXT, "", "reason phrase", answered(_text("reason"))),
    Column("version", TEXT, "", "version of the response", answered(_text("version"))),
    Column(
        "request_bytes",
        COUNT,
        "bytes",
        "body of the request, chunk framing left out",
        asked(lambda m: m.raw_size),
    ),
    Column(
        "response_bytes",
        COUNT,
        "bytes",
        "body of the response, chunk framing left out, codings still on",
        answered(lambda m: m.raw_size),
    ),
    Column("body_bytes", COUNT, "bytes", "body of the response, decoded", answered(lambda m: m.size), True),
    Column("request_content_type", TEXT, "", "media type of the request", asked(_text("content_type"))),
    Column("content_type", TEXT, "", "media type the response states", answered(_text("content_type"))),
    Column(
        "sniffed_type",
        TEXT,
        "",
        "media type its first bytes speak for",
        answered(lambda m: m.sniffed_type),
        True,
    ),
    Column("content_encoding", TEXT, "", "codings it states", answered(_header("Content-Encoding"))),
    Column("filename", TEXT, "", "name it suggests, or the target's end", lambda e: safe_text(e.filename)),
    Column("user_agent", TEXT, "", "User-Agent", asked(_header("User-Agent"))),
    Column("referer", TEXT, "", "Referer", asked(_header("Referer"))),
    Column("server_software", TEXT, "", "Server", answered(_header("Server"))),
    Column("location", TEXT, "", "Location", answered(_header("Location"))),
    Column("request_sha256", TEXT, "", "of the request's body, decoded", asked(lambda m: m.sha256), True),
    Column("sha256", TEXT, "", "of the response's body, decoded", answered(lambda m: m.sha256), True),
    Column("complete", "bool", "", "request and response are all there, and were decoded", _complete),
    Column("missing_bytes", COUNT, "bytes", "missing bytes of both messages", _missing),
    Column("unread_bytes", COUNT, "bytes", "bytes beside both that belong to no message", _unread),
    Column("request_start", COUNT, "bytes", "stream offset of the request", asked(lambda m: m.start)),
    Column("request_end", COUNT, "bytes", "stream offset after it", asked(lambda m: m.end)),
    Column("response_start", COUNT, "bytes", "stream offset of the response", answered(lambda m: m.start)),
    Column("body_start", COUNT, "bytes", "stream offset after its header", answered(lambda m: m.head_end)),
    Column("response_end", COUNT, "bytes", "stream offset after the response", answered(lambda m: m.end)),
    Column("upgrade", TEXT, "", "what the connection carries afterwards", lambda e: safe_text(e.upgrade)),
    Column("certain", "bool", "", "False where lost bytes leave the pairing in doubt", lambda e: e.certain),
    Column("problems", TEXT, "", "words of `PROBLEMS` and `CODING_PROBLEMS`", _problems),
)
"""All columns, in order. Texts are escaped (`render.escape.safe_text`)."""


def exchange_frame(exchanges: Iterable[HttpExchange], *, bodies: bool = True) -> pd.DataFrame:
    """One row for each exchange.

    Parameters
    ----------
    exchanges : iterable of HttpExchange
    bodies : bool
        Read every body; without, the columns that need it are empty.

    Returns
    -------
    pandas.DataFrame
        Columns as in `HTTP_COLUMNS`.
    """
    import pandas as pd

    rows = [
        [column.value(exchange) if bodies or not column.reads_body else None for column in HTTP_COLUMNS]
        for exchange in exchanges
    ]
    values = list(zip(*rows, strict=True)) or [()] * len(HTTP_COLUMNS)
    return pd.DataFrame(
        {column.name: _column(each, column.dtype) for column, each in zip(HTTP_COLUMNS, values, strict=True)}
    )


def _column(values: Any, dtype: str) -> Any:
    import pandas as pd

    if dtype == TIME:
        return pd.to_datetime(pd.array(values, dtype="Int64"), unit="ns", utc=True)
    return pd.Series(list(values), dtype=dtype)
