from __future__ import annotations

import pytest

from tcpflow_scapy.protocols.http1 import Http1Parser
from tcpflow_scapy.protocols.http1_lines import Side
from tcpflow_scapy.protocols.http1_message import Message
from tcpflow_scapy.protocols.http1_resume import GAP_LIMIT
from tcpflow_scapy.protocols.stream_bytes import MemoryStream

NEXT = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext"
HEAD = b"HTTP/1.1 302 Found\r\nServer: s\r\nSet-Cookie: cccccccccccccccc\r\nContent-Length: 5\r\n\r\n"


def read(side: Side, data: bytes, start: int, end: int) -> list[Message]:
    blanked = data[:start] + bytes(end - start) + data[end:]
    return list(Http1Parser(side, MemoryStream(blanked, [(start, end)])).messages([b"GET"] * 9))


@pytest.mark.parametrize("start", [18, 25, 31, 35, 50])
def test_head_goes_on_behind_a_gap(start: int) -> None:
    data = HEAD + b"moved" + NEXT
    first, second = read("response", data, start, 55)
    assert first.problems == {"gap_in_head"}
    assert first.head.lost == (start, 55)
    assert first.head.line.status == 302
    expected = {"Content-Length": "5"} | ({"Server": "s"} if start >= 31 else {})
    assert dict(first.head.headers.items()) == expected
    for field in first.head.fields:
        assert data[field.start : field.end].startswith(field.name)
    assert [data[a:b] for a, b in first.ranges] == [b"moved"]
    assert not first.complete
    assert second.complete


def test_head_whose_length_was_in_the_gap_has_a_body_up_to_the_next_message() -> None:
    data = HEAD + b"moved" + NEXT
    gap_start = data.index(b"Content-Length: 5") + 3
    first, second = read("response", data, gap_start, gap_start + 14)
    assert first.kind == "close"
    assert [data[a:b] for a, b in first.ranges] == [b"moved"]
    assert not first.ended
    assert second.complete


def test_request_goes_on_too() -> None:
    data = b"GET /a HTTP/1.1\r\nCookie: cccccccc\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\n\r\n"
    first, second = read("request", data, 20, 30)
    assert (first.head.headers.items(), first.kind, first.ranges) == ([("Host", "h")], "none", ())
    assert second.head.line.target == b"/b"


@pytest.mark.parametrize(
    "behind",
    [
        b"\x01binary\r\nA: b\r\n\r\nbody",
        b"text\r\nthat is no field\r\n\r\nbody",
        b"tail HTTP/1.1 200 OK\r\nA: b\r\n\r\n",
        b"tail without an end",
    ],
)
def test_what_does_not_look_like_a_head_is_left_alone(behind: bytes) -> None:
    data = b"HTTP/1.1 200 OK\r\nServer: s\r\n" + b"x" * 20 + behind
    first = read("response", data, 28, 48)[0]
    assert first.head.lost is None
    assert (first.kind, first.ranges, first.end) == ("none", (), 28)


def test_no_head_goes_on_behind_a_large_gap() -> None:
    data = b"HTTP/1.1 200 OK\r\nServer: s\r\n" + bytes(GAP_LIMIT + 1) + b"x\r\nA: b\r\n\r\n"
    assert read("response", data, 28, 28 + GAP_LIMIT + 1)[0].head.lost is None
