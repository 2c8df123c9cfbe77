from __future__ import annotations

from hypothesis import given, settings

from tcpflow_scapy.protocols.http_pairing import Pair, Pairing, spoken_side
from tcpflow_scapy.protocols.stream_bytes import MemoryStream, Range

from .messages import Made, conversations


def get(path: str, *more: bytes) -> bytes:
    return b"\r\n".join([b"GET %s HTTP/1.1" % path.encode(), b"Host: h", *more, b"", b""])


def ok(body: bytes = b"ok", status: int = 200) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


def pairs(asked: MemoryStream, answered: MemoryStream) -> list[tuple[str, str]]:
    """(target, first four bytes of the answer) of every pair; a dash where there is none."""
    return [(target(pair), answer(pair, answered)) for pair in Pairing(asked, answered).pairs()]


def target(pair: Pair) -> str:
    return pair.request.head.line.target.decode() if pair.request else "-"


def answer(pair: Pair, stream: MemoryStream) -> str:
    if pair.response is None:
        return "-"
    return b"".join(stream.read(a, b - a) for a, b in pair.response.ranges)[:4].decode()


def timed(*parts: tuple[int, bytes], gaps: tuple[Range, ...] = (), from_start: bool = True) -> MemoryStream:
    """A stream of parts, each with the time at which it came."""
    data, times = b"", []
    for time, part in parts:
        times.append((len(data), time))
        data += part
    return MemoryStream(data, gaps, times=times, from_start=from_start)


@settings(max_examples=60)
@given(conversations())
def test_whole_directions_pair_in_order(conversation: list[tuple[Made, Made]]) -> None:
    asked = MemoryStream(b"".join(q.wire for q, _ in conversation))
    answered = MemoryStream(b"".join(a.wire for _, a in conversation))
    found = list(Pairing(asked, answered).pairs())
    assert len(found) == len(conversation)
    for pair, (request, response) in zip(found, conversation, strict=True):
        assert pair.request is not None
        assert pair.response is not None
        assert pair.certain
        assert pair.request.head.line.method.decode() == request.method
        assert pair.response.head.line.status == response.status
        assert answered.read(pair.response.start, pair.response.end - pair.response.start) == response.wire


def test_informational_responses_belong_to_the_next_final_one() -> None:
    answered = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + ok() + ok(b"two")
    found = list(Pairing(MemoryStream(get("/1") + get("/2")), MemoryStream(answered)).pairs())
    assert [[m.head.line.status for m in pair.informational] for pair in found] == [[100, 103], []]


