"""Scapy's readers, lists and iterables as sources."""

from __future__ import annotations

import struct
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.linktypes import UNKNOWN
from tcpflow_scapy.capture.scapy_packets import nanoseconds, raw_bytes

from .made import SECOND, START, Frame, epb, idb, pcap, pcapng, read, shb, some_frames, spb

pytestmark = pytest.mark.filterwarnings("ignore")

scapy_utils = pytest.importorskip("scapy.utils")

FRAMES = [Frame(f.data, f.time + 7_000, f.wirelen) for f in some_frames(8)]


@pytest.fixture(scope="module")
def scapy() -> Any:
    import scapy.layers.inet
    import scapy.layers.inet6
    import scapy.layers.l2
    import scapy.packet
    import scapy.plist

    return scapy


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(FRAMES))
    return str(path)


def test_readers(path: str, scapy: Any) -> None:
    for kind in (scapy_utils.PcapReader, scapy_utils.RawPcapReader):
        with kind(path) as reader:
            got = read(reader)
        assert got.frames == FRAMES
        assert got.info.formats == ["scapy"]
        assert got.info.paths == [f"<{kind.__name__}>"]


def test_a_reader_that_was_read_from_gives_the_rest(path: str, scapy: Any) -> None:
    with scapy_utils.PcapReader(path) as reader:
        next(reader)
        assert read(reader).frames == FRAMES[1:]


def test_pcapng_readers(tmp_path: Path, scapy: Any) -> None:
    path = tmp_path / "a.pcapng"
    data = shb() + idb(1, 0, (2, b"eth0")) + idb(113, 0, (2, b"any"), (9, b"\x09"))
    data += epb(FRAMES[0]) + epb(FRAMES[1], 1, (1, b"hello"), ticks=FRAMES[1].time + 1)
    path.write_bytes(data)
    for kind in (scapy_utils.PcapNgReader, scapy_utils.RawPcapNgReader):
        with kind(str(path)) as reader:
            got = read(reader)
        assert [(f.data, f.time, f.linktype) for f in got.frames] == [
            (FRAMES[0].data, FRAMES[0].time, 1),
            (FRAMES[1].data, FRAMES[1].time + 1, 113),
        ]
        assert [i.name for i in got.info.interfaces] == ["eth0", "any"]
        assert got.info.comments == ["frame 2: hello"]


@pytest.mark.parametrize("order", ["<", ">"])
def test_interfaces_are_numbered_anew_in_each_section(order: str, tmp_path: Path, scapy: Any) -> None:
    path = tmp_path / "sections.pcapng"
    first = shb() + idb(1) + idb(113) + epb(FRAMES[0], 1)
    path.write_bytes(first + shb(order) + idb(101, order=order) + epb(FRAMES[1], 0, order=order))
    for kind in (scapy_utils.PcapReader, scapy_utils.RawPcapNgReader):
        with kind(str(path)) as reader:
            assert [f.linktype for f in read(reader).frames] == [113, 101]


@pytest.mark.parametrize("ticks", [1 << 63, (1 << 64) - 1])
def test_times_of_a_reader_beyond_what_can_be_told(ticks: int, tmp_path: Path, scapy: Any) -> None:
    path = tmp_path / "late.pcapng"
    path.write_bytes(shb() + idb() + epb(FRAMES[0], ticks=ticks))
    with scapy_utils.PcapReader(str(path)) as reader:
        assert [(f.data, f.time) for f in read(reader).frames] == [(FRAMES[0].data, NO_TIME)]


def test_simple_blocks_have_no_time(tmp_path: Path, scapy: Any) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(shb() + idb(1, 1000) + spb(Frame(b"x" * 60)))
    with scapy_utils.RawPcapNgReader(str(path)) as reader:
        assert [f.time for f in read(reader).frames] == [NO_TIME]


def test_records_longer_than_scapys_default_stay_whole(tmp_path: Path, scapy: Any) -> None:
    path = tmp_path / "big.pcap"
    big = Frame(bytes(range(256)) * 300)
    path.write_bytes(pcap([big]))
    with scapy_utils.PcapReader(str(path)) as reader:
        assert read(reader).frames == [big]
    path.write_bytes(pcapng([big]))
    with scapy_utils.PcapNgReader(str(path)) as reader:
        assert read(reader).frames == [big]


def test_trouble_of_a_reader_is_a_problem(tmp_path: Path, scapy: Any) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(pcapng(FRAMES[:3]) + struct.pack("<II", 6, 13) + b"x")
    with scapy_utils.PcapNgReader(str(path)) as reader:
        got = read(reader)
    assert got.data == [f.data for f in FRAMES[:3]]


