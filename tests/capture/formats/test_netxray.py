"""NetXRay and the Sniffer for Windows: versions, clocks, rings, pods."""

from __future__ import annotations

import struct

import pytest

from tcpflow_scapy.capture.linktypes import UNKNOWN
from tests.capture.made import SECOND, START, Frame, netxray, read, some_frames

FRAMES = some_frames(40)


@pytest.mark.parametrize("version", [b"001.100", b"002.000", b"002.001", b"002.002", b"002.003"])
def test_versions(version: bytes) -> None:
    frames = [*FRAMES, Frame(b"cut", FRAMES[-1].time, 1500)]
    got = read(netxray(frames, version=version))
    assert got.frames == frames
    assert got.info.problems == []


def test_the_first_version_has_milliseconds_and_one_length() -> None:
    head = b"VL\0\0" + bytes(8) + struct.pack("<8I", START, 2, 0, 128, 128 + 2 * 76, 0, 0, 0)
    head = (head + struct.pack("<BB2xIQ", 0, 0, 0, 5000)).ljust(128, b"\0")
    records = b"".join(struct.pack("<QH6x", 5000 + ms, 60) + bytes([ms]) * 60 for ms in (7, 20))
    got = read(head + records)
    assert got.frames == [Frame(bytes([ms]) * 60, START * SECOND + ms * 1_000_000) for ms in (7, 20)]
    assert got.info.formats == ["NetXRay (old)"]


def test_a_ring_begins_in_the_middle() -> None:
    for turn in (1, 17, 39):
        got = read(netxray(FRAMES, turn=turn))
        assert got.frames == FRAMES
        assert got.info.problems == []


def test_what_follows_the_last_record_is_nothing() -> None:
    got = read(netxray(FRAMES) + b"\xee" * 700)
    assert got.frames == FRAMES
    assert got.info.problems == []


@pytest.mark.parametrize(
    ("pod", "unit", "ticks"), [(2, 0, SECOND), (2, 2, 31_250_000), (3, 2, 1_250_000), (0, 1, 1_193_000)]
)
def test_clocks(pod: int, unit: int, ticks: int) -> None:
    data = bytearray(netxray([Frame(b"x" * 60)], pod=pod))
    data[48] = unit
    data[128:136] = struct.pack("<Q", ticks * 3 + ticks // 4)
    (frame,) = read(bytes(data)).frames
    assert frame.time == START * SECOND + 3 * SECOND + ticks // 4 * SECOND // ticks


def test_a_clock_that_the_file_tells_itself() -> None:
    data = bytearray(netxray([Frame(b"x" * 60)]))
    data[48], data[76:80] = 2, struct.pack("<I", 3_579_545)
    data[128:136] = struct.pack("<Q", 3_579_545 * 2)
    assert read(bytes(data)).frames[0].time == (START + 2) * SECOND


def test_a_clock_that_is_not_known_is_told() -> None:
    data = bytearray(netxray(FRAMES, pod=5))
    data[48] = 2
    got = read(bytes(data))
    assert got.data == [f.data for f in FRAMES]
    assert got.kinds == ["unknown_clock"]


def test_a_beginning_that_cannot_be() -> None:
    data = bytearray(netxray(FRAMES))
    data[59] = 0x7F
    got = read(bytes(data))
    assert got.frames == FRAMES
    assert got.kinds == ["damaged"]


def test_rubbish_behind_frames_is_left_out_and_a_check_sequence_is_kept() -> None:
    data = bytearray(netxray(FRAMES, trailer=b"junk"))
    assert read(bytes(data)).frames == FRAMES
    data[77:79] = b"\x34\x12"
    got = read(bytes(data))
    assert got.data == [f.data + b"junk" for f in FRAMES]
    assert got.info.interfaces[0].fcs_length == 4


@pytest.mark.parametrize(
    ("network", "pod", "linktype"),
    [
        (0, 0, 1),
        (1, 0, 6),
        (2, 0, 10),
        (3, 3, 50),
        (3, 4, 107),
        (3, 19, 104),
        (3, 7, UNKNOWN),
        (9, 0, 105),
        (6, 0, UNKNOWN),
    ],
)
def test_networks(network: int, pod: int, linktype: int) -> None:
    got = read(netxray(FRAMES, network=network, pod=pod))
    assert {f.linktype for f in got.frames} == {linktype}
    assert got.kinds == (["unknown_linktype"] if linktype == UNKNOWN else [])


def test_the_other_way_to_number_networks() -> None:
    data = bytearray(netxray(FRAMES, network=1))
    data[45] = 2
    assert {f.linktype for f in read(bytes(data)).frames} == {1}


def test_lan_emulation_over_atm() -> None:
    data = bytearray(
        netxray(
            [Frame(b"\0\1" + b"e" * 60), Frame(b"\xff\0" + b"c" * 60), Frame(b"\xaa\xaa\3" + b"l" * 60)],
            network=8,
        )
    )
    for at, kind in ((128, 0x54), (128 + 102, 0x54), (128 + 204, 0x57)):
        data[at + 12] = kind
    got = read(bytes(data))
    assert [(f.data[:3], f.linktype) for f in got.frames] == [
        (b"eee", 1),
        (b"\xff\0c", 100),
        (b"\xaa\xaa\3", 100),
    ]


def test_offsets_that_lie_outside_the_file() -> None:
    data = bytearray(netxray(FRAMES))
    data[28 - 4 : 28] = b"\xff" * 4
    got = read(bytes(data))
    assert got.frames == FRAMES
    assert got.kinds == ["damaged"]
    data = bytearray(netxray(FRAMES))
    data[28:32] = struct.pack("<I", 1 << 30)
    assert read(bytes(data)).kinds == ["cut_short"]
