"""Real HTTP with random damage: nothing raises, every limit holds, names of files stay safe."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcpflow_scapy import reassemble
from tcpflow_scapy.errors import StreamTooSparse
from tcpflow_scapy.export.http_objects import export_http_bodies
from tcpflow_scapy.protocols.content_coding import DecodeLimits
from tcpflow_scapy.protocols.http import exchanges
from tcpflow_scapy.protocols.http_frame import exchange_frame
from tcpflow_scapy.protocols.stream_bytes import MemoryStream
from tests.helpers.traffic import Capture, Conversation
from tests.peers.corpus import CORPUS

SAMPLES = Path(__file__).resolve().parents[2] / "sample_pcaps"
SEEDS = ("http_ipv4.pcap", "http_ipv6.pcap", "ip_fragments.pcap", "injected_redirect.pcap")
REAL = ("tcpflow/jpegs.cap", "tcpflow/bug6.pcap", "tcpflow/test4.pcap", "wireshark/http-ipv6.pcap")

LONGEST = 20_000
LIMITS = DecodeLimits(size=1 << 20)

TOKENS = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"GET / HTTP/1.1\r\n",
    b"HEAD ",
    b"CONNECT x:1 HTTP/1.1\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 99999999999999999999999999\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Encoding: gzip, br, zstd, deflate\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Expect: 100-continue\r\n",
    b"Content-Type: ../../etc/passwd\r\n",
    b"Content-Type: text/../x;charset=idna\r\n",
    b"\r\n\r\n",
    b"\r\n",
    b"\n",
    b"Content-Disposition: attachment; filename=../../x\x1b[2J\r\n",
    b"Content-Range: bytes 5-1/99999999\r\n",
    b"Content-Type: multipart/byteranges; boundary=x\r\n",
    b"Content-Type: multipart/form-data; boundary=x\r\n",
    b'--x\r\nContent-Disposition: form-data; name="\x1b"; filename=../y\r\n\r\nabc\r\n--x--\r\n',
    b"\r\n--x\r\n",
    b"Content-Type: multipart/mixed; boundary=x\r\nContent-Length: 9\r\n\r\n--x\r\n\r\na\r\n",
    b"\r\n--x--\r\n",
    b"ffffffffffffffff\r\n",
    b"0\r\n\r\n",
    b"0;x=" + b"y" * 300,
    b"\0" * 40,
    b"\xff" * 40,
    b":" * 40,
    b"\x1f\x8b\x08\0\0\0\0\0\0\3",
    b"(\xb5/\xfd",
]


@cache
def seeds() -> list[tuple[bytes, bytes]]:
    """What clients and servers said in real HTTP."""
    paths = [SAMPLES / name for name in SEEDS]
    if CORPUS is not None:
        paths += [CORPUS / "captures" / name for name in REAL]
    found = []
    for path in paths:
        for flow in reassemble(path, progress=False):
            if flow.http:
                found.append((flow.client.data[:LONGEST], flow.server.data[:LONGEST]))
    return found


@st.composite
def damaged(draw: st.DrawFn) -> tuple[MemoryStream, MemoryStream]:
    """Two sides, each with some damage and gaps."""
    known = seeds()
    sides = []
    for index in range(2):
        data = draw(st.sampled_from(known))[index]
        for _ in range(draw(st.integers(0, 6))):
            data = damage(draw, data, known)
        points = sorted(draw(st.lists(st.integers(0, max(len(data), 1)), max_size=6)))
        gaps = [(a, b) for a, b in zip(points[::2], points[1::2], strict=False) if a < b < len(data)]
        gaps = [g for i, g in enumerate(gaps) if i == 0 or gaps[i - 1][1] < g[0]]
        sides.append(MemoryStream(data, gaps=gaps))
    return sides[0], sides[1]


def damage(draw: st.DrawFn, data: bytes, known: list[tuple[bytes, bytes]]) -> bytes:
    at, to = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
    what = draw(st.sampled_from(["token", "cut", "double", "flip", "other", "noise"]))
    if what == "token":
        return data[:at] + draw(st.sampled_from(TOKENS)) + data[at:]
    if what == "cut":
        return data[:at] + data[to:]
    if what == "double":
        return (data[:to] + data[at:])[: 2 * LONGEST]
    if what == "flip" and data:
        return data[: at - 1] + bytes([data[at - 1] ^ draw(st.integers(1, 255))]) + data[at:]
    if what == "other":
        return (data[:at] + draw(st.sampled_from(known))[draw(st.integers(0, 1))][at:to])[: 2 * LONGEST]
    return data[:at] + draw(st.binary(max_size=60)) + data[to:]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged())
def test_nothing_raises_and_every_limit_holds(sides: tuple[MemoryStream, MemoryStream]) -> None:
    found = exchanges(*sides, decode_limits=LIMITS)
    assert len(found) <= sum(side.end for side in sides) // 8 + 1
    for exchange in found:
        assert repr(exchange).isprintable()
        for message in (exchange.request, exchange.response, *exchange.informational):
            if message is None:
                continue
            assert 0 <= message.start <= message.head_end <= message.end
            assert re.fullmatch(r"[a-z0-9]*", message.extension)
            facts = message.facts
            assert facts.size <= LIMITS.size + message.raw_size
            assert (facts.sha256 is None) or not message.missing
            try:
                assert len(message.body) <= LIMITS.size + message.raw_size
                assert all(len(part.data) <= len(message.body) for part in message.parts)
            except StreamTooSparse:
                assert message.missing
    table = exchange_frame(found)
    assert len(table) == len(found)
    assert all(text.isprintable() for text in table["url"].dropna())


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged())
def test_files_of_bodies_stay_in_their_folder(sides: tuple[MemoryStream, MemoryStream]) -> None:
    told = Conversation()
    told.client(b"")
    for sender, side in zip((told.client, told.server), sides, strict=True):
        data = side.read(0, side.end)
        for at in range(0, len(data), 1400):
            sender(data[at : at + 1400])
    with TemporaryDirectory() as folder:
        path = Capture(told).write(Path(folder) / "x.pcap")
        out = Path(folder) / "out"
        table = export_http_bodies(reassemble(path, progress=False), out, requests=True, decode_limits=LIMITS)
        files = {p.name: p.stat().st_size for p in out.rglob("*")}
        assert {p.name for p in Path(folder).iterdir()} <= {"x.pcap", "out"}
        assert set(table["name"]) == set(files)
        for name, size in files.items():
            assert re.fullmatch(r"[0-9.]+-[0-9.]+-HTTPBODY-\d{3,}(\.[a-z0-9]+)?", name)
            assert size <= LIMITS.size + 2 * sum(side.end for side in sides) + (1 << 16)


def test_there_are_seeds() -> None:
    assert len(seeds()) > 5
    if CORPUS is None:
        pytest.skip("the corpus of real captures is not here: only samples were damaged")
