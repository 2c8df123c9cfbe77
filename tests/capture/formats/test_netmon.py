"""Microsoft Network Monitor 1 and 2, held against Wireshark's understanding of the format."""

from __future__ import annotations

import struct

import pytest

from tcpflow_scapy.capture.linktypes import UNKNOWN
from tests.capture.made import SECOND, START, Frame, netmon, read, some_frames

FRAMES = some_frames(12)


@pytest.mark.parametrize("version", [(1, 1), (2, 0), (2, 1), (2, 2), (2, 3)])
def test_versions(version: tuple[int, int]) -> None:
    frames = [*FRAMES, Frame(b"cut", FRAMES[-1].time, 1500)]
    got = read(netmon(frames, version=version))
    assert got.frames == frames
    assert got.info.problems == []
    assert got.info.formats == [f"netmon {version[0]}.{version[1]}"]


def test_frames_before_the_capture_began() -> None:
    """Their distance is a negative number in an unsigned field."""
    early = Frame(b"early", START * SECOND - 250_000_000)
    got = read(netmon([early], version=(2, 1))).frames[0]
    assert abs(got.time - early.time) < 1_000
    assert got.data == b"early"


def test_the_utc_time_of_version_2_3_wins_and_has_100_ns() -> None:
    frame = Frame(b"x" * 20, START * SECOND + 123_456_700)
    assert read(netmon([frame], version=(2, 3))).frames == [frame]


def test_media_types_of_each_frame() -> None:
    media = [0, 1, 2, 3, 7, 9, 0xE000 | 113, 0xE081, 0xFFE0]
    got = read(netmon([Frame(b"y" * 40)] * len(media), media=media))
    assert [f.linktype for f in got.frames] == [1, 1, 6, 10, 101, 101, 113, UNKNOWN, UNKNOWN]
    assert len({f.interface for f in got.frames}) == 5 + 1


def test_notes_about_the_capture_are_no_frames() -> None:
    media = [1, 0xFFFD, 1, 0xFFFE, 0xFFFC, 1]
    got = read(netmon(FRAMES[:6], media=media))
    assert got.data == [FRAMES[i].data for i in (0, 2, 5)]


def test_headers_of_wireless_and_atm_frames_are_taken_off() -> None:
    radio = bytes([2, 32, 0]) + bytes(29)
    frames = [Frame(radio + b"802.11 frame"), Frame(b"\x08 no header"), Frame(bytes(16) + b"\xaa\xaa\x03llc")]
    got = read(netmon(frames, media=[6, 6, 4]))
    assert [(f.data, f.linktype) for f in got.frames] == [
        (b"802.11 frame", 105),
        (b"\x08 no header", 105),
        (b"\xaa\xaa\x03llc", 100),
    ]


def test_the_order_is_that_of_the_frame_table() -> None:
    got = read(netmon(FRAMES, table=[11, *range(11)]))
    assert got.data == [f.data for f in (FRAMES[11], *FRAMES[:11])]
    assert got.info.problems == []


def test_a_table_in_no_order_costs_no_window_for_each_frame() -> None:
    frames = some_frames(400)
    table = [i * 399 % 400 for i in range(400)]
    got = read(netmon(frames, table=table))
    assert got.kinds == ["damaged"]
    assert got.data == [f.data for f in frames]
    assert got.batches == 1


def test_a_table_that_names_one_frame_many_times_gives_it_once() -> None:
    got = read(netmon(FRAMES, table=[0, 1] + [2] * 5000 + list(range(3, 12))))
    assert got.data == [f.data for f in FRAMES]
    assert got.kinds == ["damaged"]


def test_a_table_that_leads_nowhere() -> None:
    got = read(netmon(FRAMES, table=[0, 1, 0xFFFF_FFF0, 20, 2]))
    assert got.data == [f.data for f in FRAMES[:3]]
    assert got.kinds == ["damaged"]


def test_a_missing_table_leaves_the_frames_that_follow_one_another() -> None:
    whole = netmon(FRAMES)
    where = struct.unpack_from("<I", whole, 24)[0]
    got = read(whole[:where])
    assert got.data == [f.data for f in FRAMES]
    assert got.kinds == ["cut_short"]


def test_a_damaged_length_ends_at_the_next_frame() -> None:
    for version in ((1, 1), (2, 1)):
        whole = bytearray(netmon(FRAMES, version=version))
        where = struct.unpack_from("<I", whole, 24)[0]
        third = struct.unpack_from("<I", whole, where + 8)[0]
        whole[third + (6 if version[0] == 1 else 12)] ^= 0x90
        got = read(bytes(whole))
        assert got.data == [f.data for f in FRAMES]
        assert got.kinds == ["damaged"]


def test_cut_short() -> None:
    whole = netmon(FRAMES)
    for size in (10, 60, 130, 700, len(whole) - 5):
        got = read(whole[:size]) if size >= 24 else None
        if got is not None:
            assert got.data == [f.data for f in FRAMES[: len(got.frames)]]
            assert "cut_short" in got.kinds


def test_no_frames() -> None:
    assert read(netmon([])).frames == []


def test_a_date_that_cannot_be() -> None:
    data = bytearray(netmon(FRAMES[:1], version=(2, 1)))
    data[14:16] = b"\x63\0"
    assert read(bytes(data)).frames[0].time == FRAMES[0].time - START * SECOND