def test_packet_lists_and_iterables(path: str, scapy: Any) -> None:
    packets = scapy_utils.rdpcap(path)
    for source in (packets, list(packets), tuple(packets), iter(packets), (p for p in packets)):
        assert read(source).frames == FRAMES
    assert read(packets[0]).frames == FRAMES[:1]
    assert read(packets[2:4]).frames == FRAMES[2:4]
    assert read(scapy.plist.PacketList([])).frames == []


def test_pairs_of_packets_are_two_packets(scapy: Any) -> None:
    l2, inet = scapy.layers.l2, scapy.layers.inet
    pair = (l2.Ether() / inet.IP(id=1), l2.Ether() / inet.IP(id=2))
    got = read(scapy.plist.SndRcvList([scapy.plist.QueryAnswer(*pair)]))
    assert got.data == [bytes(p) for p in pair]
    assert read([pair]).data == [bytes(p) for p in pair]


def test_packets_made_by_hand(scapy: Any) -> None:
    inet, inet6, l2 = scapy.layers.inet, scapy.layers.inet6, scapy.layers.l2
    packets = [
        l2.Ether() / inet.IP() / inet.TCP(),
        inet.IP() / inet.TCP(),
        inet6.IPv6() / inet.TCP(),
        l2.CookedLinux() / inet.IP(),
        inet.TCP(),
        scapy.packet.Raw(b"raw"),
    ]
    for i, packet in enumerate(packets):
        packet.time = START + i + 0.123457
    got = read(packets)
    assert got.data == [bytes(p) for p in packets]
    assert got.frames[0].linktype == 1
    assert got.frames[1].linktype in (12, 101, 228)
    assert [f.linktype for f in got.frames[2:]] == [229, 113, UNKNOWN, UNKNOWN]
    assert [f.time for f in got.frames] == [(START + i) * SECOND + 123_457_000 for i in range(6)]


def test_original_length(path: str, scapy: Any, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(pcap([Frame(b"x" * 40, wirelen=1500)], snaplen=40))
    assert [f.wirelen for f in read(scapy_utils.rdpcap(str(cut))).frames] == [1500]


def test_bytes_are_those_of_the_capture_unless_the_packet_was_changed(scapy: Any) -> None:
    inet, l2 = scapy.layers.inet, scapy.layers.l2
    # A checksum that is wrong, a padded frame: building it again would change both.
    wire = bytes(l2.Ether(src="02:00:00:00:00:01") / inet.IP(chksum=1) / inet.TCP(chksum=2)) + bytes(6)
    packet = l2.Ether(wire)
    assert raw_bytes(packet) == wire
    packet[inet.TCP].dport = 8080
    assert raw_bytes(packet) == bytes(packet) != wire
    other = l2.Ether(wire)
    other[inet.TCP].remove_payload()
    other[inet.TCP].add_payload(b"new payload")
    assert raw_bytes(other) == bytes(other)
    assert b"new payload" in raw_bytes(other)
    options = l2.Ether(bytes(l2.Ether() / inet.IP() / inet.TCP(options=[("MSS", 1460)])))
    options[inet.TCP].options.append(("NOP", None))
    assert raw_bytes(options) == bytes(options)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (Decimal("1700000000.123456789"), 1_700_000_000_123_456_789),
        (1700000000, 1_700_000_000 * SECOND),
        (1700000000.123457, 1_700_000_000_123_457_000),
        (0, 0),
        (None, NO_TIME),
        (-1.5, NO_TIME),
        (Decimal("NaN"), NO_TIME),
        (float("inf"), NO_TIME),
        (1e30, NO_TIME),
    ],
)
def test_times_are_exact(time: Any, expected: int) -> None:
    assert nanoseconds(time) == expected


def test_nanoseconds_of_a_reader_are_exact(tmp_path: Path, scapy: Any) -> None:
    path = tmp_path / "ns.pcap"
    frames = [Frame(b"x" * 60, START * SECOND + 123_456_789)]
    path.write_bytes(pcap(frames, magic=0xA1B23C4D))
    assert read(scapy_utils.rdpcap(str(path))).frames == frames
    with scapy_utils.PcapReader(str(path)) as reader:
        assert read(reader).frames == frames


def test_things_that_are_no_packets(scapy: Any) -> None:
    with pytest.raises(TypeError, match="item 2 is no Scapy packet but a bytes"):
        read(iter([scapy.layers.l2.Ether(), b"bytes"]))


def test_files_are_read_without_importing_scapy(path: str) -> None:
    code = (
        "import sys; from tcpflow_scapy.capture import open_source\n"
        f"s = open_source({path!r}); n = sum(len(b) for b in s.batches())\n"
        "print(n, 'scapy' in sys.modules, 'pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["8", "False", "False"]
