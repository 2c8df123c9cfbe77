from __future__ import annotations

import h11
import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpflow_scapy.protocols.http1 import Http1Parser
from tcpflow_scapy.protocols.http1_message import PROBLEMS, Limits, Message
from tcpflow_scapy.protocols.stream_bytes import ByteWindow, MemoryStream, Range, pieces

from .messages import Made, conversations

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def read(
    side: str,
    data: bytes,
    *,
    gaps: tuple[Range, ...] = (),
    methods: tuple[bytes, ...] = (),
    **options: object,
) -> list[Message]:
    parser = Http1Parser(side, MemoryStream(data, gaps), **options)  # type: ignore[arg-type]
    return list(parser.messages(methods))


def responses(
    data: bytes, *gaps: Range, methods: tuple[bytes, ...] = (b"GET",) * 9, **options: object
) -> list[Message]:
    return read("response", data, gaps=gaps, methods=methods, **options)


def body(data: bytes, message: Message) -> bytes:
    return b"".join(pieces(MemoryStream(data), message.ranges))


def check(data: bytes, found: list[Message], made: list[Made]) -> None:
    """What was found is what was made, and every offset points at the right bytes."""
    assert len(found) == len(made)
    at = 0
    for message, expected in zip(found, made, strict=True):
        assert (message.start, message.end) == (at, at + len(expected.wire))
        at = message.end
        line = message.head.line
        assert (line.method.decode(), line.target.decode(), line.status) == (
            expected.method, expected.target, expected.status,
        )  # fmt: skip
        assert message.head.headers.items() == expected.headers
        for each in message.head.fields:
            assert data[each.start : each.end].startswith(each.name)
            assert data[each.start : each.end].endswith(b"\r\n")
        assert body(data, message) == expected.body
        assert (message.trailers.items() if message.trailers else []) == expected.trailers
        assert message.complete
        assert not message.problems


@settings(max_examples=60)
@given(conversations())
def test_well_formed_messages_are_read_as_made(conversation: list[tuple[Made, Made]]) -> None:
    asked, answered = zip(*conversation, strict=True)
    data = b"".join(m.wire for m in asked)
    check(data, read("request", data), list(asked))
    data = b"".join(m.wire for m in answered)
    check(data, read("response", data, methods=tuple(m.method.encode() for m in asked)), list(answered))


@settings(max_examples=60)
@given(conversations(), st.integers(1, 9), st.integers(1, 40))
def test_how_much_is_read_at_once_makes_no_difference(
    conversation: list[tuple[Made, Made]], first: int, most: int
) -> None:
    data = b"".join(m.wire for m, _ in conversation)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ByteWindow, "FIRST", first)
        patch.setattr(ByteWindow, "MOST", most)
        check(data, read("request", data), [m for m, _ in conversation])


