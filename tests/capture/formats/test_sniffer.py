"""The Sniffer for DOS: networks, kinds of records, and its own compression."""

from __future__ import annotations

import struct

import pytest

from tcpflow_scapy.capture.linktypes import UNKNOWN
from tcpflow_scapy.capture.sniffer_compression import SnifferDecompressor, expand
from tests.capture.made import START, Frame, blobs, read, sniffer, some_frames

FRAMES = some_frames(40)


@pytest.mark.parametrize(("network", "linktype"), [(0, 6), (1, 1), (2, 7), (9, 10), (5, UNKNOWN)])
def test_networks(network: int, linktype: int) -> None:
    got = read(sniffer(FRAMES, network=network))
    assert got.data == [f.data for f in FRAMES]
    assert {f.linktype for f in got.frames} == {linktype}
    assert got.kinds == (["unknown_linktype"] if linktype == UNKNOWN else [])


@pytest.mark.parametrize(("carried", "linktype"), [(2, 107), (4, 50), (0, UNKNOWN)])
def test_serial_lines_that_a_header_record_tells(carried: int, linktype: int) -> None:
    record = struct.pack("<HHH", 7, 6, 0) + bytes([0, 0, 0, 0, carried, 0])
    got = read(sniffer(FRAMES, network=7, records=record))
    assert {f.linktype for f in got.frames} == {linktype}
    assert got.data == [f.data for f in FRAMES]


def test_serial_lines_that_every_frame_tells() -> None:
    starts = {
        b"\xff\x03\x00\x21": 50,
        b"\x0f\x00\x08\x00": 50,
        b"\x18\x41\x03\xcc": 107,
        b"\x01\x3f": UNKNOWN,
    }
    got = read(sniffer([Frame(start + bytes(40)) for start in starts], network=7))
    assert [f.linktype for f in got.frames] == list(starts.values())


def test_the_other_frame_of_token_ring() -> None:
    got = read(sniffer(FRAMES, network=0, kind=12, before=bytes(20)))
    assert got.frames == [Frame(f.data, f.time, f.wirelen, 6) for f in FRAMES]


@pytest.mark.parametrize(
    ("traffic", "kind", "linktype", "skipped"), [(0x13, 0, 100, 0), (0x33, 2, 1, 2), (0x33, 3, 6, 2)]
)
@pytest.mark.parametrize("version", [(5, 0), (4, 95)])
def test_atm(traffic: int, kind: int, linktype: int, skipped: int, version: tuple[int, int]) -> None:
    info = bytes(14) + bytes([traffic, kind]) + bytes(18)
    whole = sniffer([Frame(b"\0\1" + f.data, f.time) for f in FRAMES], network=10, kind=8, before=info)
    if version == (4, 95):  # these understate the length of every such record
        out = bytearray(sniffer([], network=10, version=version)[:-6])
        at = len(out)
        while at < len(whole):
            code, length, _ = struct.unpack_from("<HHH", whole, at)
            out += struct.pack("<HHH", code, max(length - 34, 0), 0) + whole[at + 6 : at + 6 + length]
            at += 6 + length
        whole = bytes(out)
    got = read(whole)
    assert got.data == [(b"\0\1" + f.data)[skipped:] for f in FRAMES]
    assert {f.linktype for f in got.frames} == {linktype}
    assert got.info.problems == []


def test_frames_of_the_next_day_and_cut_ones() -> None:
    late = Frame(b"x" * 50, (START + 86_400) * 1_000_000_000, 1514)
    assert read(sniffer([late])).frames == [late]


def test_compressed_files_are_the_same() -> None:
    frames = [
        Frame(bytes([i] * 60) + bytes(range(100)) * 3 + bytes([i]) * 7, f.time) for i, f in enumerate(FRAMES)
    ]
    got = read(sniffer(frames, compress=True))
    assert got.frames == frames
    assert got.info.problems == []
    assert got.info.compressions == ["Sniffer"]
    assert got.info.formats == ["Sniffer (DOS)"]


def test_compressed_files_that_are_cut_give_what_came_before() -> None:
    data = sniffer(FRAMES, compress=True)
    for size in range(100, len(data), 301):
        got = read(data[:size])
        assert got.data == [f.data for f in FRAMES[: len(got.frames)]]
        assert "cut_short" in got.kinds


def test_damaged_blobs_end_the_reading_and_keep_what_came_before() -> None:
    frames = [Frame(bytes([i] * 60) + bytes(300), f.time) for i, f in enumerate(FRAMES)]
    data = sniffer(frames, compress=True)
    head = len(sniffer([], compress=True)) - len(blobs(struct.pack("<HHH", 3, 0, 0)))
    (first,) = struct.unpack_from("<h", data, head)
    # A copy from before the beginning, as the second blob.
    got = read(data[: head + 2 + first] + struct.pack("<h", 4) + b"\x00\x80\x30\xff")
    assert 0 < len(got.frames) < len(frames)
    assert got.data == [f.data for f in frames[: len(got.frames)]]
    assert "decompression" in got.kinds


@pytest.mark.parametrize(
    "blob",
    [
        b"\x00",
        b"\x00\x80\x05",
        b"\x00\x80\x1f\xff",
        b"\x00\x80\x2f\x00",
        b"\x00\x80\x30\x00",
        b"\x00\x80\x9f",
    ],
)
def test_blobs_that_cannot_be(blob: bytes) -> None:
    with pytest.raises(ValueError, match=r"blob|copy"):
        expand(blob)


def test_a_blob_that_becomes_too_long() -> None:
    with pytest.raises(ValueError, match="too long"):
        expand((b"\xff\xff" + b"\x1f\xffz" * 16) * 2)


def test_input_byte_by_byte() -> None:
    data = sniffer(FRAMES, compress=True)
    member, out = SnifferDecompressor(), b""
    for byte in data:
        out += member.decompress(bytes([byte]), 10)
    while not member.needs_input and not member.eof:
        out += member.decompress(b"", 1000)
    assert out == sniffer(FRAMES)
