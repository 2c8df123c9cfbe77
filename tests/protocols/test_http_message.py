from __future__ import annotations

import pytest

from tcpflow_scapy.errors import StreamTooSparse
from tcpflow_scapy.protocols.http1 import Http1Parser
from tcpflow_scapy.protocols.http1_lines import Side
from tcpflow_scapy.protocols.http_message import HttpMessage
from tcpflow_scapy.protocols.stream_bytes import MemoryStream, Range

BODY = b"hello"


def message(side: Side, data: bytes, *gaps: Range) -> HttpMessage:
    stream = MemoryStream(data, gaps)
    [found] = Http1Parser(side, stream).messages([b"GET"])
    return HttpMessage(found, stream, "client" if side == "request" else "server", 1)


def response(*fields: str, body: bytes = BODY) -> HttpMessage:
    head = "".join(f"{field}\r\n" for field in (*fields, f"Content-Length: {len(body)}"))
    return message("response", f"HTTP/1.1 200 OK\r\n{head}\r\n".encode("latin-1") + body)


@pytest.mark.parametrize(
    ("head", "host", "url"),
    [
        (b"GET /a?b HTTP/1.1\r\nHost: h:81\r\n", "h:81", "http://h:81/a?b"),
        (b"GET http://user:pw@p:1/x HTTP/1.1\r\nHost: h\r\n", "p:1", "http://user:pw@p:1/x"),
        (b"CONNECT h:443 HTTP/1.1\r\nHost: x\r\n", "h:443", "h:443"),
        (b"OPTIONS * HTTP/1.1\r\nHost: h\r\n", "h", "*"),
        (b"GET /a HTTP/1.0\r\n", "", "/a"),
    ],
)
def test_where_a_request_goes(head: bytes, host: str, url: str) -> None:
    request = message("request", head + b"\r\n")
    assert (request.host, request.url) == (host, url)


def test_a_response_has_no_url() -> None:
    assert (response().url, response().method, response().status) == ("", "", 200)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes 0-4/10", (0, 5, 10)),
        ("Bytes 5 - 9 / *", (5, 10, None)),
        ("bytes */10", None),
        ("bytes 9-5/10", None),
        ("bytes 0-10/10", None),
        ("lines 1-2/3", None),
        ("", None),
    ],
)
def test_content_range(value: str, expected: tuple[int, int, int | None] | None) -> None:
    assert response(f"Content-Range: {value}").content_range == expected


def test_file_name_and_type() -> None:
    found = response('Content-Disposition: attachment; filename="../evil.exe"', "Content-Type: Image/PNG;x=y")
    assert (found.filename, found.content_type, found.extension) == ("../evil.exe", "image/png", "png")
    assert found.sniffed_type == "text/plain"


def test_parts() -> None:
    found = response(
        "Content-Type: multipart/mixed; boundary=B", body=b"--B\r\n\r\none\r\n--B\r\n\r\ntwo\r\n--B--"
    )
    assert [part.data for part in found.parts] == [b"one", b"two"]
    assert response().parts == []


@pytest.mark.parametrize(
    ("charset", "body", "expected"),
    [
        ("latin-1", b"gr\xfc\xdfe", "grüße"),
        ("utf-8", b"a\x1b[31m\r\nb", "a\\x1b[31m\nb"),
        ("nonsense", b"abc\xff", "abc\\xff"),
        ("hex", b"abc", "abc"),
        ("punycode", b"abc-", "abc-"),
        ("a\x01b", b"abc", "abc"),
    ],
)
def test_text_is_safe_in_any_character_set(charset: str, body: bytes, expected: str) -> None:
    assert response(f'Content-Type: text/plain; charset="{charset}"', body=body).text() == expected


def test_transfer_and_content_codings_come_off() -> None:
    import gzip
    import zlib

    coded = gzip.compress(zlib.compress(BODY))
    data = (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
        + b"%x\r\n" % len(coded) + coded + b"\r\n0\r\nX-Checksum: 1\r\n\r\n"
    )  # fmt: skip
    found = message("response", data)
    assert found.body == BODY
    assert found.raw_body == coded
    assert found.facts.applied == ("gzip", "deflate")
    assert found.trailers["x-checksum"] == "1"
    assert found.is_coded


def test_no_body_has_no_hash() -> None:
    found = message("response", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")
    assert (found.body, found.size, found.sha256) == (b"", 0, None)


def test_pieces_know_their_place() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"
    at = len(head)
    found = message("response", head + b"012\0\x0056789abcdefgh\0\0", (at + 3, at + 5), (at + 18, at + 20))
    assert list(found.placed_pieces()) == [(0, b"012"), (5, b"56789abcdefgh")]
    assert found.body == b"012\0\x0056789abcdefgh\0\0"
    assert (found.sha256, found.facts.complete, found.size) == (None, False, 20)


def test_chunked_pieces_know_their_place() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = head + b"5\r\n01234\r\n5\r\nabcde\r\n0\r\n\r\n"
    gap = data.index(b"bcd")
    found = message("response", data, (gap, gap + 2))
    assert list(found.placed_pieces()) == [(0, b"01234"), (5, b"a"), (8, b"de")]


class Sparse(MemoryStream):
    """Two terabytes with nothing in the middle."""

    @property
    def end(self) -> int:
        return 1 << 41

    def read(self, offset: int, n: int) -> bytes:
        assert n <= 1 << 20
        return super().read(offset, n).ljust(n, b"\0")


def test_very_many_missing_bytes_are_refused_not_filled() -> None:
    head = b"HTTP/1.0 200 OK\r\n\r\nabc"
    stream = Sparse(head, [(len(head), (1 << 41) - 3)])
    [found] = Http1Parser("response", stream).messages()
    sparse = HttpMessage(found, stream, "server", 1)
    with pytest.raises(StreamTooSparse):
        _ = sparse.body
    with pytest.raises(StreamTooSparse):
        _ = sparse.raw_body
    assert sparse.sha256 is None
    assert sparse.size == (1 << 41) - 19
    assert [(at, len(piece)) for at, piece in sparse.placed_pieces()] == [(0, 3), ((1 << 41) - 22, 3)]


def test_repr_is_one_safe_line() -> None:
    found = message("request", b"GET /\x1b[31m" + b"a" * 1000 + b" HTTP/1.1\r\nContent-Type: \x07\r\n\r\n")
    assert repr(found).isprintable()
    assert len(repr(found)) < 300
