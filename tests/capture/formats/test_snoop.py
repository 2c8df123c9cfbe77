"""snoop, and Surveyor's dialect of it."""

from __future__ import annotations

import pytest

from tcpflow_scapy.capture.linktypes import UNKNOWN
from tests.capture.made import START, Frame, read, snoop, some_frames

FRAMES = some_frames(15)


def test_records_with_padding() -> None:
    frames = [*FRAMES, Frame(b"z" * 61, wirelen=1500)]
    got = read(snoop(frames))
    assert got.frames == frames
    assert got.info.formats == ["snoop"]
    assert got.info.problems == []


@pytest.mark.parametrize(
    ("code", "linktype"), [(0, 1), (2, 6), (4, 1), (8, 10), (16, 122), (18, 123), (0x8000_0005, 226)]
)
def test_link_type_codes(code: int, linktype: int) -> None:
    assert {f.linktype for f in read(snoop(FRAMES, code=code)).frames} == {linktype}


def test_an_unknown_code_is_reported() -> None:
    got = read(snoop(FRAMES, code=77))
    assert {f.linktype for f in got.frames} == {UNKNOWN}
    assert got.kinds == ["unknown_linktype"]


def test_surveyor_keeps_more_in_the_padding_and_has_codes_of_its_own() -> None:
    got = read(snoop(FRAMES, code=12, padding=16))
    assert got.frames == FRAMES
    assert got.info.formats == ["snoop (Surveyor)"]
    assert read(snoop(FRAMES, code=12)).frames[0].linktype == UNKNOWN


def test_surveyor_radio_headers_are_taken_off() -> None:
    header = bytes([0, 0, 0, 8]) + b"radiohdr"
    got = read(snoop([Frame(header + b"\x08" * 40), Frame(b"short"), Frame(header)], code=18, padding=16))
    assert [(f.data, f.wirelen, f.linktype) for f in got.frames] == [
        (b"\x08" * 40, 40, 105),
        (b"short", 5, 105),
        (b"", 0, 105),
    ]


def test_only_the_file_header() -> None:
    assert read(snoop([])).frames == []
    got = read(snoop([])[:12])
    assert got.frames == []
    assert got.kinds == ["cut_short"]


def test_cut_inside_a_record() -> None:
    whole = snoop(FRAMES)
    got = read(whole[:-30])
    assert got.data == [f.data for f in FRAMES[:-1]]
    assert got.kinds == ["cut_short"]
    assert got.info.problems[0].frame == len(FRAMES)


def test_every_byte_of_a_record_header_may_be_damaged() -> None:
    """Only the record itself may suffer."""
    whole = snoop(FRAMES)
    offset = 16 + sum(24 + len(f.data) + (-len(f.data) % 4) for f in FRAMES[:5])
    for at in range(24):
        data = bytearray(whole)
        data[offset + at] ^= 0x5A
        got = read(bytes(data))
        assert len(got.frames) == len(FRAMES), at
        assert got.data[:5] + got.data[6:] == [f.data for f in FRAMES[:5] + FRAMES[6:]], at
        if at not in range(4, 8):
            assert got.data[5] == FRAMES[5].data, at


def test_record_lengths_below_a_header_do_not_stop_the_walk() -> None:
    data = bytearray(snoop(FRAMES))
    data[16 + 8 : 16 + 12] = bytes(4)
    assert read(bytes(data)).data == [f.data for f in FRAMES]


def test_times() -> None:
    assert [f.time for f in read(snoop([Frame(b"x" * 30, START * 10**9 + 5_000)])).frames] == [
        START * 10**9 + 5_000
    ]
