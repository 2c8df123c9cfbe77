"""Classic pcap and its dialects."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import pytest

from tcpflow_scapy.capture import limits
from tcpflow_scapy.capture.windows import Windows
from tests.capture.made import SECOND, START, Frame, pcap, read, some_frames

FRAMES = some_frames(20)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
def test_all_four_signatures(order: str, magic: int) -> None:
    got = read(pcap(FRAMES, order=order, magic=magic, linktype=113))
    unit = 1 if magic == 0xA1B23C4D else 1000
    expected = [Frame(f.data, f.time // unit * unit, f.wirelen, 113) for f in FRAMES]
    assert got.frames == expected
    assert got.info.problems == []
    assert got.info.interfaces[0].linktype == 113
    assert got.info.interfaces[0].snaplen == 262_144


@pytest.mark.parametrize(
    ("magic", "order", "name"),
    [
        (0xA1B2C3D4, "<", "pcap"),
        (0xA1B2C3D4, ">", "pcap (big-endian)"),
        (0xA1B23C4D, ">", "pcap (nanoseconds, big-endian)"),
        (0xA1B2CD34, "<", "pcap (modified)"),
    ],
)
def test_the_format_has_a_name(magic: int, order: str, name: str) -> None:
    extra = b"abcdefgh" if magic == 0xA1B2CD34 else b""
    assert read(pcap(FRAMES, magic=magic, order=order, extra=extra)).info.formats == [name]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("magic", "extra"),
    [
        (0xA1B2CD34, 8),  # ss991029
        (0xA1B2CD34, 12),  # ss990915
        (0xA1B2CD34, 0),
        (0xA1B2C3D4, 8),  # ss990417
        (0xA1B2C3D4, 4),  # Nokia
    ],
)
def test_longer_record_headers_are_told_by_the_first_records(order: str, magic: int, extra: int) -> None:
    got = read(pcap(FRAMES, order=order, magic=magic, extra=b"\x01\0\0\x02\x08\x06\x03\x01zzzz"[:extra]))
    assert got.data == [f.data for f in FRAMES]
    assert got.info.problems == []


@pytest.mark.parametrize(
    ("magic", "extra"), [(0xA1B2CD34, 8), (0xA1B2CD34, 12), (0xA1B2C3D4, 8), (0xA1B2C3D4, 4)]
)
def test_longer_record_headers_are_told_where_frames_are_days_apart(magic: int, extra: int) -> None:
    days = [replace(f, time=f.time + 10 * 86_400 * SECOND * i) for i, f in enumerate(FRAMES[:5])]
    got = read(pcap(days, magic=magic, extra=b"\x01\0\0\x02\x08\x06\x03\x01zzzz"[:extra]))
    assert got.data == [f.data for f in days]
    assert got.info.problems == []


def test_damage_in_the_first_records_is_not_taken_for_another_dialect() -> None:
    # To IPv6 multicast: where the second length is wrong, a longer header would make records of what follows.
    data = bytes.fromhex("3333000000160012") + bytes(82)
    frames = [replace(FRAMES[0], data=data, wirelen=90) for _ in range(200)]
    whole = bytearray(pcap(frames))
    second = 24 + 16 + 90
    whole[second + 8] -= 7
    got = read(bytes(whole))
    assert got.data == [f.data for f in frames]
    assert len(got.info.problems) == 1


@pytest.mark.parametrize(
    ("magic", "extra"), [(0xA1B2CD34, 8), (0xA1B2CD34, 12), (0xA1B2C3D4, 8), (0xA1B2C3D4, 4), (0xA1B2C3D4, 0)]
)
@pytest.mark.parametrize("record", [0, 1, 2])
@pytest.mark.parametrize("lost", [1, 4, 16])
def test_a_dialect_is_told_behind_damage_in_the_first_records(
    magic: int, extra: int, record: int, lost: int
) -> None:
    whole = bytearray(pcap(FRAMES, magic=magic, extra=b"\x01\0\0\x02\x08\x06\x03\x01zzzz"[:extra]))
    end = 24 + sum(16 + extra + len(f.data) for f in FRAMES[: record + 1])
    del whole[end - lost : end]
    got = read(bytes(whole))
    assert got.data[-(len(FRAMES) - record - 1) :] == [f.data for f in FRAMES[record + 1 :]]
    assert [problem.kind for problem in got.info.problems] == ["damaged"]


@pytest.mark.parametrize(("magic", "unit"), [(0x1C0001AC, 1), (0x1C0001AB, 1000)])
def test_ixia_files_have_a_longer_file_header(magic: int, unit: int) -> None:
    plain = pcap(FRAMES, magic=magic)
    got = read(plain[:24] + struct.pack("<I", len(plain) - 24) + plain[24:])
    assert [(f.data, f.time) for f in got.frames] == [(f.data, f.time // unit * unit) for f in FRAMES]


def test_fcs_bits_of_the_link_type_word() -> None:
    got = read(pcap(FRAMES[:2], linktype=0x2400_0001))
    assert [f.linktype for f in got.frames] == [1, 1]
    assert got.info.interfaces[0].fcs_length == 4


def test_reserved_bits_of_the_link_type_word_are_not_the_link_type() -> None:
    assert read(pcap(FRAMES[:1], linktype=0x03FF_0001)).frames[0].linktype == 1


def test_records_longer_than_the_snaplen_are_read_whole() -> None:
    frames = [Frame(bytes(range(256)) * 400), Frame(b"x" * 70)]
    got = read(pcap(frames, snaplen=96))
    assert got.frames == frames
    assert got.info.problems == []


def test_cut_records_keep_their_original_length() -> None:
    frames = [Frame(b"a" * 68, wirelen=1500), Frame(b"b" * 40)]
    assert read(pcap(frames, snaplen=68)).frames == frames


@pytest.mark.parametrize("version", [(2, 1), (2, 2), (2, 3), (543, 0)])
@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_old_versions_may_have_the_lengths_exchanged(
    version: tuple[int, int], swap: bool, order: str
) -> None:
    frames = [Frame(b"a" * 68, START * SECOND, 1500), Frame(b"b" * 40), Frame(b"c" * 68, START * SECOND, 90)]
    got = read(pcap(frames, version=version, swap=swap, snaplen=68, order=order))
    assert got.frames == frames
    assert got.info.problems == []


def test_old_captures_whose_captured_length_is_the_larger_one_are_read_as_libpcap_does() -> None:
    frames = [Frame(b"a" * 64, wirelen=60), Frame(b"b" * 70, wirelen=66)] * 3
    got = read(pcap(frames))
    assert got.frames == frames
    assert got.info.problems == []


@pytest.mark.parametrize(("code", "linktype"), [(6, 1), (9, 6), (15, 10), (24, 0)])
def test_aix_writes_interface_types_and_nanoseconds(code: int, linktype: int) -> None:
    data = bytearray(pcap([Frame(b"a" * 60, START * SECOND)], version=(2, 2), linktype=code))
    struct.pack_into("<I", data, 28, 987_654_321)
    got = read(bytes(data))
    assert got.frames == [Frame(b"a" * 60, START * SECOND + 987_654_321, linktype=linktype)]


def test_microseconds_beyond_a_second_are_added() -> None:
    data = bytearray(pcap(FRAMES[:1]))
    struct.pack_into("<I", data, 28, 2_500_000)
    got = read(bytes(data))
    assert got.frames[0].time == START * SECOND + 2_500_000_000
    assert got.info.problems == []


def test_times_to_the_end_of_32_bits() -> None:
    last = Frame(b"x" * 50, (2**32 - 1) * SECOND + 999_999_000)
    assert read(pcap([last])).frames == [last]


def test_zero_times_are_times() -> None:
    frames = [Frame(f.data, 0) for f in FRAMES]
    assert read(pcap(frames)).frames == frames


def test_frames_of_no_bytes_are_frames() -> None:
    frames = [Frame(b"", wirelen=60), *FRAMES[:2], Frame(b"")]
    assert read(pcap(frames)).frames == [Frame(f.data, f.time, f.wirelen) for f in frames]


def test_a_file_of_no_records() -> None:
    got = read(pcap([]))
    assert got.frames == []
    assert got.info.problems == []
    assert got.info.interfaces[0].linktype == 1


def test_an_unknown_version_is_read_and_reported() -> None:
    got = read(pcap(FRAMES, version=(7, 1)))
    assert got.data == [f.data for f in FRAMES]
    assert got.kinds == ["bad_version"]


@pytest.mark.parametrize("at", range(4))
def test_a_signature_with_one_damaged_byte(at: int) -> None:
    data = bytearray(pcap(FRAMES))
    data[at] ^= 0x40
    got = read(bytes(data))
    assert got.data == [f.data for f in FRAMES]
    assert got.kinds == ["damaged"]


@pytest.mark.parametrize("order", ["<", ">"])
def test_many_windows(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpflow_scapy.capture.source.Windows", lambda: Windows(1000))
    frames = some_frames(300)
    frames[150] = Frame(bytes(5000), frames[150].time)
    got = read(pcap(frames, order=order))
    assert got.data == [f.data for f in frames]
    assert got.info.problems == []
    assert got.batches > 20


def test_a_frame_larger_than_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    size = limits.BATCH_BYTES + 1_000_000
    frames = [*FRAMES[:3], Frame(b"\x55" * size, FRAMES[2].time), *FRAMES[3:5]]
    got = read(io.BytesIO(pcap(frames, snaplen=limits.MAX_FRAME)))
    assert got.data == [f.data for f in frames]


def test_frames_larger_than_usual_only_where_the_header_announces_them() -> None:
    frames = [*FRAMES[:3], Frame(b"\x55" * 300_000, FRAMES[2].time), *FRAMES[3:5]]
    assert read(pcap(frames, snaplen=1 << 20)).data == [f.data for f in frames]
    assert read(pcap(frames, snaplen=0xFFFF_FFFF)).data != [f.data for f in frames]
    assert read(pcap(frames, linktype=231)).data == [f.data for f in frames]
