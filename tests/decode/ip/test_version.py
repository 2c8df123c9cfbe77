from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode, pcap
from tests.decode.segments import PAYLOAD, V6, packet
from tests.decode.zoo import eth, ip4
from tests.helpers.headers import ip_fragments


def test_the_version_field_decides_under_either_type() -> None:
    frames = [eth(packet(V6), 0x0800), eth(packet(), 0x86DD)]
    result = decode(frames)
    assert [row.payload for row in result.rows] == [PAYLOAD] * 2
    assert result.paths == ["eth/ipv6", "eth/ip"]


def roads(body: bytes, four: bool) -> list[tuple[int, bytes]]:
    """Frames whose type says IPv4 or IPv6, whatever `body` is."""
    kind, ppp, family = (b"\x08\0", b"\0\x21", 2) if four else (b"\x86\xdd", b"\0\x57", 30)
    return [
        (0, struct.pack("<I", family) + body),
        (1, eth(body, int.from_bytes(kind, "big"))),
        (1, eth(b"\0\5" + kind + body, 0x8100)),
        (1, ip4(b"\0\0" + kind + body, 47)),
        (1, ip4(body, 4 if four else 41)),
        (1, eth(struct.pack("!BBHH", 0x11, 0, 5, 2 + len(body)) + ppp + body, 0x8864)),
        (9, b"\xff\3" + ppp + body),
        (104, b"\x0f\0" + kind + body),
        (107, b"\x18\x41" + kind + body),
        (108, struct.pack("!I", family) + body),
        (113, struct.pack("!HHH8s", 0, 1, 6, bytes(8)) + kind + body),
        (204, b"\0\xff\3" + ppp + body),
        (228 if four else 229, body),
        (276, kind + bytes(18) + body),
    ]


@pytest.mark.parametrize("four", [False, True])
def test_wherever_a_type_says_ip(four: bool) -> None:
    frames = roads(packet(V6) if four else packet(), four)
    for linktype, frame in frames:
        result = decode([frame, frame[:-2]], linktype, wire=[len(frame)] * 2)
        assert [row.payload for row in result.rows] == [PAYLOAD, PAYLOAD[:-2]], (linktype, frame[:40])


@pytest.mark.parametrize("size", [8, 16, 24])
def test_fragments_of_ipv4_that_are_shorter_than_a_header_of_ipv6(size: int) -> None:
    pieces = [roads(piece, four=False) for piece in ip_fragments(packet(), size)]
    for road in zip(*pieces, strict=True):
        result = decode([frame for _, frame in road], road[0][0])
        assert [row.payload for row in result.rows] == [PAYLOAD], road[0]
        assert set(result.reasons) <= {Reason.TCP, Reason.FRAGMENT_USED}


@pytest.mark.peer
def test_wherever_tshark_believes_the_version(need_tool: Callable[[str], str], tmp_path: Path) -> None:
    command = [
        need_tool("tshark"),
        "-n",
        "-T",
        "fields",
        "-E",
        "occurrence=l",
        "-e",
        "ipv6.src",
        "-e",
        "tcp.len",
    ]
    agreed = 0
    for number, (linktype, frame) in enumerate(roads(packet(V6), four=True)):
        path = pcap(tmp_path / f"{number}.pcap", [frame], linktype)
        out = subprocess.run([*command, "-r", str(path)], capture_output=True, text=True, check=True).stdout
        agreed += out.split() == [V6[0], str(len(PAYLOAD))]
    assert agreed >= 10


def test_one_flipped_bit_makes_no_other_version() -> None:
    rng = random.Random(4)
    frames = []
    for _ in range(500):
        octets = bytearray(packet(payload=rng.randbytes(rng.randrange(60))))
        octets[0] ^= 0x20
        octets[4:6] = rng.randrange(3).to_bytes(2, "big")  # identification, read as IPv6: payload length
        octets[6] = rng.choice([0, 0x40])
        frames.append(eth(bytes(octets), 0x0800))
    assert set(decode(frames).reasons) == {Reason.MALFORMED_IP}
