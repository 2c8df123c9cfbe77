from __future__ import annotations

import pytest

from tcpflow_scapy.protocols.http1_framing import Framing
from tcpflow_scapy.protocols.http1_lines import StartLine
from tcpflow_scapy.protocols.http1_message import Head
from tcpflow_scapy.protocols.http1_presence import Presence
from tcpflow_scapy.protocols.stream_bytes import ByteWindow, MemoryStream, Range

NEXT = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
ASKED = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def presence(behind: bytes, length: int | None, *gaps: Range, closed: bool = True) -> Presence:
    """What is asked about a response without bytes of its own, with `behind` behind its head."""
    framing = Framing("close") if length is None else Framing("length", (length,))
    head = Head("response", 0, 0, StartLine(b"HTTP/1.1", status=200), b"", True)
    return Presence(ByteWindow(MemoryStream(behind, gaps)), head, framing, closed)


@pytest.mark.parametrize(
    ("behind", "length", "gaps", "expected"),
    [
        (b"body", 4, (), (False, False)),
        (NEXT, 500, (), (True, False)),
        (NEXT, None, (), (True, True)),
        (NEXT, len(NEXT), (), (False, True)),  # as likely a body as a message
        (bytes(60) + NEXT, 500, ((0, 60),), (True, False)),
        (bytes(60) + b"rest" + NEXT, 500, ((0, 60),), (True, False)),
        (bytes(60) + NEXT, 60, ((0, 60),), (False, False)),
        (bytes(60) + b"rest" + NEXT, 64, ((0, 60),), (False, False)),
        (NEXT + bytes(60) + NEXT, len(NEXT) + 20, ((len(NEXT), len(NEXT) + 60),), (True, True)),
    ],
)
def test_what_stands_behind_a_head_decides(
    behind: bytes, length: int | None, gaps: tuple[Range, ...], expected: tuple[bool, bool]
) -> None:
    assert presence(behind, length, *gaps).is_absent(likely=True) == expected


def test_without_a_likely_body_a_message_is_the_next_one() -> None:
    assert presence(NEXT, len(NEXT)).is_absent(likely=False) == (True, True)


def test_a_body_where_none_should_be() -> None:
    assert presence(b"hello", 5).stands_there()
    assert presence(b"hello" + NEXT, 5).stands_there()
    assert not presence(b"hello" + NEXT, 4).stands_there()
    assert not presence(NEXT, len(NEXT)).stands_there()
    assert not presence(b"", 5).stands_there()


@pytest.mark.parametrize(
    ("behind", "length", "expected"),
    [
        (b"", 5, (True, False)),
        (b"hello", 5, (False, False)),
        (ASKED, 500, (True, False)),
        (ASKED, len(ASKED), (True, True)),  # as likely a body as a request
        (ASKED + ASKED, len(ASKED), (True, True)),
        (ASKED, None, (True, False)),  # chunked
    ],
)
def test_a_body_that_was_not_asked_for(
    behind: bytes, length: int | None, expected: tuple[bool, bool]
) -> None:
    framing = Framing("chunked") if length is None else Framing("length", (length,))
    head = Head("request", 0, 0, StartLine(b"HTTP/1.1", method=b"PUT"), b"", True)
    assert Presence(ByteWindow(MemoryStream(behind)), head, framing, True).is_refused() == expected
