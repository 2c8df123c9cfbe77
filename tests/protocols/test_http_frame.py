from __future__ import annotations

from tcpflow_scapy.protocols.http import exchanges
from tcpflow_scapy.protocols.http_frame import HTTP_COLUMNS, exchange_frame
from tcpflow_scapy.protocols.stream_bytes import MemoryStream

REQUEST = b"GET /a\x1b[0m HTTP/1.1\r\nHost: h\r\nUser-Agent: \x07agent\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"


def test_columns_are_what_the_list_says() -> None:
    for found in ([], exchanges(MemoryStream(REQUEST), MemoryStream(RESPONSE))):
        table = exchange_frame(found)
        assert list(table.columns) == [column.name for column in HTTP_COLUMNS]
        assert {str(table[column.name].dtype) for column in HTTP_COLUMNS if column.dtype == "str"} == {"str"}
        for column in HTTP_COLUMNS:
            assert str(table[column.name].dtype) == column.dtype
            assert column.meaning
    assert len({column.name for column in HTTP_COLUMNS}) == len(HTTP_COLUMNS)


def test_values() -> None:
    times = (
        MemoryStream(REQUEST, times=[(0, 1_000_000_000)]),
        MemoryStream(RESPONSE, times=[(0, 1_250_000_000)]),
    )
    row = exchange_frame(exchanges(*times)).iloc[0]
    assert row["target"] == "/a\\x1b[0m"
    assert row["user_agent"] == "\\x07agent"
    assert row["wait_ms"] == 250.0
    assert row["request_time"].value == 1_000_000_000
    assert row["body_bytes"] == row["response_bytes"] == 5
    assert row["response_end"] - row["body_start"] == 5
    assert row["problems"] == "repeated_content_length wrong_label"
    assert row["complete"]
    assert row["certain"]


def test_absent_halves_are_missing_values() -> None:
    table = exchange_frame(exchanges(MemoryStream(b""), MemoryStream(RESPONSE)))
    row = table.iloc[0]
    assert table["method"].isna().all()
    assert table["request_time"].isna().all()
    assert row["status"] == 200
    assert not row["complete"]


def test_without_bodies_nothing_but_heads_is_read() -> None:
    class Counting(MemoryStream):
        def read(self, offset: int, n: int) -> bytes:
            assert offset + n < 100_000
            return super().read(offset, n)

    large = b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + bytes(5_000_000)
    table = exchange_frame(exchanges(MemoryStream(REQUEST), Counting(large)), bodies=False)
    assert table["response_bytes"].tolist() == [5_000_000]
    assert table["sha256"].isna().all()


def test_absurd_lengths_fit() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\nx"
    post = b"POST /x HTTP/1.1\r\nContent-Length: 99999999999999999999999999\r\n\r\nx"
    table = exchange_frame(exchanges(MemoryStream(post), MemoryStream(head)))
    assert table["missing_bytes"].tolist() == [(1 << 63) - 1]
