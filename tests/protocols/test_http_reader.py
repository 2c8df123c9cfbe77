from __future__ import annotations

import pytest

from tcpflow_scapy.protocols.http_alignment import MANY, Place
from tcpflow_scapy.protocols.http_reader import MessageReader
from tcpflow_scapy.protocols.stream_bytes import MemoryStream, Range

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def places(data: bytes, *gaps: Range, method: bytes | None = b"GET", **options: object) -> list[Place]:
    reader = MessageReader("response", MemoryStream(data, gaps, **options))  # type: ignore[arg-type]
    found = []
    while (head := reader.peek()) is not None:
        found.append(reader.place(head))
        assert found[-1] == Place() or not reader.follows(head)
        reader.take(head, method, certain=method is not None)
    return found


def test_messages_that_follow_each_other_hide_none() -> None:
    assert places(OK * 3) == [Place()] * 3


def test_a_gap_behind_a_message_hides_at_least_one() -> None:
    gap = (len(OK), len(OK) + 60)
    assert places(OK + bytes(60) + OK, gap) == [Place(), Place(1, 60 // 14)]
    # One that is too small for a message hides none.
    assert places(OK + bytes(9) + OK, (len(OK), len(OK) + 9))[1].high == 0


def test_a_gap_over_the_end_of_a_body_hides_what_fits() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    gap = (len(chunked), len(chunked) + 60)
    assert places(chunked + bytes(60) + OK, gap) == [Place(), Place(0, 60 // 14)]
    head = b"HTTP/1.1 200 OK\r\nContent-Le"
    gap = (len(head), len(head) + 60)
    assert places(head + bytes(60) + OK, gap) == [Place(), Place(0, 60 // 14)]


def test_a_body_of_unknown_length_may_hide_others() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
    data = head + bytes(100) + OK
    gap = (len(head) + 10, len(head) + 100)
    assert places(data, gap) == [Place(), Place()]
    assert places(data, gap, method=None) == [Place(), Place(0, 100 // 14)]


@pytest.mark.parametrize(("times", "believed"), [(((0, 1), (60, 2)), False), (((0, 1), (53, 2)), True)])
def test_what_is_found_by_its_looks_is_believed_at_the_start_of_a_segment(
    times: tuple[Range, ...], believed: bool
) -> None:
    assert places(b"x" * 53 + OK, times=times)[-1].believed == believed


def test_a_capture_that_begins_in_the_middle_hides_any_number() -> None:
    assert places(OK + OK, from_start=False) == [Place(0, MANY), Place()]


def test_what_is_hidden_behind_the_last_message() -> None:
    def tail(data: bytes, *gaps: Range, closed: bool = True) -> tuple[int, Place]:
        reader = MessageReader("response", MemoryStream(data, gaps, closed=closed))
        while (head := reader.peek()) is not None:
            reader.take(head, b"GET")
        return reader.tail()

    end = len(OK)
    assert tail(OK) == (end, Place())
    assert tail(OK, closed=False) == (end, Place(0, MANY))
    assert tail(OK, (end, end + 60)) == (end, Place(0, 60 // 14))
    assert tail(OK + b"x" * 30) == (end, Place(0, 30 // 14))


def test_what_follows_a_body_without_a_length_is_known_by_its_looks() -> None:
    post, get = b"POST / HTTP/1.0\r\n\r\na=1", b"GET / HTTP/1.1\r\n\r\n"
    for times, believed in ((((0, 1),), False), (((0, 1), (len(post), 2)), True)):
        reader = MessageReader("request", MemoryStream(post + get, times=times))
        head = reader.peek()
        assert head is not None
        reader.take(head)
        head = reader.peek()
        assert head is not None
        assert reader.place(head) == Place(believed=believed)
