"""pcapng: sections, interfaces, every kind of packet block, and blocks that break the rules."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.linktypes import UNKNOWN
from tcpflow_scapy.capture.windows import Windows
from tests.capture.made import SECOND, START, Frame, block, epb, idb, pcapng, read, shb, some_frames, spb

FRAMES = some_frames(12)
ORDERS = pytest.mark.parametrize("order", ["<", ">"])
ONE = FRAMES[0]


@ORDERS
def test_enhanced_packet_blocks(order: str) -> None:
    got = read(pcapng(FRAMES, order=order, linktype=276))
    assert got.frames == [Frame(f.data, f.time, f.wirelen, 276) for f in FRAMES]
    assert got.info.problems == []
    assert got.info.formats == ["pcapng" if order == "<" else "pcapng (big-endian)"]


@ORDERS
def test_cut_packets_keep_their_original_length(order: str) -> None:
    frames = [Frame(b"abc", wirelen=1500), Frame(b"", wirelen=60)]
    assert read(pcapng(frames, order=order)).frames == frames


@ORDERS
def test_interfaces_have_their_own_link_type_name_and_times(order: str) -> None:
    data = shb(order) + idb(1, 96, (2, b"eth0"), (3, b"first"), (13, b"\x04"), order=order)
    data += idb(113, 0, (2, b"any"), (9, b"\x09"), order=order)
    data += idb(101, 0, (9, b"\x03"), (14, struct.pack(order + "q", -100)), order=order)
    data += epb(ONE, 1, order=order, ticks=START * SECOND + 7)
    data += epb(ONE, 0, order=order, ticks=START * 1_000_000 + 5)
    data += epb(ONE, 2, order=order, ticks=START * 1_000 + 3)
    got = read(data)
    assert [(f.linktype, f.time, f.interface) for f in got.frames] == [
        (113, START * SECOND + 7, 1),
        (1, START * SECOND + 5_000, 0),
        (101, (START - 100) * SECOND + 3_000_000, 2),
    ]
    first, second, third = got.info.interfaces
    assert (first.name, first.description, first.snaplen, first.fcs_length) == ("eth0", "first", 96, 4)
    assert (second.name, second.linktype) == ("any", 113)
    assert third.linktype == 101


def test_interfaces_may_be_described_between_packets() -> None:
    got = read(shb() + idb(1) + epb(ONE) + idb(101) + epb(ONE, 1) + epb(ONE, 0))
    assert [f.linktype for f in got.frames] == [1, 101, 1]


@ORDERS
def test_a_new_section_forgets_the_interfaces(order: str) -> None:
    other = ">" if order == "<" else "<"
    data = shb(order) + idb(101, order=order) + idb(113, order=order) + epb(ONE, 0, order=order)
    data += shb(other) + idb(1, order=other) + epb(ONE, 0, order=other) + epb(ONE, 0, order=other)
    data += shb(order) + idb(12, order=order) + epb(ONE, 0, order=order)
    got = read(data)
    assert [f.linktype for f in got.frames] == [101, 1, 1, 12]
    assert [f.time for f in got.frames] == [ONE.time] * 4
    assert got.info.problems == []
    assert got.batches == 1


@ORDERS
def test_simple_packet_blocks(order: str) -> None:
    short = Frame(b"q" * 61)
    data = shb(order) + idb(1, 0, order=order) + spb(short, order)
    data += shb(order) + idb(113, 40, order=order) + spb(Frame(b"r" * 40, wirelen=90), order)
    got = read(data)
    assert got.frames == [Frame(b"q" * 61, NO_TIME), Frame(b"r" * 40, NO_TIME, 90, 113, 1)]
    assert got.info.problems == []


@ORDERS
def test_obsolete_packet_blocks(order: str) -> None:
    ticks = ONE.time // 1000
    fixed = struct.pack(order + "HH4I", 1, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(ONE.data), 1500)
    data = shb(order) + idb(1, order=order) + idb(113, order=order) + block(2, fixed + ONE.data, order=order)
    got = read(data)
    assert got.frames == [Frame(ONE.data, ONE.time, 1500, 113, 1)]


def test_other_blocks_are_skipped() -> None:
    data = shb() + block(5, bytes(16)) + idb() + block(4, bytes(8)) + epb(ONE) + block(10, b"TLSK" + bytes(8))
    data += block(0x999, b"whatever") + block(0x8000_0001, bytes(20)) + epb(ONE)
    got = read(data)
    assert got.data == [ONE.data] * 2
    assert got.kinds == ["unknown_block"]
    assert "0x999" in got.info.problems[0].message


@pytest.mark.parametrize(
    ("kind", "body", "content"),
    [
        (9, b"__CURSOR=1\n_\n", b"__CURSOR=1\n_\n"),
        (0xBAD, struct.pack("<I", 32473) + b"8 bytes!", b"8 bytes!"),
        (0x40000BAD, struct.pack("<I", 32473) + b"8 bytes!", b"8 bytes!"),
        (0x204, bytes(24), bytes(24)),
    ],
)
def test_blocks_that_wireshark_numbers_as_frames_are_numbered(kind: int, body: bytes, content: bytes) -> None:
    got = read(shb() + idb() + epb(ONE) + block(kind, body) + epb(ONE))
    assert [f.data for f in got.frames[::2]] == [ONE.data] * 2
    middle = got.frames[1]
    assert middle.data.startswith(content)
    assert (middle.linktype, middle.time, middle.interface) == (UNKNOWN, NO_TIME, -1)
    assert got.info.problems == []


def test_comments_of_sections_and_packets() -> None:
    data = shb("<", (1, b"made by hand"), (4, b"app")) + idb()
    data += (
        epb(ONE) + epb(ONE, 0, (2, bytes(4)), (1, "naïve".encode())) + epb(ONE, 0, (1, b"a"), (1, b"b\xff"))
    )
    assert read(data).info.comments == ["made by hand", "frame 2: naïve", "frame 3: a", "frame 3: b\ufffd"]


@ORDERS
def test_block_lengths_that_are_no_multiple_of_four(order: str) -> None:
    """Both habits occur: padding that is not counted, and no padding at all."""
    odd = Frame(b"o" * 61)
    fixed = struct.pack(order + "5I", 0, 0, 0, 61, 61) + odd.data
    uncounted = block(6, fixed, order=order, length=32 + 61)
    bare = struct.pack(order + "II", 6, 93) + fixed + struct.pack(order + "I", 93)
    for strange in (uncounted, bare):
        data = shb(order) + idb(order=order) + epb(ONE, order=order) + strange
        data += epb(ONE, order=order) + strange + epb(ONE, order=order)
        got = read(data)
        assert got.data == [ONE.data, odd.data, ONE.data, odd.data, ONE.data]
        assert got.info.problems == []


def test_two_lengths_that_differ_are_reported_and_the_packet_kept() -> None:
    got = read(shb() + idb() + epb(ONE) + epb(ONE, trailer=77) + epb(ONE))
    assert got.data == [ONE.data] * 3
    assert got.kinds == ["bad_block"]
    assert got.info.problems[0].frame == 2
    assert got.info.problems[0].offset == len(shb() + idb() + epb(ONE))


def test_a_captured_length_beyond_the_block() -> None:
    got = read(shb() + idb() + epb(ONE) + epb(ONE, caplen=2000) + epb(ONE))
    assert got.data == [ONE.data] * 3
    assert got.kinds == ["bad_block"]
    assert got.info.problems[0].frame == 2


def test_a_captured_length_that_leaves_bytes_which_are_no_options() -> None:
    frame = Frame(bytes(range(200, 100, -1)))
    got = read(shb() + idb() + epb(frame, caplen=20) + epb(ONE))
    assert got.data == [frame.data, ONE.data]
    assert got.kinds == ["bad_block"]


def test_options_after_cut_packets_are_not_data() -> None:
    frame = Frame(b"x" * 20, wirelen=32)
    got = read(shb() + idb() + epb(frame, 0, (2, bytes(4))) + epb(ONE))
    assert got.data == [frame.data, ONE.data]
    assert got.info.problems == []


def test_an_interface_that_is_not_described() -> None:
    """The frame keeps its number; its link type is that of the section, if it has only one."""
    got = read(shb() + idb(113) + idb(113) + epb(ONE, 0) + epb(ONE, 9) + epb(ONE, 1))
    assert [(f.linktype, f.interface) for f in got.frames] == [(113, 0), (113, -1), (113, 0)]
    assert got.kinds == ["bad_interface"]
    assert got.info.problems[0].frame == 2
    got = read(shb() + idb(113) + idb(1) + epb(ONE, 0) + epb(ONE, 9))
    assert [f.linktype for f in got.frames] == [113, UNKNOWN]
    got = read(shb() + epb(ONE, 0) + spb(ONE) + idb(1) + epb(ONE))
    assert [f.linktype for f in got.frames] == [UNKNOWN, UNKNOWN, 1]


def test_a_damaged_first_block() -> None:
    whole = bytearray(pcapng(FRAMES, order=">"))
    for at in (0, 4, 7, 9, 25):
        damaged = whole.copy()
        damaged[at] ^= 0x20
        assert read(bytes(damaged)).data == [f.data for f in FRAMES], at


@ORDERS
def test_many_windows(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpflow_scapy.capture.source.Windows", lambda: Windows(1000))
    frames = some_frames(200)
    frames[100] = Frame(b"L" * 5000, frames[100].time)
    parts = [epb(f, i % 2, order=order) for i, f in enumerate(frames)]
    parts[40] += block(0x999, bytes(9000), order=order)
    parts[77] += block(10, bytes(16) + bytes(3000), order=order)
    got = read(shb(order) + idb(1, order=order) + idb(101, order=order) + b"".join(parts))
    assert got.data == [f.data for f in frames]
    assert [f.linktype for f in got.frames] == [1, 101] * 100
    assert got.kinds == ["unknown_block"]
    assert got.batches > 20


def test_very_many_interfaces_cost_no_more_than_their_bytes() -> None:
    """All alike and without options: they are one entry. No more than a section may have are read."""
    many = np.tile(np.frombuffer(idb(113), np.uint8), 200_000).tobytes()
    got = read(shb() + many + epb(ONE, 199_999))
    assert got.data == [ONE.data]
    assert got.frames[0].linktype == 113
    assert len(got.info.interfaces) == 1
    assert got.kinds == ["bad_interface"]


def test_very_many_sections() -> None:
    section = np.frombuffer(shb() + idb(113) + epb(Frame(b"abcd")), np.uint8)
    got = read(np.tile(section, 30_000).tobytes())
    assert len(got.frames) == 30_000
    assert len(got.info.interfaces) == 1
    assert {f.linktype for f in got.frames} == {113}


def test_a_block_of_length_zero() -> None:
    good = shb() + idb() + epb(ONE)
    got = read(good + block(6, b"", length=0) + epb(ONE) * 3)
    assert got.data == [ONE.data] * 4
    assert got.kinds == ["damaged"]
    assert got.info.problems[0].offset == len(good)
    assert got.info.problems[0].length == 12
    got = read(good + bytes(4_000_000))
    assert got.data == [ONE.data]
    assert got.kinds == ["damaged"]


def test_byte_orders_that_change_all_the_time_are_followed_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = shb("<") + idb() + epb(ONE) + shb(">") + idb(order=">") + epb(ONE, order=">")
    assert read(pair * 50).data == [ONE.data] * 100
    monkeypatch.setattr("tcpflow_scapy.capture.formats.pcapng.MAX_BYTE_ORDER_CHANGES", 100)
    got = read(pair * 300)
    assert got.kinds == ["damaged"]
    assert 100 <= len(got.frames) <= 102