class Collector:
    """What httptools makes of a stream."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, list[tuple[bytes, bytes]]]] = []
        self.body = b""
        self.headers: list[tuple[bytes, bytes]] = []

    def on_message_begin(self) -> None:
        self.body, self.headers = b"", []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.messages.append((self.body, self.headers))


@settings(max_examples=60)
@given(conversations())
def test_httptools_agrees(conversation: list[tuple[Made, Made]]) -> None:
    data = b"".join(m.wire for m, _ in conversation)
    oracle = Collector()
    httptools.HttpRequestParser(oracle).feed_data(data)
    found = read("request", data)
    assert [m[0] for m in oracle.messages] == [body(data, m) for m in found]
    assert [m[1] for m in oracle.messages] == [
        [(f.name, f.value) for f in [*m.head.fields, *(m.trailers.raw if m.trailers else [])]] for m in found
    ]


@settings(max_examples=60)
@given(conversations())
def test_h11_agrees(conversation: list[tuple[Made, Made]]) -> None:
    for request, response in conversation:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method=request.method, target=request.target, headers=[("Host", "x")]))
        client.send(h11.EndOfMessage())
        client.receive_data(response.wire)
        event = client.next_event()
        assert isinstance(event, h11.Response)
        data = b""
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            assert isinstance(event, h11.Data)
            data += event.data
        [found] = read("response", response.wire, methods=(request.method.encode(),))
        assert body(response.wire, found) == data


@given(st.binary(max_size=400), st.sampled_from(["request", "response"]))
def test_any_bytes_do_no_harm(data: bytes, side: str) -> None:
    for message in read(side, data):
        assert message.problems <= set(PROBLEMS)


@settings(max_examples=60)
@given(conversations(), st.data())
def test_damage_and_gaps_do_no_harm(conversation: list[tuple[Made, Made]], draw: st.DataObject) -> None:
    data = bytearray(b"".join(m.wire for _, m in conversation))
    for _ in range(draw.draw(st.integers(0, 3))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.sampled_from(b"\r\n :0\xffA"))
    edges = sorted(draw.draw(st.sets(st.integers(0, len(data)), max_size=6)))
    gaps = tuple(zip(edges[::2], edges[1::2], strict=False))
    last = 0
    for message in responses(bytes(data), *gaps):
        assert last <= message.start < message.end <= len(data)
        assert message.problems <= set(PROBLEMS)
        for start, end in message.ranges:
            assert message.head.end <= start < end <= message.end
        inside = [g for g in gaps if any(s < g[1] and g[0] < e for s, e in message.ranges)]
        assert bool(message.missing) >= bool(inside)
        last = message.end


# -- framing: one case for each rule -------------------------------------------------------------------


def test_until_close() -> None:
    data = b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 1000
    [message] = responses(data)
    assert (message.kind, message.ranges, message.complete) == ("close", ((19, 1019),), True)


def test_until_close_without_a_close_is_not_complete() -> None:
    [message] = responses(b"HTTP/1.0 200 OK\r\n\r\nabc", closed=False)
    assert message.problems == {"no_close_seen"}
    assert not message.complete
    [message] = responses(b"HTTP/1.0 200 OK\r\n\r\nabc", closed=None)
    assert message.complete


@pytest.mark.parametrize("status", [100, 102, 103, 199, 204, 304])
def test_statuses_without_a_body(status: int) -> None:
    data = b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n" % status + OK
    assert [m.kind for m in responses(data)] == ["none", "length"]


def test_head_has_no_body() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" + OK
    found = responses(data, methods=(b"HEAD", b"GET"))
    assert [body(data, m) for m in found] == [b"", b"ok"]


def test_unknown_request_and_a_response_where_a_body_should_be() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" + OK
    found = responses(data, methods=())
    assert [body(data, m) for m in found] == [b"", b"ok"]
    assert "not_sent" in found[0].problems


def test_known_request_is_believed() -> None:
    # A page about HTTP can begin with a status line.
    [message] = responses(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(OK) + OK)
    assert message.body_size == len(OK)


@pytest.mark.parametrize(
    ("fields", "length", "problems"),
    [
        (b"Content-Length: 5", 5, set()),
        (b"content-LENGTH:5", 5, set()),
        (b"Content-Length: 005", 5, set()),
        (b"Content-Length: 5\r\nContent-Length: 5", 5, {"repeated_content_length"}),
        (b"Content-Length: 5, 5", 5, {"repeated_content_length"}),
        (b"Content-Length: 3\r\nContent-Length: 5", 5, {"conflicting_content_length"}),
        (b"Content-Length: 5\r\nContent-Length: 3", 5, {"conflicting_content_length"}),
        (b"Content-Length: -1", 5 + len(OK), {"bad_content_length"}),
        (b"Content-Length: 0x5", 5 + len(OK), {"bad_content_length"}),
        (b"Content-Length: +5", 5 + len(OK), {"bad_content_length"}),
        (b"Content-Length: -1\r\nContent-Length: 5", 5, {"bad_content_length", "repeated_content_length"}),
        (b"Content-Length: 99999999999999999999999", 5 + len(OK), {"body_cut_short"}),
        (b"Content-Length: " + b"9" * 5000, 5 + len(OK), {"body_cut_short"}),
        (b"Transfer-Encoding: identity\r\nContent-Length: 5", 5, set()),
    ],
)
def test_content_lengths(fields: bytes, length: int, problems: set[str]) -> None:
    data = b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\nabcde" + OK
    message = responses(data)[0]
    assert message.body_size == length
    assert message.problems == problems


def test_huge_length_is_missing_not_zeros() -> None:
    [message] = responses(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nabc")
    assert message.ranges == ((50, 53),)
    assert message.missing == ((53, 50 + 10**12),)
    assert not message.ended


def test_length_and_chunked_is_chunked() -> None:
    data = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
        + OK
    )
    found = responses(data)
    assert [body(data, m) for m in found] == [b"ab", b"ok"]
    assert found[0].problems == {"length_and_chunked"}


def test_said_to_be_chunked_but_is_not() -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n<html>plain</html>"
    [message] = responses(data)
    assert body(data, message) == b"<html>plain</html>"
    assert message.problems == {"not_chunked"}


def test_transfer_codings_besides_chunked_are_named() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
    assert responses(head)[0].codings == ("gzip",)
    [message] = responses(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nabc")
    assert (message.kind, message.codings, message.body_size) == ("close", ("gzip",), 3)


def test_request_without_length_has_no_body() -> None:
    data = b"GET / HTTP/1.0\r\n\r\nPOST /x HTTP/1.1\r\nContent-Length: 1\r\n\r\nz"
    assert [m.body_size for m in read("request", data)] == [0, 1]


def test_client_that_waited_for_100_in_vain() -> None:
    data = b"PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 500\r\n\r\nGET /y HTTP/1.1\r\n\r\n"
    found = read("request", data)
    assert [m.head.line.target for m in found] == [b"/x", b"/y"]
    assert "not_sent" in found[0].problems


def test_switching_protocols_leaves_the_rest() -> None:
    data = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello"
    parser = Http1Parser("response", MemoryStream(data))
    [message] = parser.messages()
    assert (message.kind, parser.stopped, parser.offset) == ("tunnel", True, len(data) - 7)


def test_connect_leaves_the_rest() -> None:
    data = b"HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n\r\n\x16\x03\x01"
    parser = Http1Parser("response", MemoryStream(data))
    [message] = parser.messages([b"CONNECT"])
    assert (message.kind, parser.offset) == ("tunnel", len(data) - 3)
    refused = b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno" + OK
    assert len(responses(refused, methods=(b"CONNECT", b"GET"))) == 2


def test_http2_with_prior_knowledge_is_not_ours() -> None:
    parser = Http1Parser("request", MemoryStream(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4"))
    assert list(parser.messages()) == []
    assert (parser.stopped, parser.offset) == (True, 0)


# -- tolerance -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "headers", "problems"),
    [
        (
            b"HTTP/1.1 200 OK\nContent-Length: 2\nA: b\n\nok",
            [("Content-Length", "2"), ("A", "b")],
            {"bare_lf"},
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\t c\r\n  d\r\n\r\nok",
            [("Content-Length", "2"), ("A", "b c d")],
            {"folded_header"},
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
            [("Content-Length", "2")],
            {"space_before_colon"},
        ),
        (
            b"HTTP/1.1 200 OK\r\nBad Header Line\r\nContent-Length: 2\r\n\r\nok",
            [("Content-Length", "2")],
            {"junk_header"},
        ),
        (
            b"HTTP/1.1 200 OK\r\n: nameless\r\nContent-Length: 2\r\n\r\nok",
            [("Content-Length", "2")],
            {"junk_header"},
        ),
        (
            b"HTTP/1.1 200 OK\r\nA(b): c\r\nContent-Length: 2\r\n\r\nok",
            [("A(b)", "c"), ("Content-Length", "2")],
            {"bad_header_name"},
        ),
        (
            b"HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 2\r\n\r\nok",
            [("A", "b\0c"), ("Content-Length", "2")],
            {"bad_header_value"},
        ),
        (b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", [("Content-Length", "2")], set()),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", [("Content-Length", "2")], set()),
        (b"HTTP/1.1  200\tVery OK \r\nContent-Length: 2\r\n\r\nok", [("Content-Length", "2")], set()),
        (b"ICY 200 OK\r\nContent-Length: 2\r\n\r\nok", [("Content-Length", "2")], set()),
    ],
)
def test_what_strict_parsers_refuse(data: bytes, headers: list[tuple[str, str]], problems: set[str]) -> None:
    [message] = responses(data)
    assert message.head.line.status == 200
    assert message.head.headers.items() == headers
    assert body(data, message) == b"ok"
    assert message.problems == problems


def test_method_and_target_in_odd_spellings() -> None:
    data = b"M-Search  *  HTTP/1.1\r\n\r\nGET /a b c HTTP/1.1\r\n\r\nfoo\t/x\tHTTP/1.0 \r\n\r\n"
    found = [(m.head.line.method, m.head.line.target) for m in read("request", data)]
    assert found == [(b"M-Search", b"*"), (b"GET", b"/a b c"), (b"foo", b"/x")]


def test_http09() -> None:
    [request] = read("request", b"GET /\r\n")
    assert (request.head.line.version, request.head.line.target, request.complete) == (
        b"HTTP/0.9",
        b"/",
        True,
    )
    assert responses(b"<html>no head at all</html>") == []


def test_limits() -> None:
    many = b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 50 + b"Content-Length: 2\r\n\r\nok"
    [message] = responses(many, limits=Limits(headers=10))
    assert "too_many_headers" in message.problems
    assert len(message.head.fields) == 11
    large = b"HTTP/1.1 200 OK\r\nA: " + b"b" * 5000 + b"\r\n\r\n" + OK
    found = responses(large, limits=Limits(head=1000))
    assert "head_too_large" in found[0].problems
    assert not found[0].complete
    assert found[0].head.headers.items() == []
    assert body(large, found[1]) == b"ok"
    assert len(responses(OK * 5, limits=Limits(messages=3))) == 3


# -- finding the way back ------------------------------------------------------------------------------


@pytest.mark.parametrize("junk", [b"XX", b"</html>", b"HTTP/1.1 not", b"\0" * 5000, b"HTTP/1." * 1000])
def test_junk_before_a_response_is_skipped(junk: bytes) -> None:
    data = OK + junk + OK
    found = responses(data)
    assert [body(data, m) for m in found] == [b"ok", b"ok"]
    assert found[1].head.skipped == (len(OK), len(OK) + len(junk))
    assert "resynchronised" in found[1].problems


@pytest.mark.parametrize("junk", [b"XX\r\n", b"a=1&b=2", b'{"a": "GET"}', b" HTTP/1.1" * 500, b"\0" * 9000])
def test_junk_before_a_request_is_skipped(junk: bytes) -> None:
    one = b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
    data = one + junk + one
    found = read("request", data)
    assert [m.head.line.target for m in found] == [b"/x", b"/x"]
    assert found[1].head.skipped == (len(one), len(one) + len(junk))


def test_capture_that_begins_in_a_body() -> None:
    data = b"the tail of a page</html>" + OK
    [message] = responses(data)
    assert body(data, message) == b"ok"


def test_rest_that_is_no_message_is_named() -> None:
    parser = Http1Parser("response", MemoryStream(OK + b"\x16\x03\x01junk"))
    assert len(list(parser.messages())) == 1
    assert parser.skipped == (len(OK), len(OK) + 7)


def test_gap_in_a_body_is_only_a_gap() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123" + bytes(3) + b"789" + OK
    found = responses(data, (43, 46))
    assert found[0].missing == ((43, 46),)
    assert found[0].problems == {"gap_in_body"}
    assert (found[0].ended, found[0].complete) == (True, False)
    assert found[1].complete


def test_gap_in_a_head_keeps_what_came_before_it() -> None:
    data = b"HTTP/1.1 200 OK\r\nServer: a\r\nContent-Len" + bytes(9) + b"\xfe\x00\x01ok!" + OK
    found = responses(data, (39, 48))
    assert found[0].head.headers.items() == [("Server", "a")]
    assert found[0].problems == {"gap_in_head"}
    assert (found[0].end, found[0].complete, found[0].ranges) == (39, False, ())
    assert found[1].complete
    assert found[1].head.skipped == (39, 54)


def test_gap_in_a_start_line() -> None:
    data = b"HTTP/1.1 404 Not" + bytes(9) + b"\r\n\r\n" + OK
    found = responses(data, (16, 25))
    assert [m.head.line.status for m in found] == [404, 200]
    found = read("request", b"POST /abc" + bytes(9) + b"\r\n\r\n", gaps=((9, 18),))
    assert [m.head.line.target for m in found] == [b"/abc"]


def test_gap_between_messages() -> None:
    data = OK + bytes(100) + b"tail" + OK
    found = responses(data, (len(OK), len(OK) + 100))
    assert len(found) == 2
    assert found[1].head.skipped == (len(OK), len(OK) + 104)


def test_gap_behind_the_end_belongs_to_a_body_until_close() -> None:
    data = b"HTTP/1.0 200 OK\r\n\r\nabc"
    [message] = responses(data, (22, 500))
    assert message.missing == ((22, 500),)
    assert not message.complete


def test_stream_cut_in_a_head() -> None:
    [message] = responses(b"HTTP/1.1 200 OK\r\nServer: a\r\nContent-Le")
    assert message.problems == {"head_cut_short"}
    assert message.head.headers.items() == [("Server", "a")]


def test_lost_terabytes_cost_nothing() -> None:
    class Sparse(MemoryStream):
        @property
        def end(self) -> int:
            return 1 << 42

        def read(self, offset: int, n: int) -> bytes:
            assert n < 1 << 20
            return (OK * 2)[offset : offset + n] if offset < 200 else OK[offset - (1 << 42) :][:n]

    stream = Sparse(b"", [(2 * len(OK), (1 << 42) - len(OK))])
    assert len(list(Http1Parser("response", stream).messages())) == 3


# -- growth: bytes read, not seconds --------------------------------------------------------------------


class Counting(MemoryStream):
    """Counts what is read of it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.total = 0
        self.calls = 0

    def read(self, offset: int, n: int) -> bytes:
        piece = super().read(offset, n)
        self.total += len(piece)
        self.calls += 1
        return piece


