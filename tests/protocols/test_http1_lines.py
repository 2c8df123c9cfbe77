from __future__ import annotations

import pytest

from tcpflow_scapy.protocols.http1_lines import (
    Side,
    begins_message,
    find_message,
    parse_cut_line,
    parse_start_line,
)
from tcpflow_scapy.protocols.stream_bytes import ByteWindow, MemoryStream


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"HTTP/1.1 200 OK\r", 200, b"OK"),
        (b"HTTP/1.0 404", 404, b""),
        (b"HTTP/1.1 200 \r", 200, b""),
        (b"HTTP/1.1\t302  Moved  on ", 302, b"Moved  on"),
        (b"ICY 200 OK", 200, b"OK"),
        (b"HTTP/2.0 200 fine", 200, b"fine"),
    ],
)
def test_status_lines(line: bytes, status: int, reason: bytes) -> None:
    found = parse_start_line("response", line)
    assert found is not None
    assert (found.status, found.reason) == (status, reason)


@pytest.mark.parametrize(
    "line",
    [b"", b"HTTP/1.1", b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"RTSP/1.0 200 OK", b"XHTTP/1.1 200 OK"],
)
def test_no_status_lines(line: bytes) -> None:
    assert parse_start_line("response", line) is None


@pytest.mark.parametrize(
    "line",
    [b"", b"GET /", b"GET HTTP/1.1", b"GET  HTTP/1.1", b"DESCRIBE rtsp://x RTSP/1.0", b"(x) / HTTP/1.1"],
)
def test_no_request_lines(line: bytes) -> None:
    assert parse_start_line("request", line) is None


def test_a_line_of_blanks_costs_nothing() -> None:
    for line in (b"HTTP/1.1 200" + b" " * 60_000 + b"x" + b" " * 60_000, b"GET /" + b" " * 120_000 + b"x"):
        parse_start_line("response", line)
        parse_start_line("request", line)


def test_cut_lines() -> None:
    found = parse_cut_line("request", b"GET /a/b?c")
    assert found is not None
    assert found.target == b"/a/b?c"
    assert parse_cut_line("request", b"HELO /a") is None
    assert parse_cut_line("response", b"HTTP/1.1 2") is None


@pytest.mark.parametrize(
    ("side", "data", "expected"),
    [
        ("response", b"xxHTTP/1.1 200 OK\r\n", 2),
        ("response", b"HTTP/1.1 999 OK HTTP/1.0 404\r\n", 16),
        ("response", b"HTTP/1.HTTP/1.1 200 OK\r\n", 7),
        ("response", b"GET / HTTP/1.1\r\n", None),
        ("request", b"tail\r\nGET / HTTP/1.1\r\nHost: x\r\n", 6),
        ("request", b"tailGET / HTTP/1.1\r\n\r\n", 4),
        ("request", b'{"a": 1}POST /x?y HTTP/1.0\r\nHost: x', 8),
        ("request", b"\nBREW /pot HTTP/1.1\r\n\r\n", 1),
        ("request", b"tailBREW /pot HTTP/1.1\r\n\r\n", None),
        ("request", b"GET / HTTP/1.1\r\n<html>", None),
        ("request", b"the text says: GET / HTTP/1.1 and more", None),
        ("request", b"\nhello / HTTP/1.1\r\n\r\n", None),
        ("request", b"xPOST /a HTTP/1.1 POST /b HTTP/1.1\r\n\r\n", 18),
    ],
)
def test_next_message(side: Side, data: bytes, expected: int | None) -> None:
    stream = MemoryStream(data)
    wanted = stream.end if expected is None else expected
    assert find_message(side, ByteWindow(stream), 0) == wanted
    small = ByteWindow(stream)
    small.FIRST = small.MOST = 3  # type: ignore[misc]
    assert find_message(side, small, 0) == wanted


def test_next_message_beyond_a_window_and_a_gap() -> None:
    data = b"x" * 300_000 + bytes(50) + b"y" * 100 + b"HTTP/1.1 200 OK\r\n\r\n"
    stream = MemoryStream(data, [(300_000, 300_050)])
    assert find_message("response", ByteWindow(stream), 0) == 300_150


def test_begins_message() -> None:
    window = ByteWindow(MemoryStream(b"GET /a HTTP/1.1\r\n\r\nHTTP/1.0 200\r\n\r\n"))
    assert begins_message("request", window, 0)
    assert not begins_message("request", window, 1)
    assert begins_message("response", window, 19)
    assert not begins_message("response", window, 20)
