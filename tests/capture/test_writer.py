"""Writers, held against our own reader, Scapy's, and (where it is installed) Wireshark's."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.writer import CaptureWriter, PcapngWriter, PcapWriter, capture_writer

from .made import SECOND, START, Frame, read, some_frames

FRAMES = [Frame(f.data, f.time + 123, f.wirelen + i % 3) for i, f in enumerate(some_frames(12))]


def written(make: Callable[[io.BytesIO], CaptureWriter], frames: list[Frame]) -> bytes:
    file = io.BytesIO()
    with make(file) as writer:
        for frame in frames:
            writer.write(frame.data, frame.time, frame.wirelen, linktype=frame.linktype)
    assert not file.closed
    return file.getvalue()


def test_pcap_in_nanoseconds_and_microseconds() -> None:
    got = read(written(lambda file: PcapWriter(file, 1), FRAMES))
    assert got.frames == FRAMES
    assert got.info.formats == ["pcap (nanoseconds)"]
    got = read(written(lambda file: PcapWriter(file, 1, nanoseconds=False, snaplen=96), FRAMES))
    assert [f.time for f in got.frames] == [f.time // 1000 * 1000 for f in FRAMES]
    assert got.info.formats == ["pcap"]
    assert got.info.interfaces[0].snaplen == 96


def test_pcapng_with_several_link_types() -> None:
    frames = [Frame(f.data, f.time, f.wirelen, (1, 113, 101)[i % 3], i % 3) for i, f in enumerate(FRAMES)]
    got = read(written(PcapngWriter, frames))
    assert got.frames == frames
    assert got.info.problems == []


def test_pcapng_keeps_interface_names_and_comments() -> None:
    file = io.BytesIO()
    writer = PcapngWriter(file)
    writer.write(b"a" * 30, START * SECOND, interface="eth0")
    writer.write(b"b" * 31, START * SECOND, interface="wlan0", comment="odd one")
    writer.write(memoryview(b"c" * 32), START * SECOND, interface="eth0", comment="ünïcode" * 10_000)
    writer.close()
    got = read(file.getvalue())
    assert [i.name for i in got.info.interfaces] == ["eth0", "wlan0"]
    assert [f.interface for f in got.frames] == [0, 1, 0]
    assert got.info.comments[0] == "frame 2: odd one"
    assert got.info.comments[1].startswith("frame 3: ünïcode")
    assert got.info.problems == []


def test_frames_without_a_time() -> None:
    frames = [Frame(b"x" * 61, NO_TIME), Frame(b"y" * 60, NO_TIME, 90), Frame(b"z" * 61, NO_TIME, 90)]
    got = read(written(PcapngWriter, frames))
    # The last one cannot be told from its padding without a captured length, which goes with a time.
    assert [(f.data, f.time, f.wirelen) for f in got.frames] == [
        (b"x" * 61, NO_TIME, 61),
        (b"y" * 60, NO_TIME, 90),
        (b"z" * 61, 0, 90),
    ]
    assert [f.time for f in read(written(lambda file: PcapWriter(file, 1), frames)).frames] == [0, 0, 0]


def test_times_and_lengths_that_do_not_fit() -> None:
    frames = [Frame(b"x" * 20, -5), Frame(b"x" * 20, 1 << 62), Frame(b"x" * 20, 0, 5)]
    got = read(written(lambda file: PcapWriter(file, 1), frames))
    assert [(f.time, f.wirelen) for f in got.frames] == [(0, 20), (0, 20), (0, 20)]
    got = read(written(PcapngWriter, frames))
    assert [(f.time, f.wirelen) for f in got.frames] == [(0, 20), (1 << 62, 20), (0, 20)]


def test_one_link_type_in_a_pcap_file() -> None:
    with pytest.raises(ValueError, match="link type 113 in a pcap file of link type 1"):
        PcapWriter(io.BytesIO(), 1).write(b"x", 0, linktype=113)


def test_the_plainest_format_that_will_do(tmp_path: Path) -> None:
    for linktypes, kind in (([], PcapWriter), ([101, 101], PcapWriter), ([1, 101], PcapngWriter)):
        with capture_writer(tmp_path / "x", linktypes) as writer:
            assert type(writer) is kind
    with capture_writer(str(tmp_path / "y"), [101]) as writer:
        writer.write(b"q" * 20, START * SECOND)
    assert read(tmp_path / "y").frames == [Frame(b"q" * 20, START * SECOND, linktype=101)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ng", [False, True])
def test_scapy_reads_what_was_written(tmp_path: Path, ng: bool) -> None:
    from scapy.utils import RawPcapNgReader, RawPcapReader

    path = tmp_path / "x"
    path.write_bytes(written(PcapngWriter if ng else lambda file: PcapWriter(file, 1), FRAMES))
    with (RawPcapNgReader if ng else RawPcapReader)(str(path)) as reader:
        records = list(reader)
    assert [data for data, _ in records] == [f.data for f in FRAMES]
    assert [meta.wirelen for _, meta in records] == [f.wirelen for f in FRAMES]
    for (_, meta), frame in zip(records, FRAMES, strict=True):
        time = (meta.tshigh << 32) + meta.tslow if ng else meta.sec * SECOND + meta.usec
        assert time == frame.time


@pytest.mark.peer
@pytest.mark.parametrize("ng", [False, True])
def test_wireshark_reads_what_was_written(tmp_path: Path, ng: bool, need_tool: Callable[[str], str]) -> None:
    path = tmp_path / "x"
    path.write_bytes(written(PcapngWriter if ng else lambda file: PcapWriter(file, 1), FRAMES))
    fields = ["frame.time_epoch", "frame.cap_len", "frame.len"]
    arguments = [x for field in fields for x in ("-e", field)]
    done = subprocess.run(
        [need_tool("tshark"), "-n", "-r", str(path), "-T", "fields", *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows == [
        [f"{f.time // SECOND}.{f.time % SECOND:09d}", str(len(f.data)), str(f.wirelen)] for f in FRAMES
    ]
