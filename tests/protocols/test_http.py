from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from tcpflow_scapy.pipeline import reassemble
from tcpflow_scapy.protocols.http import (
    HttpExchange,
    carries_http,
    exchanges,
    http_bodies,
    http_exchanges,
    http_frame,
)
from tcpflow_scapy.protocols.stream_bytes import MemoryStream
from tests.helpers.traffic import Capture, Conversation

GET = b"GET /%s HTTP/1.1\r\nHost: example.org\r\n\r\n"
PAGE = b"<html>hello world</html>"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n"


def talk(*steps: tuple[str, bytes]) -> Conversation:
    told = Conversation(client="10.0.0.1:1024", server="10.0.0.2:80")
    told.handshake()
    for side, data in steps:
        told.segments(side, data, mss=100)
    return told


def only(conversation: Conversation, tmp_path: Path):  # type: ignore[no-untyped-def]
    path = tmp_path / "x.pcap"
    Capture(conversation).write(path)
    flows = reassemble(path, progress=False)
    assert len(flows) == 1
    return flows


def test_exchanges_of_a_flow(tmp_path: Path) -> None:
    told = talk(
        ("client", GET % b"one"), ("server", OK % len(PAGE) + PAGE),
        ("client", GET % b"two"), ("server", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    )  # fmt: skip
    told.close()
    flows = only(told, tmp_path)
    found = http_exchanges(flows[0])
    assert [(e.number, e.method, e.url, e.status, e.complete) for e in found] == [
        (1, "GET", "http://example.org/one", 200, True),
        (2, "GET", "http://example.org/two", 404, True),
    ]
    first = found[0]
    assert first.response is not None
    assert first.request is not None
    assert first.response.body == PAGE
    assert first.response.sha256 == hashlib.sha256(PAGE).hexdigest()
    assert (first.response.content_type, first.response.charset) == ("text/html", "utf-8")
    assert (first.response.sniffed_type, first.response.extension) == ("text/html", "html")
    assert first.request.time < first.response.time <= first.response.end_time
    server = flows[0].server
    assert server.read(first.response.start, first.response.end - first.response.start).endswith(PAGE)
    assert first.response.time == server.at(first.response.start).time
    assert first.response.end_time == server.at(first.response.end - 1).time
    assert first.flow == flows[0]


def test_gap_in_a_body_is_marked_and_not_hashed(tmp_path: Path) -> None:
    body = b"a" * 1000
    told = talk(("client", GET % b"x"))
    told.server(OK % len(body) + body[:300])
    told.server(body[300:500])
    told.lose()
    told.server(body[500:])
    told.client(GET % b"y")
    told.server(OK % 2 + b"ok")
    told.close()
    first, second = http_exchanges(only(told, tmp_path)[0])
    assert first.response is not None
    start = first.response.head_end
    assert first.response.missing == [(start + 300, start + 500)]
    assert first.response.missing_bytes == 200
    assert first.response.sha256 is None
    assert not first.complete
    assert first.response.body == body[:300] + bytes(200) + body[500:]
    assert second.complete
    assert second.certain


@pytest.mark.parametrize("lost", [b"X-Long: " + b"v" * 90 + b"\r\n", b"X-A: 1\r\n\r\n" + bytes(90)])
def test_gap_in_a_head_counts_as_missing(tmp_path: Path, lost: bytes) -> None:
    told = talk(("client", GET % b"x"))
    told.server(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n")
    told.server(lost)
    told.lose()
    told.server(b"X-Last: 1\r\n\r\nbody" if lost.startswith(b"X-Long") else bytes(range(200)))
    told.close()
    flows = only(told, tmp_path)
    (first,) = http_exchanges(flows[0])
    assert first.response is not None
    start = first.response.start + len(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n")
    assert first.response.head_missing == (start, start + len(lost))
    assert first.response.missing_bytes == len(lost)
    assert not first.complete
    assert http_frame(flows)["missing_bytes"].tolist() == [len(lost)]


def test_gap_in_a_coded_body_ends_the_decoding(tmp_path: Path) -> None:
    page = b"".join(b"line %d\n" % i for i in range(5000))
    coded = gzip.compress(page)
    told = talk(("client", GET % b"x"))
    told.server(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(coded))
    told.server(coded[:4000])
    told.server(coded[4000:4100])
    told.lose()
    told.server(coded[4100:])
    told.close()
    [exchange] = http_exchanges(only(told, tmp_path)[0])
    assert exchange.response is not None
    facts = exchange.response.facts
    assert 1000 < facts.size < len(page)
    assert page.startswith(exchange.response.body)
    assert (facts.sha256, facts.complete) == (None, False)
    assert facts.problems == {"coding_cut_short"}


def test_until_close_needs_a_close(tmp_path: Path) -> None:
    told = talk(("client", GET % b"x"), ("server", b"HTTP/1.0 200 OK\r\n\r\nbody"))
    [open_ended] = http_exchanges(only(told, tmp_path)[0])
    assert open_ended.response is not None
    assert (open_ended.response.problems, open_ended.response.sha256) == (["no_close_seen"], None)
    assert open_ended.response.body == b"body"
    told.close("server")
    [closed] = http_exchanges(only(told, tmp_path)[0])
    assert closed.response is not None
    assert closed.response.sha256 == hashlib.sha256(b"body").hexdigest()


def test_side_that_asks_is_judged_by_what_it_says(tmp_path: Path) -> None:
    told = Conversation(client="10.0.0.1:80", server="10.0.0.2:1024")
    told.handshake()
    told.server(GET % b"pushed")
    told.client(OK % 2 + b"ok")
    [exchange] = http_exchanges(only(told, tmp_path)[0])
    assert exchange.request is not None
    assert (exchange.request.direction, exchange.url, exchange.status) == (
        "server", "http://example.org/pushed", 200,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("client", "server", "expected"),
    [
        (b"", b"", (False, False)),
        (GET, b"", (True, False)),
        (b"", b"HTTP/1.1 200 OK\r\n", (True, False)),
        (b"HTTP/1.1 200 OK\r\n", b"", (True, True)),
        (
            b"\x16\x03\x01\x00\x05\x01\0\0\0\0 HTTP/1.1 200 OK",
            b"\x16\x03\x01\x00\x05\x02\0\0\0\0",
            (False, False),
        ),
        (b"nothing known", b"tail of a body" * 500 + b"HTTP/1.1 200 OK\r\n\r\n", (True, False)),
        (b"tail" + GET, b"", (True, False)),
        (b"SSH-2.0-x\r\n", b"SSH-2.0-x\r\n", (False, False)),
    ],
)
def test_what_carries_http(client: bytes, server: bytes, expected: tuple[bool, bool]) -> None:
    assert carries_http(MemoryStream(client), MemoryStream(server)) == expected


def test_numbers_count_every_response() -> None:
    answers = (
        b"HTTP/1.1 100 Continue\r\n\r\n"
        + OK % 2
        + b"ok"
        + b"HTTP/1.1 304 Not Modified\r\n\r\n"
        + OK % 3
        + b"yes"
    )
    found = exchanges(MemoryStream(GET % b"a" + GET % b"b" + GET % b"c"), MemoryStream(answers))
    assert [e.response.number for e in found if e.response] == [2, 3, 4]
    assert [m.number for m in found[0].informational] == [1]


def test_bodies_of_either_side(tmp_path: Path) -> None:
    upload = b"POST /up HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n" + b'{"a":1}'
    told = talk(("client", upload), ("server", OK % 0), ("client", GET % b"x"), ("server", OK % 2 + b"ok"))
    [flow] = only(told, tmp_path)
    with pytest.raises(ValueError, match="direction"):
        list(http_bodies(flow, "Server"))
    assert [(b.number, b.extension, b.message.body) for b in http_bodies(flow)] == [(2, "html", b"ok")]
    assert [(b.number, b.extension, b.message.body) for b in http_bodies(flow, "client")] == [
        (1, "json", b'{"a":1}')
    ]


def test_list_shows_itself_without_control_characters() -> None:
    hostile = b"GET /\x1b]0;owned\x07<script> HTTP/1.1\r\nHost: \x1b[31m\xe2\x80\xae\r\n\r\n"
    answer = b"HTTP/1.1 200 \x1b[2J\r\nContent-Type: \x1b[1m\r\nContent-Length: 0\r\n\r\n"
    found = exchanges(MemoryStream(hostile), MemoryStream(answer))
    shown = repr(found)
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert "owned" in shown
    html = found._repr_html_()
    assert "<script>" not in html
    assert "\x1b" not in html
    assert repr(exchanges(MemoryStream(b""), MemoryStream(b""))) == "0 HTTP exchanges"
    assert repr(HttpExchange(None, 1, None, None)) == "<HttpExchange 1 (no request) -> (no response)>"


def test_table_over_flows(tmp_path: Path) -> None:
    told = talk(("client", GET % b"one"), ("server", OK % len(PAGE) + PAGE))
    other = Conversation(client="10.0.0.3:1024", server="10.0.0.2:22", isn=77)
    other.handshake()
    other.client(b"SSH-2.0-x\r\n")
    path = tmp_path / "x.pcap"
    Capture(told, other).write(path)
    table = http_frame(reassemble(path, progress=False))
    assert len(table) == 1
    assert table.loc[0, "sha256"] == hashlib.sha256(PAGE).hexdigest()
    assert http_frame(reassemble(path, progress=False), bodies=False)["sha256"].isna().all()