def test_head_is_known_from_the_request() -> None:
    asked = MemoryStream(b"HEAD /a HTTP/1.1\r\n\r\n" + get("/b"))
    answered = MemoryStream(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" + ok(b"next"))
    assert pairs(asked, answered) == [("/a", ""), ("/b", "next")]


def test_requests_without_answers_and_answers_without_requests() -> None:
    assert pairs(MemoryStream(get("/1") + get("/2")), MemoryStream(ok(b"one"))) == [
        ("/1", "one"),
        ("/2", "-"),
    ]
    assert pairs(MemoryStream(get("/1")), MemoryStream(ok(b"one") + ok(b"two"))) == [
        ("/1", "one"),
        ("-", "two"),
    ]
    assert pairs(MemoryStream(get("/1")), MemoryStream(b"")) == [("/1", "-")]
    assert pairs(MemoryStream(b""), MemoryStream(ok(b"one"))) == [("-", "one")]


def test_upgrade_stops_both_directions() -> None:
    asked = MemoryStream(get("/ws", b"Upgrade: websocket") + b"\x81\x85GET / HTTP/1.1\r\n\r\n")
    answered = MemoryStream(b"HTTP/1.1 101 Switching\r\nUpgrade: WebSocket\r\n\r\n\x81\x02hi")
    pairing = Pairing(asked, answered)
    [pair] = pairing.pairs()
    assert pair.upgrade == "websocket"
    assert pairing.rest is not None
    assert (asked._data[pairing.rest[0] :][:2], answered._data[pairing.rest[1] :]) == (
        b"\x81\x85",
        b"\x81\x02hi",
    )


def test_refused_upgrade_goes_on() -> None:
    asked = MemoryStream(get("/ws", b"Upgrade: websocket") + get("/next"))
    answered = MemoryStream(ok(b"no", 400) + ok(b"yes"))
    assert pairs(asked, answered) == [("/ws", "no"), ("/next", "yes")]


def test_tunnel_and_refused_tunnel() -> None:
    connect = b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"
    pairing = Pairing(MemoryStream(connect + b"\x16\x03"), MemoryStream(b"HTTP/1.1 200 Go\r\n\r\n\x16\x03"))
    [pair] = pairing.pairs()
    assert (pair.upgrade, pairing.rest) == ("connect", (len(connect), 19))
    asked, answered = MemoryStream(connect * 2), MemoryStream(ok(b"auth", 407) + b"HTTP/1.1 200 Go\r\n\r\n")
    assert [p.upgrade for p in Pairing(asked, answered).pairs()] == ["", "connect"]


def test_http2_with_prior_knowledge_has_no_pairs() -> None:
    assert pairs(MemoryStream(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), MemoryStream(b"\0\0\0\4\0\0\0\0\0")) == []


def test_pipelining() -> None:
    asked = MemoryStream(get("/1") + get("/2") + get("/3"))
    assert pairs(asked, MemoryStream(ok(b"1") + ok(b"2") + ok(b"3"))) == [
        ("/1", "1"),
        ("/2", "2"),
        ("/3", "3"),
    ]


def test_capture_that_begins_between_a_question_and_its_answer() -> None:
    asked = timed((20, get("/2")), (40, get("/3")), from_start=False)
    answered = timed((10, ok(b"one")), (30, ok(b"two")), (50, ok(b"thr")), from_start=False)
    assert pairs(asked, answered) == [("-", "one"), ("/2", "two"), ("/3", "thr")]


def test_lost_request() -> None:
    lost = get("/2")
    start = len(get("/1"))
    asked = timed(
        (10, get("/1")), (30, bytes(len(lost))), (50, get("/3")), gaps=((start, start + len(lost)),)
    )
    answered = timed((20, ok(b"one")), (40, ok(b"two")), (60, ok(b"thr")))
    assert pairs(asked, answered) == [("/1", "one"), ("-", "two"), ("/3", "thr")]


def test_lost_response() -> None:
    asked = timed((10, get("/1")), (30, get("/2")), (50, get("/3")))
    start = len(ok(b"one"))
    answered = timed(
        (20, ok(b"one")), (40, bytes(len(ok(b"two")))), (60, ok(b"thr")), gaps=((start, 2 * start),)
    )
    pairing = Pairing(asked, answered)
    found = [(target(pair), answer(pair, answered), pair.certain) for pair in pairing.pairs()]
    assert found == [
        ("/1", "one", True),
        ("/2", "-", True),
        ("/3", "thr", True),
    ]  # a gap hides no less than one


def test_clock_that_runs_backwards_breaks_no_whole_flow() -> None:
    asked = timed((100, get("/1")), (90, get("/2")))
    answered = timed((20, ok(b"one")), (10, ok(b"two")))
    assert pairs(asked, answered) == [("/1", "one"), ("/2", "two")]


def test_without_a_clock_order_decides() -> None:
    asked = MemoryStream(get("/1") + get("/2"), from_start=False)
    answered = MemoryStream(ok(b"one") + ok(b"two"), from_start=False)
    assert pairs(asked, answered) == [("/1", "one"), ("/2", "two")]


def test_who_asks() -> None:
    assert spoken_side(MemoryStream(get("/"))) == "request"
    assert spoken_side(MemoryStream(b"\r\n" + ok())) == "response"
    assert spoken_side(MemoryStream(b"GET /cut")) == "request"
    assert spoken_side(MemoryStream(bytes(20) + ok(), [(0, 20)])) == "response"
    for other in (b"", b"SSH-2.0-x\r\n", b"\x16\x03\x01", b"EHLO x\r\n", b"GET /\r\n"):
        assert spoken_side(MemoryStream(other)) is None


def test_http_inside_a_tunnel_goes_on() -> None:
    connect = b"CONNECT h:80 HTTP/1.1\r\n\r\n"
    asked = MemoryStream(connect + get("/in") + connect + get("/deeper"))
    go = b"HTTP/1.1 200 Go\r\n\r\n"
    answered = MemoryStream(go + ok(b"in") + go + ok(b"deeper"))
    found = list(Pairing(asked, answered).pairs())
    assert [(target(pair), pair.upgrade, answer(pair, answered)) for pair in found] == [
        ("h:80", "connect", ""),
        ("/in", "", "in"),
        ("h:80", "connect", ""),
        ("/deeper", "", "deep"),
    ]


def test_tunnel_after_a_loss_ends_the_questions() -> None:
    connect = b"CONNECT h:443 HTTP/1.1\r\n\r\n"
    asked = MemoryStream(bytes(40) + connect + b"\x16\x03\x01 GET / HTTP/1.1\r\n\r\n", [(0, 40)])
    answered = MemoryStream(ok(b"lost") + b"HTTP/1.1 200 Go\r\n\r\n\x16\x03\x03")
    found = list(Pairing(asked, answered).pairs())
    assert [(target(pair), pair.upgrade) for pair in found] == [("-", ""), ("h:443", "connect")]


def test_acknowledgments_count_more_than_times() -> None:
    # The clock says that the second answer came after the third question; the server had not heard it yet.
    first, lost, third = get("/1"), get("/2" + "x" * 300), get("/3")
    start, end = len(first), len(first) + len(lost)
    asked = MemoryStream(
        first + bytes(len(lost)) + third, [(start, end)], times=[(0, 10), (end, 11)], acks=[(0, 0), (end, 40)]
    )
    answers = ok(b"one") + ok(b"two") + ok(b"thr")
    size = len(ok(b"one"))
    answered = MemoryStream(
        answers,
        times=[(0, 12), (size, 13), (2 * size, 14)],
        acks=[(0, start), (size, end), (2 * size, end + len(third))],
    )
    assert pairs(asked, answered) == [("/1", "one"), ("-", "two"), ("/3", "thr")]


def test_head_without_a_body_behind_a_gap_keeps_the_bodies_of_others() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
    start = len(head)
    answered = MemoryStream(
        head + bytes(60) + ok(b"next"),
        [(start, start + 60)],
        acks=[(0, 0), (start + 60, 0)],
        from_start=False,
    )
    assert ("-", "next") in pairs(MemoryStream(b""), answered)


def test_chunks_that_may_be_of_another_answer_leave_doubt() -> None:
    first = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    rest = b"xyz\r\n4\r\ndefg\r\n0\r\n\r\n"
    gap = (len(first), len(first) + 50)
    asked = MemoryStream(get("/1") + get("/2"))
    for heard, certain in ((len(get("/1")), True), (len(get("/1") + get("/2")), False)):
        answered = MemoryStream(first + bytes(50) + rest, [gap], acks=[(0, len(get("/1"))), (gap[1], heard)])
        assert next(Pairing(asked, answered).pairs()).certain == certain


def test_http09_answer_has_no_head() -> None:
    answered = MemoryStream(b"<p>old</p>")
    [pair] = Pairing(MemoryStream(b"GET /old\r\n"), answered).pairs()
    assert pair.response is not None
    assert (pair.response.head.line.version, answer(pair, answered)) == (b"HTTP/0.9", "<p>o")
    # A server may answer in a newer version.
    assert pairs(MemoryStream(b"GET /old\r\n"), MemoryStream(ok(b"new"))) == [("/old", "new")]


def test_a_body_that_was_refused_is_not_missing() -> None:
    put = b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
    refusal, leave = ok(b"no", 413), b"HTTP/1.1 100 Continue\r\n\r\n"
    for answers, problems in ((refusal, {"not_sent"}), (leave + refusal, {"body_cut_short"})):
        [pair] = Pairing(MemoryStream(put, closed=None), MemoryStream(answers)).pairs()
        assert pair.request is not None
        assert pair.request.problems == problems
        assert bool(pair.request.missing) == ("not_sent" not in problems)
    # What the server acknowledged did travel.
    [pair] = Pairing(
        MemoryStream(put, [(len(put), len(put) + 9)], closed=None), MemoryStream(refusal)
    ).pairs()
    assert pair.request is not None
    assert pair.request.missing


def test_a_body_that_looks_like_a_request_after_leave_was_asked() -> None:
    body, leave = get("/inner"), b"HTTP/1.1 100 Continue\r\n\r\n"
    expects = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"

    def found(length: int, answers: bytes) -> list[tuple[str, bool]]:
        asked = MemoryStream(expects % length + body + get("/next"))
        return [(target(pair), pair.certain) for pair in Pairing(asked, MemoryStream(answers)).pairs()]

    # Whoever got leave sent it.
    assert found(len(body), leave + ok() + ok()) == [("/", True), ("/next", True)]
    # Without it (a server may leave it out) either can be, unless the body has another length.
    assert not any(certain for _, certain in found(len(body), ok() + ok()))
    refused = [("/", True), ("/inner", True), ("/next", True)]
    assert found(500, ok(status=417) + ok() + ok()) == refused
