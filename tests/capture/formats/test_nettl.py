"""HP-UX nettl: subsystems, and what they put in front of frames."""

from __future__ import annotations

import struct

import pytest

from tcpflow_scapy.capture.linktypes import UNKNOWN
from tests.capture.made import Frame, nettl, read, some_frames

FRAMES = some_frames(30)


@pytest.mark.parametrize(
    ("subsystem", "before", "linktype"),
    [
        (210, b"", 1),
        (265, b"", 1),
        (31, b"", 6),
        (9, b"", 101),
        (2, bytes(26), 101),
        (176, bytes(3), 10),
        (95, b"", 10),
        (23, b"", UNKNOWN),
    ],
)
@pytest.mark.parametrize("size", [64, 68])
def test_subsystems(subsystem: int, before: bytes, linktype: int, size: int) -> None:
    frames = [*FRAMES, Frame(b"cut", FRAMES[-1].time, 1500)]
    got = read(nettl(frames, subsystem=subsystem, before=before, size=size))
    assert [(f.data, f.time, f.wirelen) for f in got.frames] == [(f.data, f.time, f.wirelen) for f in frames]
    assert {f.linktype for f in got.frames} == {linktype}
    assert got.info.problems == []


@pytest.mark.parametrize("extra", [b"", bytes(2)])
def test_the_driver_tells_lengths_once_more(extra: bytes) -> None:
    records = []
    for frame in FRAMES:
        inner = struct.pack(">4xHH14x", len(frame.data), len(frame.data) + 9) + extra
        records.append(nettl([frame], subsystem=11, before=inner)[128:])
    got = read(nettl([])[:128] + b"".join(records))
    assert [(f.data, f.wirelen) for f in got.frames] == [(f.data, len(f.data) + 9) for f in FRAMES]


def test_padding_that_outbound_fddi_records_tell_themselves() -> None:
    before = bytes(8) + b"\x05" + bytes(5)
    got = read(nettl(FRAMES, subsystem=95, kind=0x1000_0000, before=before))
    assert got.data == [f.data for f in FRAMES]


def test_records_that_trace_no_packet_are_frames_of_no_known_link_type() -> None:
    data = nettl(FRAMES[:2]) + nettl(FRAMES[2:3], kind=0x0800_0000)[128:] + nettl(FRAMES[3:])[128:]
    got = read(data)
    assert [f.linktype for f in got.frames[:4]] == [1, 1, UNKNOWN, 1]
    assert len(got.frames) == len(FRAMES)


def test_headers_of_different_sizes_in_one_file() -> None:
    data = nettl(FRAMES[:10], size=64) + nettl(FRAMES[10:], size=68)[128:]
    assert read(data).frames == FRAMES


def test_the_older_signature() -> None:
    data = bytes.fromhex("000000010000000000 07d000").ljust(128, b"\0") + nettl(FRAMES)[128:]
    got = read(data)
    assert got.frames == FRAMES
    assert got.info.formats == ["nettl (HP-UX 9)"]
