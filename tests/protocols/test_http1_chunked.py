from __future__ import annotations

import random

import pytest

from tcpflow_scapy.protocols.http1_chunked import Chunked, RangeList, read_chunked
from tcpflow_scapy.protocols.stream_bytes import ByteWindow, MemoryStream, Range, pieces


def read(data: bytes, *gaps: Range) -> Chunked:
    return read_chunked("response", ByteWindow(MemoryStream(data, gaps)), 0)


def body(data: bytes, chunked: Chunked) -> bytes:
    return b"".join(pieces(MemoryStream(data), chunked.ranges))


@pytest.mark.parametrize(
    ("data", "expected", "problems"),
    [
        (b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n", b"hello world", set()),
        (b'5;a="b;c"\r\nhello\r\n000\r\n\r\n', b"hello", set()),
        (b"A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", b"0123456789", set()),
        (b" 5 \r\nhello\r\n0\r\n\r\n", b"hello", set()),
        (b"5\nhello\n0\n\n", b"hello", set()),
        (b"5\r\nhello0\r\n\r\n", b"hello", set()),
        (b"0\r\n\r\n", b"", set()),
        (b"5\r\nhello\r\n0\r\n", b"hello", {"trailers_cut_short"}),
        (b"5\r\nhello\r\n0\r\nTrai", b"hello", {"trailers_cut_short"}),
    ],
)
def test_chunks(data: bytes, expected: bytes, problems: set[str]) -> None:
    found = read(data)
    assert body(data, found) == expected
    assert (found.ended, found.problems, found.end) == (True, problems, len(data))


@pytest.mark.parametrize(
    ("data", "expected", "problem"),
    [
        (b"5\r\nhel", b"hel", "body_cut_short"),
        (b"5\r\nhello\r\n", b"hello", "body_cut_short"),
        (b"5\r\nhello\r\n6", b"hello", "body_cut_short"),
        (b"5\r\nhello\r\nzz\r\n", b"hello", "bad_chunk"),
        (b"5\r\nhello\r\n-1\r\n", b"hello", "bad_chunk"),
        (b"5\r\nhello\r\n" + b"0" * 20_000, b"hello", "bad_chunk"),
        (b"5\r\nhello\r\nfffffffffffffffff\r\n", b"hello", "bad_chunk"),
        (b"5\r\nhello\r\nffffffffffffffff\r\nab", b"helloab", "body_cut_short"),
    ],
)
def test_bodies_that_do_not_end(data: bytes, expected: bytes, problem: str) -> None:
    found = read(data)
    assert body(data, found) == expected
    assert not found.ended
    assert found.problems == {problem}


@pytest.mark.parametrize("data", [b"<html>", b"hello\r\n", b"", b"5", b"zz\r\n"])
def test_what_is_not_chunked_at_all(data: bytes) -> None:
    assert read(data).is_chunked == (data in (b"", b"5"))  # these may be the beginning of a size


def test_next_message_right_after_the_last_size() -> None:
    data = b"5\r\nhello\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n"
    found = read(data)
    assert (found.end, found.problems, found.ended) == (13, {"no_end_of_chunks"}, True)


def test_gap_inside_chunk_data_is_stepped_over() -> None:
    data = b"64\r\n" + b"x" * 100 + b"\r\n5\r\nhello\r\n0\r\n\r\n"
    found = read(data, (10, 60))
    assert (found.ended, found.lost, found.problems) == (True, [], set())
    assert list(found.ranges) == [(4, 104), (109, 114)]


def chunked(parts: list[bytes]) -> tuple[bytes, list[Range]]:
    """A chunked body, and where each chunk's size line lies."""
    data = b""
    lines = []
    for part in parts:
        line = b"%x\r\n" % len(part)
        lines.append((len(data), len(data) + len(line)))
        data += line + part + b"\r\n"
    return data + b"0\r\n\r\n", lines


def test_gap_over_framing_is_overcome_at_the_next_boundary_that_holds() -> None:
    source = random.Random(7)
    parts = [source.randbytes(source.randrange(100, 900)) for _ in range(8)]
    # Something that looks like a boundary, and is none.
    parts[3] = b"some data\r\n1f\r\nmore data" * 9
    data, lines = chunked(parts)
    gap = (lines[3][0], lines[3][1] + 40)
    found = read(data, gap)
    assert found.ended
    assert found.end == len(data)
    assert found.problems == {"gap_in_framing"}
    assert found.lost == [gap]
    # All that was captured of the body, and nothing else; only how much the gap held is not known.
    tail = data[gap[1] : lines[4][0] - 2]
    before = b"".join(parts[:3])
    assert body(data, found) == before + tail + b"".join(parts[4:])


def test_gap_over_framing_without_another_boundary() -> None:
    data, lines = chunked([b"a" * 50, b"b" * 50])
    found = read(data[: lines[1][1] + 30], (lines[1][0], lines[1][1]))
    assert not found.ended
    assert found.lost == [lines[1]]


def test_gap_that_also_swallowed_the_next_message() -> None:
    data, lines = chunked([b"a" * 50])
    data += b"tail HTTP/1.1 200 OK\r\n\r\n5\r\nhello\r\n5\r\nhello\r\n"
    found = read(data, (lines[0][0], lines[0][1] + 60))
    assert not found.ended


def test_ranges_are_a_sequence() -> None:
    ranges = RangeList()
    for start, end in [(0, 3), (3, 5), (7, 7), (8, 9)]:
        ranges.append(start, end)
    assert list(ranges) == [(0, 5), (8, 9)]
    assert (len(ranges), ranges[-1], ranges[0:1]) == (2, (8, 9), [(0, 5)])
    with pytest.raises(IndexError):
        ranges[2]


def test_a_chunk_for_every_byte_stays_small() -> None:
    data = b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n"
    found = read(data)
    assert len(found.ranges) == 20_000
    assert body(data, found) == b"x" * 20_000
