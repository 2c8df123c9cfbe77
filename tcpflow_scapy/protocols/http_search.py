"""Searching decoded HTTP bodies: what was sent compressed or in chunks is found, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.flows.search import compile_pattern, first_matches
from tcpflow_scapy.protocols.content_coding import DecodeLimits
from tcpflow_scapy.protocols.http import http_exchanges
from tcpflow_scapy.protocols.http_candidates import likely_http
from tcpflow_scapy.render.escape import safe_text

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.table import FlowTable
    from tcpflow_scapy.protocols.http_message import HttpMessage

COLUMNS = ("flow", "direction", "offset", "length", "frame", "time", "match", "body_offset", "url")


def search_bodies(flows: FlowTable, pattern: Any, limit: int | None = None) -> pd.DataFrame:
    """Matches in HTTP bodies after chunks and content codings were undone.

    Parameters
    ----------
    flows : FlowTable
    pattern : bytes, str or compiled expression
        As for `FlowTable.search`.
    limit : int, optional

    Returns
    -------
    pandas.DataFrame
        ``flow``, ``direction``, ``offset`` (of the message in its stream), ``length``, ``frame`` and ``time``
        (of the message's first byte), ``match``, ``body_offset`` (in the decoded body), ``url``
        (escaped, as in `http_frame.HTTP_COLUMNS`).
    """
    import pandas as pd

    rows = first_matches(_matches(flows, compile_pattern(pattern)), limit)
    return pd.DataFrame({name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)})


def _matches(flows: FlowTable, expression: Any) -> Iterator[tuple[Any, ...]]:
    limits = DecodeLimits().together()
    for flow in likely_http(flows):
        for exchange in http_exchanges(flow, decode_limits=limits):
            for message in (exchange.request, exchange.response):
                if message is not None:
                    body = b"".join(message.pieces(limits=limits))
                    yield from _in_message(flow, safe_text(exchange.url), message, body, expression)


def _in_message(
    flow: Any, url: str, message: HttpMessage, body: bytes, expression: Any
) -> Iterator[tuple[Any, ...]]:
    if not body:
        return
    stream = getattr(flow, message.direction)
    origin = stream.at(message.start)
    frame = None if origin is None else origin.frame
    for match in expression.finditer(body):
        if match.end() > match.start():
            yield (
                flow.id,
                message.direction,
                message.start,
                match.end() - match.start(),
                frame,
                message.time,
                match.group(),
                match.start(),
                url,
            )
