from __future__ import annotations

import gzip
import random

import pytest

from tcpflow_scapy.errors import StreamTooSparse
from tcpflow_scapy.protocols.http import exchanges
from tcpflow_scapy.protocols.http_ranges import RangedObject, join_ranges
from tcpflow_scapy.protocols.stream_bytes import MemoryStream

FILE = random.Random(3).randbytes(1000)
GET = b"GET /film HTTP/1.1\r\nHost: h\r\nRange: bytes=x\r\n\r\n"


def part(start: int, end: int, *fields: bytes, data: bytes = FILE, total: bytes = b"1000") -> bytes:
    body = data[start:end]
    lines = [
        b"HTTP/1.1 206 Partial Content",
        b"Content-Range: bytes %d-%d/%s" % (start, end - 1, total),
        b"Content-Length: %d" % len(body),
        *fields,
    ]
    return b"\r\n".join([*lines, b"", body])


def join(*answers: bytes) -> list[RangedObject]:
    found = []
    for answer in answers:  # each over a connection of its own
        found += exchanges(MemoryStream(GET), MemoryStream(answer))
    return join_ranges(found)


def test_ranges_become_the_whole() -> None:
    [whole] = join(part(600, 1000), part(0, 300), part(300, 600))
    assert whole.complete
    assert whole.body() == FILE
    assert (whole.url, whole.total, len(whole.exchanges)) == ("http://h/film", 1000, 3)


def test_overlapping_ranges_and_missing_ones() -> None:
    [whole] = join(part(0, 300), part(200, 400), part(700, 900))
    assert whole.missing == [(400, 700), (900, 1000)]
    assert whole.body() == FILE[:400] + bytes(300) + FILE[700:900] + bytes(100)
    assert repr(whole) == "<RangedObject http://h/film 1000 bytes, 3 ranges, 2 ranges missing>"


def test_other_versions_are_other_objects() -> None:
    assert len(join(part(0, 500, b'ETag: "1"'), part(500, 1000, b'ETag: "2"'))) == 2


def test_coded_objects_are_joined_before_they_are_decoded() -> None:
    page = b"line\n" * 5000
    coded = gzip.compress(page)
    total = b"%d" % len(coded)
    cut = len(coded) // 2
    fields = (b"Content-Encoding: gzip",)
    ends = [
        part(0, cut, *fields, data=coded, total=total),
        part(cut, len(coded), *fields, data=coded, total=total),
    ]
    [whole] = join(*ends)
    assert whole.body() == page
    [half] = join(ends[0])
    assert page.startswith(half.body())


def test_several_ranges_in_one_response() -> None:
    body = b"".join(
        b"--B\r\nContent-Range: bytes %d-%d/1000\r\n\r\n" % (start, end - 1) + FILE[start:end] + b"\r\n"
        for start, end in ((500, 1000), (0, 500))
    )
    answer = b"HTTP/1.1 206 X\r\nContent-Type: multipart/byteranges; boundary=B\r\nContent-Length: %d\r\n\r\n"
    body += b"--B--\r\n"
    [whole] = join(answer % len(body) + body)
    assert whole.body() == FILE


def test_ranges_that_are_not_what_they_say_are_left_out() -> None:
    short = b"HTTP/1.1 206 X\r\nContent-Range: bytes 0-99/1000\r\nContent-Length: 5\r\n\r\nshort"
    assert join(short, part(0, 300)[:-10], b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") == []


def test_absurd_size_is_refused() -> None:
    [whole] = join(part(0, 10, total=b"99999999999999999"))
    with pytest.raises(StreamTooSparse):
        _ = whole.raw_body
    assert not whole.complete
