from __future__ import annotations

from tcpflow_scapy.protocols.http1_events import (
    Body,
    End,
    HeaderField,
    Missing,
    Rest,
    Skipped,
    Start,
    Trailer,
    events,
)
from tcpflow_scapy.protocols.stream_bytes import MemoryStream


def test_a_stream_as_events() -> None:
    data = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n"
        b"junk"
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n012345678"
        b"HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\nrest"
    )
    gap = data.index(b"345")
    found = list(events("response", MemoryStream(data, [(gap, gap + 3)])))
    assert [type(event) for event in found] == [
        Start, HeaderField, Body, Trailer, End,
        Skipped, Start, HeaderField, Body, Missing, End,
        Start, HeaderField, End, Rest,
    ]  # fmt: skip
    assert [data[e.start : e.end] for e in found if isinstance(e, (Trailer, Skipped, Rest))] == [
        b"X: y\r\n", b"junk", b"rest",
    ]  # fmt: skip
    assert [e.complete for e in found if isinstance(e, End)] == [True, False, True]
    assert [data[e.start : e.end] for e in found if isinstance(e, Start)][1] == b"HTTP/1.1 200 OK\r\n"


def test_what_is_behind_the_last_message_is_skipped() -> None:
    found = list(events("request", MemoryStream(b"GET / HTTP/1.1\r\n\r\n\x00\x01")))
    assert found[-1] == Skipped(18, 20)
