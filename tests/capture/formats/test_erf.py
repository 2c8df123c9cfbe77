"""Endace ERF: types, extension headers, interfaces, losses, recognition without a signature."""

from __future__ import annotations

import gzip
import io
import random
import struct

import pytest

from tcpflow_scapy.capture import open_source
from tcpflow_scapy.capture.formats import recognise
from tcpflow_scapy.errors import CaptureFormatError
from tests.capture.made import SECOND, START, Frame, erf, read, some_frames

FRAMES = some_frames(30)
CELL = bytes(4)


@pytest.mark.parametrize(
    ("kind", "before", "linktype"),
    [
        *((kind, bytes(2), 1) for kind in (2, 11, 16, 20)),
        *((kind, b"", 50) for kind in (1, 10, 15, 19)),
        *((kind, bytes(4), 50) for kind in (5, 17)),
        (21, b"", 247),
        (22, b"", 228),
        (23, b"", 229),
    ],
)
@pytest.mark.parametrize("extensions", [(), (b"\x03" + bytes(7),), (b"\x90" + bytes(7),) * 3 + (bytes(8),)])
def test_types(kind: int, before: bytes, linktype: int, extensions: tuple[bytes, ...]) -> None:
    frames = [*FRAMES, Frame(b"c" * 62, FRAMES[-1].time, 1500)]
    got = read(erf(frames, kind=kind, before=before, extensions=extensions))
    want = [Frame(f.data, f.time, f.wirelen, linktype) for f in frames]
    got.frames[-1].data = got.frames[-1].data[:62]  # behind a cut frame, padding looks like more of it
    assert got.frames == want
    assert got.info.problems == []


@pytest.mark.parametrize(("kind", "front"), [(4, b""), (9, bytes(4))])
def test_aal5_is_llc_behind_the_header_of_a_cell(kind: int, front: bytes) -> None:
    frames = [Frame(CELL + f.data, f.time) for f in FRAMES]
    got = read(erf(frames, kind=kind, before=front))
    assert got.frames == [Frame(f.data, f.time, linktype=100) for f in FRAMES]


@pytest.mark.parametrize("kind", [3, 7, 12, 18, 24, 27])
def test_other_types_are_given_as_they_stand(kind: int) -> None:
    data = erf(FRAMES, kind=kind)
    got = read(data)
    assert b"".join(got.data) == data
    assert {f.linktype for f in got.frames} == {197}


def test_padding_is_no_frame() -> None:
    pad = struct.pack(">8xBBHHH", 48, 0, 32, 0, 0) + bytes(16)
    data = pad + erf(FRAMES[:10]) + pad * 3 + erf(FRAMES[10:]) + pad
    assert read(data).frames == FRAMES


def test_interfaces_and_what_they_lost() -> None:
    data = (
        erf(FRAMES[:5], flags=4, lost=2) + erf(FRAMES[5:9], flags=0x47) + erf(FRAMES[9:12], flags=5, lost=1)
    )
    got = read(data + erf(FRAMES[12:14], kind=11, lost=9))
    assert [got.info.interfaces[f.interface].name for f in got.frames] == (
        ["port 0"] * 5 + ["port 7"] * 4 + ["port 1"] * 3 + ["port 0"] * 2
    )
    told = [(p.kind, p.message.split(" dropped")[0]) for p in got.info.problems]
    assert told == [("interface_drop", "port 0: 10 frames"), ("interface_drop", "port 1: 3 frames")]


def test_times_are_fixed_point_numbers() -> None:
    data = bytearray(erf(FRAMES[:3]))
    data[0:8] = struct.pack("<Q", START << 32 | 1 << 31)
    assert read(bytes(data)).frames[0].time == START * SECOND + SECOND // 2


def test_one_record_is_enough() -> None:
    assert read(erf(FRAMES[:1])).frames == FRAMES[:1]
    long = Frame(b"j" * 9000)
    assert read(erf([long] * 2)).frames == [long] * 2


def test_times_that_cannot_be_and_times_that_go_back_are_of_another_format() -> None:
    for times in ([START, START - 10, START - 20], [START, START + 400 * 86_400, START + 800 * 86_400]):
        data = erf([Frame(b"x" * 61, t * SECOND) for t in times], lost=1)
        assert recognise(data) is None


def test_compressed_files_and_noise_are_not_taken_for_it() -> None:
    source = random.Random(5)
    noise = [source.randbytes(4096) for _ in range(20_000)]
    assert [recognise(x) for x in noise] == [None] * len(noise)
    for seed in range(200):
        packed = gzip.compress(source.randbytes(300 + seed), mtime=START)
        assert recognise(packed) is None
    text = b"".join(b"line %d of some text, and of nothing else\n" % i for i in range(90))
    for at in range(40):
        assert recognise(text[at:]) is None
    with pytest.raises(CaptureFormatError):
        open_source(io.BytesIO(text))
