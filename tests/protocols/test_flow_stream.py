from __future__ import annotations

from pathlib import Path

from tcpflow_scapy.pipeline import reassemble
from tcpflow_scapy.protocols.flow_stream import FlowStream
from tests.helpers.traffic import Capture, Conversation


def streams(path: Path, told: Conversation, **options: object) -> tuple[FlowStream, FlowStream]:
    Capture(told).write(path)
    [flow] = reassemble(path, progress=False)
    return FlowStream(flow.client), FlowStream(flow.server)


def test_stream_as_parsers_see_it(tmp_path: Path) -> None:
    told = Conversation(client="10.0.0.1:1024", server="10.0.0.2:80")
    told.handshake()
    told.client(b"0123")
    told.skip("client", 3)
    told.client(b"789")
    told.server(b"ok")
    told.close()
    client, server = streams(tmp_path / "x.pcap", told)
    assert (client.end, list(client.gaps)) == (10, [(4, 7)])
    assert client.read(0, 100) == b"0123\0\0\x00789"
    assert client.read(5, 3) == b"\0\x007"
    assert client.from_start
    assert client.closed
    assert list(server.gaps) == []
    for offset in (0, 3, 7, 9):
        origin = client.stream.at(offset)
        assert origin is not None
        assert client.time_at(offset) == origin.time.value
        assert client.frame_at(offset) == origin.frame
    assert client.time_at(5) == client.time_at(3)


def test_begun_in_the_middle_and_without_a_clock(tmp_path: Path) -> None:
    told = Conversation(client="10.0.0.1:1024", server="10.0.0.2:80")
    told.handshake()
    told.lose(3)
    told.client(b"abc")
    client, server = streams(tmp_path / "x.pcap", told)
    assert not client.from_start
    assert not client.closed
    assert server.end == 0
    assert server.time_at(0) is None
    assert server.frame_at(0) is None
    assert server.read(0, 5) == b""


def test_lost_tail_is_a_gap_behind_the_end(tmp_path: Path) -> None:
    told = Conversation(client="10.0.0.1:1024", server="10.0.0.2:80")
    told.handshake()
    told.server(b"abc")
    told.skip("server", 7)
    told.close()
    _, server = streams(tmp_path / "x.pcap", told)
    assert (server.end, list(server.gaps), server.closed) == (3, [(3, 10)], True)
