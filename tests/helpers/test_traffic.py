"""The builder is judged by Scapy's dissector, which knows nothing of it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.utils import PcapNgReader, PcapReader, rdpcap

from tests.helpers import headers
from tests.helpers.traffic import ACK, FIN, PSH, SYN, Capture, Conversation, frames_to_bytes, play, read_pcap


def told() -> Conversation:
    c = Conversation(client="10.0.0.1:1024", server="10.0.0.2:80", isn=1000, server_isn=5000)
    c.handshake()
    c.client("GET /")
    c.server(b"200 OK")
    c.close()
    return c


def test_conversation_counts_as_tcp_does() -> None:
    rows = [(f.source[1], f.seq, f.ack, f.flags, f.payload) for f in told()]
    assert rows == [
        (1024, 1000, 0, SYN, b""),
        (80, 5000, 1001, SYN | ACK, b""),
        (1024, 1001, 5001, ACK, b""),
        (1024, 1001, 5001, PSH | ACK, b"GET /"),
        (80, 5001, 1006, PSH | ACK, b"200 OK"),
        (1024, 1006, 5007, FIN | ACK, b""),
        (80, 5007, 1007, FIN | ACK, b""),
        (1024, 1007, 5008, ACK, b""),
    ]


def test_arrows_and_calls_say_the_same() -> None:
    script = "> SYN\n< SYN ACK\n> ACK\n> 'GET /'\n< '200 OK'\n> FIN\n< FIN\n> ACK"
    assert play(script).frames == told().frames


def test_arrow_details() -> None:
    c = play("> SYN\nx> 'lost'*2\n> 10:b'\\x00at' window=7  # why\n< ACK ack=0x10\n> 'end' FIN")
    lost_then = [(f.seq, f.payload, f.window) for f in c.frames[1:2]]
    assert lost_then == [(1011, b"\0at", 7)]
    assert c.frames[2].ack == 16
    assert (c.frames[3].seq, c.frames[3].flags) == (1014, FIN | ACK)


@pytest.mark.parametrize(
    ("client", "server", "vlans"),
    [
        ("10.0.0.1:1024", "10.0.0.2:80", ()),
        ("10.0.0.1:1024", "10.0.0.2:80", (42,)),
        ("[2001:db8::1]:1024", "[2001:db8::2]:80", (7, 8)),
    ],
)
def test_headers_as_scapy_reads_them(client: str, server: str, vlans: tuple[int, ...]) -> None:
    c = Conversation(client, server, isn=2**32 - 3, vlans=vlans)
    c.handshake()
    c.client("odd")
    c.client("even", options=headers.option_timestamps(1, 2))
    for frame, data in zip(c, frames_to_bytes(c), strict=True):
        packet = Ether(data)
        tags = [x.vlan for x in packet.iterpayloads() if isinstance(x, Dot1Q | Dot1AD)]
        assert tags == list(vlans)
        tcp = packet[TCP]
        assert (tcp.sport, tcp.dport) == (frame.source[1], frame.destination[1])
        assert (tcp.seq, tcp.ack) == (frame.seq % 2**32, frame.ack % 2**32)
        assert (int(tcp.flags), bytes(tcp.payload)) == (frame.flags, frame.payload)
        written = tcp.chksum
        again = packet.copy()
        del again[TCP].chksum
        if IP in again:
            del again[IP].chksum
        rebuilt = Ether(bytes(again))
        assert rebuilt[TCP].chksum == written
        assert bytes(rebuilt) == data
        assert (IP in packet) != (IPv6 in packet)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("ns", [False, True])
@pytest.mark.parametrize("format", ["pcap", "pcapng"])
def test_files_as_scapy_reads_them(format: str, ns: bool, big_endian: bool) -> None:
    capture = Capture(told(), start=1_700_000_000_123_456_789)
    blob = capture.to_bytes(format, ns=ns, big_endian=big_endian, snaplen=57)
    reader = (PcapReader if format == "pcap" else PcapNgReader)(io.BytesIO(blob))
    packets = list(reader)
    assert [bytes(p) for p in packets] == [b[:57] for b in frames_to_bytes(capture)]
    assert [p.wirelen for p in packets] == [len(b) for b in frames_to_bytes(capture)]
    unit = 1 if ns else 1000
    assert int(packets[1].time * 10**9) // unit == (1_700_000_000_124_456_789) // unit


@pytest.mark.parametrize("linktype", [0, 1, 12, 101, 108, 113, 228, 276])
def test_link_layers_as_scapy_reads_them(tmp_path: Path, linktype: int) -> None:
    packets = rdpcap(str(Capture(told()).write(tmp_path / "x.pcap", linktype=linktype)))
    assert [bytes(p[TCP].payload) for p in packets if p[TCP].payload] == [b"GET /", b"200 OK"]


def test_a_file_written_and_read_again(tmp_path: Path) -> None:
    capture = Capture(told())
    linktype, frames = read_pcap(capture.write(tmp_path / "x.pcap", big_endian=True, ns=True))
    assert linktype == 1
    assert [f.data for f in frames] == frames_to_bytes(capture)
    assert [f.time for f in frames] == [f.time for f in capture]


def test_capture_operations_keep_or_change_what_they_say() -> None:
    capture = Capture(told())
    names = [id(f) for f in capture]
    assert sorted(id(f) for f in capture.shuffle(1)) == sorted(names)
    assert [id(f) for f in capture.reverse()] == names[::-1]
    assert [id(f) for f in capture.drop(0, -1)] == names[1:-1]
    assert [id(f) for f in capture.duplicate(2)] == [*names[:3], names[2], *names[3:]]
    assert [id(f) for part in capture.split(3) for f in part] == names
    assert [f.seq for f in capture.shifted(5)] == [f.seq + 5 for f in told()]
    assert [f.source for f in capture.mirrored()] == [f.destination for f in told()]
    cut = capture.resegmented(3)
    assert b"".join(f.payload for f in cut) == b"GET /200 OK"
    assert [f.seq for f in cut if f.payload.startswith(b"G")] == [1001]


def test_fragments_join_again_in_scapy() -> None:
    from scapy.layers.inet import defragment

    packet = told().frames[3].ip_packet()
    parts = [IP(p) for p in headers.ip_fragments(packet, 8)]
    assert len(parts) == 4
    (whole,) = defragment(parts)
    assert bytes(IP(bytes(whole))[TCP].payload) == b"GET /"