def test_a_large_body_is_not_read() -> None:
    stream = Counting(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(20 << 20))
    [message] = Http1Parser("response", stream).messages()
    assert message.body_size == 20 << 20
    assert stream.total < 1 << 16


@pytest.mark.parametrize(
    "unit",
    [
        OK,
        OK + b"junk",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 204 No\n\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000,
        b"HTTP/1.1 200 ",
        b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n",
    ],
)
def test_every_byte_is_read_about_once(unit: bytes) -> None:
    stream = Counting(unit * (400_000 // len(unit)))
    for _ in Http1Parser("response", stream).messages([b"GET"] * 100_000):
        pass
    assert stream.total <= 3 * stream.end + 10_000


@pytest.mark.parametrize(
    "unit", [b" HTTP/1.1\r\n", b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n", b"a b c\n", b"A"]
)
def test_every_byte_of_the_other_side_too(unit: bytes) -> None:
    stream = Counting(unit * (400_000 // len(unit)))
    for _ in Http1Parser("request", stream).messages():
        pass
    assert stream.total <= 3 * stream.end + 10_000


def test_head_of_400_kilobytes() -> None:
    cookie = b"Cookie: " + b"c" * 400_000 + b"\r\n"
    [message] = read("request", b"GET /a HTTP/1.1\r\n" + cookie + b"\r\n")
    assert message.complete
    assert len(message.head.headers.get("Cookie")) == 400_000
    [message] = read("request", b"GET /" + b"a" * 400_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    assert (message.complete, len(message.head.line.target)) == (True, 400_001)


def test_a_form_without_a_length() -> None:
    form = b"user=ann&pass=secret"
    post = b"POST / HTTP/1.0\r\nHost: h\r\n\r\n"
    data = post + form
    [message] = read("request", data)
    assert (body(data, message), message.problems, message.complete) == (form, {"no_length"}, True)
    # What follows may be the next request, line breaks, or nothing.
    data = post + post + b"\r\n" + post + form + b"GET / HTTP/1.1\r\n\r\n"
    assert [body(data, m) for m in read("request", data)] == [b"", b"", form, b""]


def test_an_answer_to_head_with_a_body() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" + OK
    first, second = responses(data, methods=(b"HEAD", b"GET"))
    assert (body(data, first), body(data, second)) == (b"hello", b"ok")
    assert "unexpected_body" in first.problems


def test_body_wholly_in_a_gap_is_empty() -> None:
    for framing in (b"Content-Length: 40\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n28\r\n"):
        head = b"HTTP/1.1 200 OK\r\n" + framing
        end = b"\r\n0\r\n\r\n" if b"chunked" in framing else b""
        data = head + bytes(40) + end + OK
        first, second = responses(data, (len(head), len(head) + 40))
        assert (first.body_size, first.missing) == (0, ((len(head), len(head) + 40),))
        assert body(data, second) == b"ok"
