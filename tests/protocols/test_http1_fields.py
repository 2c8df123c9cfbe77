from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.protocols.http1_fields import Headers, parse_fields


def test_headers_are_found_in_any_case() -> None:
    fields, problems = parse_fields(b"Set-Cookie: a\r\nset-cookie:b\r\nX: \xff\r\n\r\n", 10, 50)
    headers = Headers(fields)
    assert not problems
    assert headers["SET-COOKIE"] == "a"
    assert headers.get_all("set-cookie") == ["a", "b"]
    assert "x" in headers
    assert "y" not in headers
    assert headers["x"] == "ÿ"
    assert headers.get("y", "none") == "none"
    assert list(headers) == ["Set-Cookie", "set-cookie", "X"]
    assert len(headers) == 3
    with pytest.raises(KeyError):
        headers["y"]
    assert (fields[1].start, fields[1].end) == (25, 39)


def test_repr_shows_no_control_characters() -> None:
    fields, _ = parse_fields(b"A\x1b[31m: \x1b]0;x\x07\r\n", 0, 50)
    assert repr(Headers(fields)).isprintable()


def test_folded_lines_are_joined_once() -> None:
    fields, problems = parse_fields(b"A: b\r\n" + b" c\r\n" * 50_000, 0, 100_000)
    assert problems == {"folded_header"}
    assert fields[0].value == b"b" + b" c" * 50_000
    assert fields[0].end == 6 + 4 * 50_000


def test_first_line_folded_is_junk() -> None:
    assert parse_fields(b" a: b\r\nC: d\r\n", 0, 9)[1] == {"junk_header"}


def test_limit() -> None:
    fields, problems = parse_fields(b"A: b\r\n" * 10, 0, 3)
    assert len(fields) == 4
    assert problems == {"too_many_headers"}


@given(st.binary(max_size=200))
def test_offsets_always_point_into_the_block(block: bytes) -> None:
    fields, _ = parse_fields(block, 0, 20)
    last = 0
    for each in fields:
        assert last <= each.start < each.end <= len(block) + 1
        assert block[each.start :].startswith(each.name)
        last = each.end
