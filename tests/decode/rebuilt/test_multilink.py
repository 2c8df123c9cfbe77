from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode, pcap
from tests.decode.segments import PAYLOAD, packet

from .compressor import Compressor
from .lines import PPP, PPP_WITH_DIRECTION, talk

BEGIN, END = 0x80, 0x40


def pieces(
    content: bytes, number: int, sizes: int, *, short: bool = False, direction: bytes = b""
) -> list[bytes]:
    """Multilink frames for a PPP packet, `sizes` bytes in each."""
    parts = [content[at : at + sizes] for at in range(0, len(content), sizes)]
    frames = []
    for i, part in enumerate(parts):
        flags = BEGIN * (i == 0) | END * (i == len(parts) - 1)
        if short:
            header = struct.pack("!H", flags << 8 | (number + i) & 0xFFF)
        else:
            header = struct.pack("!I", flags << 24 | (number + i) & 0xFFFFFF)
        frames.append(direction + b"\xff\3\0\x3d" + header + part)
    return frames


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("sizes", [7, 20, 1000])
@pytest.mark.parametrize("order", ["sent", "reversed", "shuffled"])
def test_pieces_in_any_order(short: bool, sizes: int, order: str) -> None:
    first = 0xFF0 if short else 0xFFFFF0  # The numbers wrap.
    frames = []
    number = first
    sent = [random.Random(i).randbytes(40 + i) for i in range(9)]
    for payload in sent:
        made = pieces(b"\0\x21" + packet(payload=payload), number, sizes, short=short)
        number += len(made)
        if order == "reversed":
            made.reverse()
        elif order == "shuffled":
            random.Random(3).shuffle(made)
        frames += made
    result = decode(frames, PPP)
    assert sorted(row.payload for row in result.rows) == sorted(sent)
    assert set(result.paths) == {"ppp/ip"}
    assert set(result.reasons) <= {Reason.TCP, Reason.FRAGMENT_USED}


def test_directions_have_numbers_of_their_own() -> None:
    both = []
    for side in (0, 1):
        content = b"\x21" + packet(payload=b"ab"[side : side + 1] * 50)
        both.append(pieces(content, 0, 30, direction=bytes([side])))
    frames = [frame for pair in zip(*both, strict=True) for frame in pair]
    result = decode(frames, PPP_WITH_DIRECTION)
    assert sorted(row.payload for row in result.rows) == [b"a" * 50, b"b" * 50]


def test_numbers_that_occur_twice_make_nothing() -> None:
    frames = []
    for letter in b"ab":
        frames += pieces(b"\x21" + packet(payload=bytes([letter]) * 50), 0, 30)
    assert set(decode(frames, PPP).reasons) == {Reason.FRAGMENT}
    again = pieces(b"\x21" + packet(), 0, 30)
    assert [row.payload for row in decode(again + again, PPP).rows] == [PAYLOAD]


@pytest.mark.parametrize("lost", range(3))
def test_a_lost_piece_is_waited_for(lost: int) -> None:
    frames = pieces(b"\0\x21" + packet(), 5, 16)[:]
    assert len(frames) == 3
    del frames[lost]
    assert set(decode(frames, PPP).reasons) == {Reason.FRAGMENT}


def test_far_apart_in_time_is_not_the_same_packet() -> None:
    frames = pieces(b"\0\x21" + packet(), 5, 30)
    assert len(frames) == 2
    assert not decode(frames, PPP, times=[0, 10**12]).rows
    assert decode(frames, PPP, times=[0, 10**10]).rows


def test_compressed_headers_inside() -> None:
    one = talk(random.Random(2), 1024)
    senders, numbers = [Compressor(), Compressor()], [0, 0]
    frames = []
    for side, each in one.packets:
        protocol, body = senders[side].send(each)
        made = pieces(struct.pack("!H", protocol) + body, numbers[side], 60, direction=bytes([side]))
        numbers[side] += len(made)
        frames += made
    result = decode(frames, PPP_WITH_DIRECTION)
    assert [row.payload for row in result.rows] == [each[40:] for _, each in one.packets]
    assert set(result.reasons) <= {Reason.TCP, Reason.FRAGMENT_USED}


@pytest.mark.peer
def test_as_tshark_puts_them_together(need_tool: Callable[[str], str], tmp_path: Path) -> None:
    sent = [random.Random(i).randbytes(60) for i in range(5)]
    frames, number = [], 7
    for payload in sent:
        made = pieces(b"\0\x21" + packet(payload=payload), number, 40)
        number += len(made)
        frames += made
    path = pcap(tmp_path / "multilink.pcap", frames, PPP)
    command = [need_tool("tshark"), "-n", "-r", str(path), "-Y", "tcp", "-T", "fields", "-e", "tcp.payload"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert out.split() == [payload.hex() for payload in sent]
    assert [row.payload for row in decode(frames, PPP).rows] == sent
