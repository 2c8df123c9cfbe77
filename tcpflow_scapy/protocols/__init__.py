"""Stage 5: stream bytes as application messages.

Parsers take `stream_bytes.StreamBytes` (bytes of one direction, gaps named) and give messages with stream
offsets; they do no I/O and never raise on bad bytes. `flow_stream` makes a `Stream` of a flow into one.
Adding a protocol is one file, one line here, and its votes in `identify`.
"""

from __future__ import annotations

PROTOCOLS: dict[str, str] = {
    "http": "tcpflow_scapy.protocols.http:http_exchanges",
}
"""Protocols whose messages can be read: the function that takes a `Flow` and gives a list of them."""
