from __future__ import annotations

import random
from pathlib import Path

from tcpflow_scapy import reassemble
from tcpflow_scapy.protocols.http_candidates import FEW, likely_http
from tests.helpers.traffic import Capture, Conversation

PIECES = (
    b"GET / HTTP/1.1\r\n\r\n", b"GET /", b"GET /\r\n", b"G",
    b"ET /x HTTP/1.0\n\n", b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1", b".0 404 \r\n", b"http/1.1 200 OK\r\n\r\n", b"ICY 200 OK\r\n\r\n", b"UN", b"LINK /x", b"\r\n",
    b"FOO / HTTP/1.1\r\n\r\n", b"\0\1\2", b"PUT x", b"220 mail ESMTP\r\n",
    b"\x16\x03\x01\0\5\1\0", b"x" * FEW,
)  # fmt: skip


def some_talk(rng: random.Random, number: int) -> Conversation:
    """Pieces of HTTP and of anything, and frames that are lost."""
    made = Conversation(client=f"10.0.{number >> 8}.{number & 255}:1024", server="10.0.0.2:80")
    if rng.random() < 0.7:
        made.handshake()
    for _ in range(rng.randrange(5)):
        made.segments(rng.choice(("client", "server")), rng.choice(PIECES), rng.choice((3, 1460)))
    made.close()
    made.frames[:] = [frame for frame in made.frames if rng.random() < 0.95]
    return made


def test_no_flow_with_http_is_left_out(tmp_path: Path) -> None:
    rng = random.Random(0)
    made = [some_talk(rng, number) for number in range(2_000)]
    Capture(*(talk for talk in made if talk.frames)).write(tmp_path / "x.pcap")
    flows = reassemble(tmp_path / "x.pcap")[::-1]
    likely = [flow.id for flow in likely_http(flows)]
    carrying = [flow.id for flow in flows if flow.http]
    assert set(carrying) <= set(likely)
    assert 100 < len(carrying) <= len(likely) < len(flows) - 100, "some of each"
    assert likely == sorted(likely, reverse=True), "the order of the table"
    assert flows.http["flow"].drop_duplicates().tolist() == carrying


def test_what_is_no_table_is_left_alone() -> None:
    assert likely_http(nothing := iter(())) is nothing
