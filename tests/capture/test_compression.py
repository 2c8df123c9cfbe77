"""Compressed captures: every codec, members, cuts, damage, bombs, nesting."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest

from tcpflow_scapy.capture import open_source
from tcpflow_scapy.capture.compression import CODECS, find_codec
from tcpflow_scapy.errors import CaptureError, CaptureFormatError

from .made import pcap, pcapng, read, some_frames

try:
    from compression import zstd
except ImportError:
    from backports import zstd

Compress = Callable[[bytes], bytes]

COMPRESS: dict[str, Compress] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE, preset=0),
}

FRAMES = some_frames(300, size=200)
CAPTURE = pcap(FRAMES)
EACH = pytest.mark.parametrize("name", COMPRESS)
MEMBERS = pytest.mark.parametrize("name", [n for n in COMPRESS if n != "lzma"])


@EACH
def test_recognised_by_content(name: str, tmp_path: Path) -> None:
    path = tmp_path / "no-suffix.txt"
    path.write_bytes(COMPRESS[name](CAPTURE))
    got = read(path)
    assert got.data == [f.data for f in FRAMES]
    assert got.info.compressions == [name]
    assert got.info.formats == ["pcap"]
    assert got.info.sizes == [path.stat().st_size]
    assert got.info.problems == []


def test_every_codec_is_tested() -> None:
    names = [codec.name for codec in CODECS]
    names.remove("Sniffer")  # a format's own: tests/capture/formats/test_sniffer.py
    assert names == list(COMPRESS)
    assert find_codec(b"") is None
    assert find_codec(CAPTURE) is None


@MEMBERS
def test_several_members_are_one_stream(name: str) -> None:
    compress = COMPRESS[name]
    parts = [CAPTURE[:1000], CAPTURE[1000:20_000], b"", CAPTURE[20_000:]]
    got = read(b"".join(compress(part) for part in parts))
    assert got.data == [f.data for f in FRAMES]
    assert got.info.problems == []


@MEMBERS
def test_zeros_between_and_after_members_are_padding(name: str) -> None:
    compress = COMPRESS[name]
    got = read(compress(CAPTURE[:5000]) + bytes(512) + compress(CAPTURE[5000:]) + bytes(40_000))
    assert got.data == [f.data for f in FRAMES]
    assert got.info.problems == []


@MEMBERS
def test_bytes_after_the_last_member_are_reported(name: str) -> None:
    data = COMPRESS[name](CAPTURE)
    got = read(data + b"trailing words")
    assert got.data == [f.data for f in FRAMES]
    assert got.kinds == ["decompression"]
    assert got.info.problems[0].offset == len(data)


@EACH
def test_cut_short_gives_what_could_be_decompressed(name: str) -> None:
    # Incompressible, so that codecs which work in blocks have more than one.
    frames = some_frames(900, size=400)
    for i, frame in enumerate(frames):
        frame.data = zlib.compress(frame.data * 3 + bytes([i & 255]) + random.randbytes(1200), 1)
        frame.wirelen = len(frame.data)
    data = COMPRESS[name](pcap(frames))
    got = read(data[: len(data) * 3 // 4])
    assert 0 < len(got.frames) < len(frames)
    assert got.data == [f.data for f in frames[: len(got.frames)]]
    assert got.kinds[0] == "cut_short"


@EACH
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_damage_raises_nothing_but_capture_errors(name: str, share: float) -> None:
    data = bytearray(COMPRESS[name](CAPTURE))
    at = int(share * len(data))
    data[at : at + 4] = b"\xff\x00\xff\x00"
    try:
        got = read(bytes(data))
    except CaptureError:
        return
    assert len(got.frames) <= len(FRAMES) + 5


def test_gzip_damage_keeps_what_came_before() -> None:
    data = bytearray(gzip.compress(CAPTURE, 1))
    data[len(data) // 2 :] = bytes(len(data) // 2)
    got = read(bytes(data))
    assert len(got.frames) > 30
    assert got.data[:30] == [f.data for f in FRAMES[:30]]
    assert got.info.problems


@EACH
def test_twice_compressed(name: str) -> None:
    got = read(gzip.compress(COMPRESS[name](CAPTURE)))
    assert got.data == [f.data for f in FRAMES]
    assert got.info.compressions == [f"gzip+{name}"]


def test_three_times_compressed_is_refused() -> None:
    data = CAPTURE
    for _ in range(3):
        data = gzip.compress(data)
    with pytest.raises(CaptureFormatError, match="compressed more than 2 times"):
        open_source(io.BytesIO(data))


@EACH
def test_compressed_things_that_are_no_capture(name: str) -> None:
    with pytest.raises(CaptureFormatError, match=rf"inside {name} data: not a known capture format"):
        open_source(io.BytesIO(COMPRESS[name](b"a letter to a friend" * 100)))


def test_a_compressed_nothing() -> None:
    with pytest.raises(CaptureFormatError, match="nothing that can be decompressed"):
        open_source(io.BytesIO(gzip.compress(b"")))


@EACH
def test_a_bomb_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpflow_scapy.capture.compression.EXPANSION_FREE", 1 << 18)
    monkeypatch.setattr("tcpflow_scapy.capture.compression.MAX_EXPANSION", 100)
    bomb = COMPRESS[name](pcap(FRAMES[:3]) + bytes(4 << 20))
    with pytest.raises(CaptureFormatError, match="expand more than 100 fold"):
        read(bomb)


def test_a_bomb_inside_a_bomb_is_measured_against_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpflow_scapy.capture.compression.EXPANSION_FREE", 1 << 18)
    bomb = gzip.compress(gzip.compress(pcap(FRAMES[:3]) + bytes(6 << 20)))
    with pytest.raises(CaptureFormatError, match="fold"):
        read(bomb)


def test_a_bomb_that_is_no_capture_is_refused_at_once() -> None:
    with pytest.raises(CaptureFormatError, match="not a known capture format"):
        open_source(io.BytesIO(gzip.compress(bytes(5 << 20))))


def test_honest_captures_may_compress_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpflow_scapy.capture.compression.EXPANSION_FREE", 1 << 16)
    frames = some_frames(600)
    for frame in frames:
        frame.data, frame.wirelen = frame.data[:40] + bytes(1400), 1440
    assert len(read(gzip.compress(pcap(frames))).frames) == 600


def test_skippable_frames_before_zstd_and_lz4() -> None:
    skip = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"ignor"
    for compress in (zstd.compress, lz4.frame.compress):
        assert len(read(skip + compress(CAPTURE)).frames) == 300


def test_the_inner_format_can_be_any() -> None:
    assert read(zstd.compress(pcapng(FRAMES))).info.formats == ["pcapng"]
