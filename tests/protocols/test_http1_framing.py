from __future__ import annotations

import pytest

from tcpflow_scapy.protocols.http1_framing import (
    HUGE,
    framing_fields,
    request_framing,
    response_framing,
    stated_lengths,
    transfer_codings,
)
from tcpflow_scapy.protocols.http1_lines import StartLine

LENGTH = {b"content-length": [b"5"]}
CHUNKED = {b"transfer-encoding": [b"chunked"]}


@pytest.mark.parametrize(
    ("status", "method", "fields", "kind"),
    [
        (200, b"GET", LENGTH, "length"),
        (200, b"GET", CHUNKED, "chunked"),
        (200, b"GET", CHUNKED | LENGTH, "chunked"),
        (200, b"GET", {}, "close"),
        (200, None, {}, "close"),
        (200, b"HEAD", LENGTH, "none"),
        (200, b"HEAD", CHUNKED, "none"),
        (100, b"POST", LENGTH, "none"),
        (204, b"GET", LENGTH, "none"),
        (304, b"GET", LENGTH, "none"),
        (101, b"GET", LENGTH, "tunnel"),
        (200, b"CONNECT", LENGTH, "tunnel"),
        (299, b"CONNECT", {}, "tunnel"),
        (407, b"CONNECT", LENGTH, "length"),
        (205, b"GET", LENGTH, "length"),
        (200, b"GET", {b"transfer-encoding": [b"gzip"]} | LENGTH, "close"),
    ],
)
def test_responses(status: int, method: bytes | None, fields: dict[bytes, list[bytes]], kind: str) -> None:
    assert response_framing(StartLine(b"HTTP/1.1", status=status), fields, method).kind == kind


@pytest.mark.parametrize(
    ("fields", "kind"),
    [({}, "none"), (LENGTH, "length"), (CHUNKED, "chunked"), ({b"transfer-encoding": [b"gzip"]}, "none")],
)
def test_requests(fields: dict[bytes, list[bytes]], kind: str) -> None:
    assert request_framing(StartLine(b"HTTP/1.1", method=b"POST"), fields).kind == kind


@pytest.mark.parametrize(
    ("values", "lengths", "problems"),
    [
        ([b"0"], (0,), set()),
        ([b" 7 "], (7,), set()),
        ([b"7,7"], (7,), {"repeated_content_length"}),
        ([b"7", b"8", b"7"], (7, 8), {"conflicting_content_length"}),
        ([b""], (), {"bad_content_length"}),
        ([b"1_000"], (), {"bad_content_length"}),
        ([b"\xb2"], (), {"bad_content_length"}),
        ([b"9" * 40], (HUGE,), set()),
        ([b"0" * 5000 + b"5"], (5,), set()),
        ([b",".join(b"%d" % i for i in range(1000))], tuple(range(16)), {"conflicting_content_length"}),
    ],
)
def test_lengths(values: list[bytes], lengths: tuple[int, ...], problems: set[str]) -> None:
    assert stated_lengths(values) == (lengths, problems)


@pytest.mark.parametrize(
    ("value", "codings", "chunked", "problems"),
    [
        (b"chunked", (), True, set()),
        (b"CHUNKED", (), True, set()),
        (b"gzip, chunked", ("gzip",), True, set()),
        (b"gzip;q=1, Chunked", ("gzip",), True, set()),
        (b"identity", (), False, set()),
        (b"", (), False, set()),
        (b"xchunked", ("xchunked",), False, set()),
        (b"chunked, gzip", ("gzip",), True, {"bad_transfer_encoding"}),
        (b"chunked, chunked", (), True, {"bad_transfer_encoding"}),
    ],
)
def test_codings(value: bytes, codings: tuple[str, ...], chunked: bool, problems: set[str]) -> None:
    assert transfer_codings([value]) == (codings, chunked, problems)


def test_only_framing_fields_are_looked_at() -> None:
    from tcpflow_scapy.protocols.http1_fields import parse_fields

    fields, _ = parse_fields(b"A: b\r\nContent-LENGTH: 5\r\ncontent-length: 6\r\n", 0, 9)
    assert framing_fields(fields) == {b"content-length": [b"5", b"6"]}
