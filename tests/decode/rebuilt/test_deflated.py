from __future__ import annotations

import random
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tcpflow_scapy.decode import Reason
from tcpflow_scapy.decode.rebuilt import deflated
from tests.decode.batches import Decoded, decode, pcap
from tests.decode.segments import V4, V6, packet, tcp
from tests.decode.zoo import OUTER
from tests.helpers.headers import ethernet, ip_fragments, ip_packet

TEXT = b"GET / HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n" * 4


def deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return engine.compress(data) + engine.flush()


def ipcomp(following: int, data: bytes, index: int = 2) -> bytes:
    return struct.pack("!BBH", following, 0, index) + deflate(data)


def authenticated(following: int, data: bytes) -> bytes:
    return struct.pack("!BBHII", following, 4, 0, 1, 2) + bytes(12) + data


ROADS = {
    "tunnel": (ip_packet(*OUTER, 108, ipcomp(4, packet(payload=TEXT))), "eth/ip/ipcomp/ip"),
    "tunnel, v6 in v4": (ip_packet(*OUTER, 108, ipcomp(41, packet(V6, TEXT))), "eth/ip/ipcomp/ipv6"),
    "transport": (ip_packet(*V4, 108, ipcomp(6, tcp(payload=TEXT))), "eth/ip/ipcomp"),
    "transport, v6": (ip_packet(*V6, 108, ipcomp(6, tcp(V6, TEXT))), "eth/ipv6/ipcomp"),
    "negotiated index": (ip_packet(*V4, 108, ipcomp(6, tcp(payload=TEXT), 0xBEEF)), "eth/ip/ipcomp"),
    "behind authentication": (
        ip_packet(*OUTER, 51, authenticated(108, ipcomp(4, packet(payload=TEXT)))),
        "eth/ip/ipcomp/ip",
    ),
    "behind authentication, v6": (
        ip_packet(*V6, 51, authenticated(108, ipcomp(6, tcp(V6, TEXT)))),
        "eth/ipv6/ipcomp",
    ),
    "in itself": (
        ip_packet(*OUTER, 108, ipcomp(4, ip_packet(*V4, 108, ipcomp(6, tcp(payload=TEXT))))),
        "eth/ip/ipcomp/ip/ipcomp",
    ),
}


@pytest.mark.parametrize("name", ROADS)
@pytest.mark.parametrize("verify", [False, True])
def test_a_road(name: str, verify: bool) -> None:
    inner, path = ROADS[name]
    result = decode([ethernet(inner), ethernet(inner) + b"trailer"], verify_checksums=verify)
    assert result.paths == [path] * 2
    assert [row.payload for row in result.rows] == [TEXT] * 2
    assert [row.frame for row in result.rows] == [0, 1]
    assert result.reasons == [Reason.TCP] * 2


def test_fragments_outside_and_inside() -> None:
    inside = ip_fragments(packet(payload=TEXT), 64, identification=3)
    whole = [ip_packet(*OUTER, 108, ipcomp(4, part)) for part in inside]
    frames = [
        ethernet(part) for i, each in enumerate(whole) for part in ip_fragments(each, 48, identification=i)
    ]
    assert len(frames) > len(whole) > 1
    result = decode(frames)
    assert [row.payload for row in result.rows] == [TEXT]
    assert set(result.reasons) == {Reason.TCP, Reason.FRAGMENT_USED}


def test_bytes_come_from_the_frame_and_the_place_of_the_compressed_data() -> None:
    frame = ethernet(ROADS["transport"][0])
    result = decode([b"\0" * 60, frame])
    origins = result.packets.origins
    assert origins is not None
    start = result.packets.header
    for skip in (0, 20, 20 + len(TEXT) - 1):
        frames, addresses = origins.find(start + skip)
        assert frames.tolist() == [1]
        assert result.store.read(int(addresses[0]), 20) == frame[38:58]


def test_what_was_cut_is_missing_in_a_tunnel_and_unknown_elsewhere() -> None:
    random_text = random.Random(1).randbytes(400)
    tunnel = ethernet(ip_packet(*OUTER, 108, ipcomp(4, packet(payload=random_text))))
    transport = ethernet(ip_packet(*V4, 108, ipcomp(6, tcp(payload=random_text))))
    result = decode([tunnel[:200], transport[:200]], wire=[len(tunnel), len(transport)])
    assert result.reasons == [Reason.TCP, Reason.NOT_DECOMPRESSED]
    row = result.rows[0]
    assert 50 < row.length < row.wire_length == 400
    assert row.payload == random_text[: row.length]


@pytest.mark.parametrize(
    "data",
    [
        ipcomp(6, tcp(), 3),  # another algorithm
        ipcomp(6, tcp())[:-3],  # not whole
        ipcomp(6, tcp()) + b"more",
        ipcomp(6, bytes(70_000)),  # more than a datagram can hold
        struct.pack("!BBH", 6, 0, 2),
        struct.pack("!BBH", 6, 0, 2) + b"\xff" * 40,
    ],
)
def test_what_cannot_be_is_counted(data: bytes) -> None:
    result = decode([ethernet(ip_packet(*V4, 108, data))])
    assert result.reasons == [Reason.NOT_DECOMPRESSED]


def test_the_bytes_made_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflated, "LIMIT", 100_000)
    bomb = ethernet(ip_packet(*V4, 108, ipcomp(6, tcp(payload=bytes(60_000)))))

    def reasons(result: Decoded) -> list[Reason]:
        return result.reasons

    found = reasons(decode([bomb] * 50))
    assert found[:2] == [Reason.TCP] * 2
    assert found[-1] == Reason.UNDECODED
    assert found.count(Reason.TCP) < 5


@pytest.mark.peer
def test_as_tshark_sees_them(need_tool: Callable[[str], str], tmp_path: Path) -> None:
    names = [name for name in ROADS if "index" not in name]
    path = pcap(tmp_path / "ipcomp.pcap", [ethernet(ROADS[name][0]) for name in names], 1)
    command = [need_tool("tshark"), "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=l"]
    command += ["-e", "tcp.len", "-e", "tcp.payload"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert out.splitlines() == [f"{len(TEXT)}\t{TEXT.hex()}"] * len(names)
