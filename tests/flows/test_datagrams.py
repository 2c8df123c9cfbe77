"""UDP conversations: objects, table, files."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.flows.datagrams import Conversations
from tests.helpers.traffic import Capture, RawFrame


def udp(source: tuple[int, int], destination: tuple[int, int], payload: bytes, cut: int = 0) -> RawFrame:
    """Ethernet, IPv4, UDP between 10.0.0.X:port."""
    header = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0)
    total = 20 + 8 + len(payload)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, total, 1, 0, 64, 17, 0)
    ip += bytes((10, 0, 0, source[0])) + bytes((10, 0, 0, destination[0]))
    frame = bytes(12) + b"\x08\x00" + ip + header + payload
    return RawFrame(frame[: len(frame) - cut])


A, B, C = (1, 5000), (2, 53), (3, 5000)


@pytest.fixture
def talk(tmp_path: Path) -> Conversations:
    frames = [udp(A, B, b"one?"), udp(C, B, b"three?"), udp(B, A, b"1!"), udp(A, B, b"two?"), udp(B, C, b"")]
    path = tmp_path / "udp.pcap"
    Capture(frames).write(path)
    return reassemble(path).datagrams


def test_conversations_have_both_directions(talk: Conversations) -> None:
    assert len(talk) == 2
    first, second = talk
    assert first.client == ("10.0.0.1", 5000)
    assert first.server == ("10.0.0.2", 53)
    assert first.payloads() == [b"one?", b"1!", b"two?"]
    assert first.payloads("client") == [b"one?", b"two?"]
    assert second.payloads("server") == [b""]
    assert first.packets["frame"].tolist() == [1, 3, 4]
    assert first.packets["direction"].tolist() == ["client", "server", "client"]
    with pytest.raises(ValueError, match="direction"):
        first.payloads("both")
    with pytest.raises(ValueError, match="direction"):
        first.first_time("both")
    with pytest.raises(IndexError):
        talk[2]
    assert talk[-1].id == 1


def test_the_table(talk: Conversations) -> None:
    row = talk.df.loc[0]
    assert (row.client, row.client_port, row.server, row.server_port) == ("10.0.0.1", 5000, "10.0.0.2", 53)
    assert (row.client_packets, row.server_packets, row.client_bytes, row.server_bytes) == (2, 1, 8, 2)
    assert row.missing_bytes == 0
    assert row.encap == "eth/ip"
    assert talk.packets["conversation"].tolist() == [0, 1, 0, 0, 1]


def test_files(talk: Conversations, tmp_path: Path) -> None:
    files = talk.export(tmp_path / "out")
    assert files["name"].tolist() == [
        "010.000.000.001.05000-010.000.000.002.00053.udp",
        "010.000.000.002.00053-010.000.000.001.05000.udp",
        "010.000.000.003.05000-010.000.000.002.00053.udp",
    ]
    assert [Path(path).read_bytes() for path in files["path"]] == [b"one?two?", b"1!", b"three?"]


def test_what_snaplen_cut_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    Capture([udp(A, B, b"0123456789", cut=4)]).write(path)
    talk = reassemble(path).datagrams
    assert talk[0].payloads() == [b"012345"]
    assert talk.df["missing_bytes"].tolist() == [4]


def test_no_datagrams(tmp_path: Path) -> None:
    path = tmp_path / "none.pcap"
    Capture([RawFrame(bytes(12) + b"\x08\x06" + bytes(28))]).write(path)
    talk = reassemble(path).datagrams
    assert len(talk) == 0
    assert talk.df.empty
    assert list(talk) == []
    assert "0 UDP" in repr(talk)


def test_udp_frames_are_still_counted_as_unused(talk: Conversations) -> None:
    from tcpflow_scapy.flows.capture import Capture as Summary

    assert Summary(talk._evidence).unused == {"udp": 5}
