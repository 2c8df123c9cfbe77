"""Random HTTP conversations that lose frames, and what was really said in them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from .traffic import Conversation

METHODS = ("GET", "GET", "GET", "HEAD", "POST")
STATUSES = (200, 200, 200, 404, 204, 304)


@dataclass
class Said:
    """One message as it was sent: where its head begins, and its body."""

    wire: bytes
    body: bytes
    head: int
    """offset of the start line in `wire`: 1xx responses come before it"""
    start: int = 0
    """stream offset of the start line"""


@dataclass
class HttpTalk:
    """A conversation with its requests and responses, each pair by the same index."""

    conversation: Conversation
    requests: list[Said] = field(default_factory=list)
    responses: list[Said] = field(default_factory=list)


def chunked(rng: random.Random, body: bytes) -> bytes:
    wire, at = b"", 0
    while at < len(body):
        piece = body[at : at + rng.randint(1, len(body))]
        wire += b"%x\r\n" % len(piece) + piece + b"\r\n"
        at += len(piece)
    return wire + b"0\r\n\r\n"


def _filler(rng: random.Random) -> bytes:
    """A header field that makes heads of very different lengths."""
    return b"X: " + b"z" * rng.choice((0, 5, 40, 300, 2000)) + b"\r\n" if rng.random() < 0.5 else b""


def _request(rng: random.Random, number: int, method: str, more: bytes) -> Said:
    head = b"%s /%d HTTP/1.1\r\nHost: h\r\n%s%s" % (method.encode(), number, more, _filler(rng))
    if method != "POST":
        return Said(head + b"\r\n", b"", 0)
    body = rng.choice((b"a=1&", b"GET /inner HTTP/1.1\r\nHost: h\r\n\r\n")) * rng.choice((1, 3, 700))
    if rng.random() < 0.5:
        return Said(head + b"Content-Length: %d\r\n\r\n" % len(body) + body, body, 0)
    return Said(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(rng, body), body, 0)


def _response(rng: random.Random, number: int, method: str, interim: bytes, last: bool) -> Said:
    status = rng.choice(STATUSES)
    head = b"HTTP/1.1 %d X\r\n%s" % (status, _filler(rng))
    body = b"<%d>" % number * rng.choice((1, 2, 30, 900))
    kind = rng.choice(("length", "length", "chunked") + (("close",) if last else ()))
    if status in (204, 304):
        kind, body = "none", b""
    if kind == "length":
        head += b"Content-Length: %d\r\n" % len(body)
    elif kind == "chunked":
        head += b"Transfer-Encoding: chunked\r\n"
    if method == "HEAD":
        kind, body = "none", b""
    wire = interim + head + b"\r\n" + (chunked(rng, body) if kind == "chunked" else body)
    return Said(wire, body, len(interim))


def http_talk(seed: int, depth: int, tunnels: int = 0) -> HttpTalk:
    """A conversation of up to nine exchanges with up to `depth` requests waiting; every frame of it.

    They lie inside so many tunnels, the requests for which come first.
    """
    rng = random.Random(seed)
    talk = HttpTalk(Conversation())
    for number in range(tunnels):
        talk.requests.append(
            Said(b"CONNECT h%d:80 HTTP/1.1\r\nHost: h\r\n%s\r\n" % (number, _filler(rng)), b"", 0)
        )
        talk.responses.append(Said(b"HTTP/1.1 200 Established\r\n%s\r\n" % _filler(rng), b"", 0))
    count = rng.randint(2, 9)
    for number in range(count):
        method = rng.choice(METHODS)
        interim, more = b"", b""
        if rng.random() < 0.1:
            interim, more = b"HTTP/1.1 100 Continue\r\n\r\n", b"Expect: 100-continue\r\n"
            method = rng.choice((method, "POST"))
        talk.requests.append(_request(rng, number, method, more))
        talk.responses.append(_response(rng, number, method, interim, number == count - 1))
    for messages in (talk.requests, talk.responses):
        at = 0
        for said in messages:
            said.start = at + said.head
            at += len(said.wire)
    _send(rng, talk, depth)
    return talk


def _send(rng: random.Random, talk: HttpTalk, depth: int) -> None:
    c, mss = talk.conversation, rng.choice((100, 536, 1460))
    count = len(talk.requests)
    answers = count - rng.choice((0, 0, 0, 1))
    asked = answered = 0
    c.handshake()
    while answered < answers:
        several = 1 + (rng.random() < 0.3)
        if asked < count and asked - answered < depth and (asked == answered or rng.random() < 0.6):
            until = min(asked + several, count, answered + depth)
            c.segments("client", b"".join(said.wire for said in talk.requests[asked:until]), mss)
            asked = until
        else:
            until = min(answered + several, asked, answers)
            c.segments("server", b"".join(said.wire for said in talk.responses[answered:until]), mss)
            answered = until
        if rng.random() < 0.5:
            c.ack(rng.choice(("client", "server")))
    c.close(rng.choice(("client", "server")))
    del talk.requests[asked:], talk.responses[answers:]


def lose_frames(seed: int, talk: HttpTalk) -> None:
    """Some frames, one after the other, or here and there."""
    rng = random.Random(seed)
    frames = talk.conversation.frames
    data = [frame for frame in frames if frame.payload]
    if rng.random() < 0.3:
        first = rng.randrange(len(data))
        gone = data[first : first + rng.randint(1, 4)]
    elif rng.random() < 0.7:
        gone = rng.sample(data, min(len(data), rng.randint(1, 3)))
    else:
        gone = [frame for frame in frames[3:] if rng.random() < 0.15]
    lost = {id(frame) for frame in gone}
    frames[:] = [frame for frame in frames if id(frame) not in lost]
