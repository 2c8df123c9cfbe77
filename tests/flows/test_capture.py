"""`FlowTable.capture`: what the source was, and what became of every frame."""

from __future__ import annotations

import gzip
import hashlib
import io
from pathlib import Path

import pandas as pd
import pytest

from tcpflow_scapy import reassemble
from tests.helpers.answers import flows_of
from tests.helpers.frames import IpFrame
from tests.helpers.headers import udp_packet
from tests.helpers.traffic import Capture, RawFrame, play

START = 1_700_000_000 * 10**9

ARP = RawFrame(bytes(12) + b"\x08\x06" + bytes(28))


def mixed() -> Capture:
    """Two frames of TCP, one of UDP, two of ARP, and one cut in the IP header."""
    c = play("> SYN\n> 'data'")
    udp = IpFrame(packet=udp_packet(("10.0.0.1", 53), ("10.0.0.2", 53), b"x"))
    cut = play("> SYN").frames[0]
    cut.snap = 20
    return Capture(c.frames[0], udp, ARP, c.frames[1], RawFrame(ARP.data), cut, start=START, step=10**9)


def test_frames_used_and_unused_by_reason() -> None:
    capture = flows_of(mixed()).capture
    assert capture.frames == 6
    assert capture.used == 2
    assert capture.unused == {"arp": 2, "udp": 1, "truncated ip": 1}
    assert capture.used + sum(capture.unused.values()) == capture.frames


def test_unused_frames_with_their_numbers() -> None:
    capture = flows_of(mixed()).capture
    table = capture.unused_frames()
    assert {str(n): str(t) for n, t in table.dtypes.items()} == {
        "frame": "int64",
        "time": "datetime64[ns, UTC]",
        "length": "int64",
        "reason": "category",
    }
    assert table["frame"].tolist() == [2, 3, 5, 6]
    assert table["reason"].tolist() == ["udp", "arp", "arp", "truncated ip"]
    assert table["length"].tolist()[-1] == 20
    assert table["time"].tolist()[0] == pd.Timestamp(START + 10**9, tz="UTC")
    assert capture.unused_frames("arp")["frame"].tolist() == [3, 5]
    assert capture.unused_frames("icmp")["frame"].tolist() == []
    with pytest.raises(ValueError, match=r"unknown reason 'rain'.*arp"):
        capture.unused_frames("rain")


def test_filtered_frames_are_counted_too() -> None:
    capture = flows_of(mixed(), filter="arp or udp").capture
    assert capture.used == 0
    assert capture.unused["filtered"] == 3


def test_segments_with_wrong_checksums_are_counted_where_they_are_verified() -> None:
    c = play("> SYN\n> 'good'\n> 4:'wrong'")
    c.frames[2].bad_checksum = True
    assert flows_of(c)[0].client.data == b"goodwrong"
    flows = flows_of(c, verify_checksums=True)
    assert flows[0].client.data == b"good"
    assert flows.capture.unused == {"bad checksum": 1}


def test_facts_of_a_file(tmp_path: Path) -> None:
    path = mixed().write(tmp_path / "some.pcap", ns=True)
    capture = reassemble(path).capture
    assert capture.paths == [str(path)]
    assert capture.format.startswith("pcap")
    assert capture.linktypes == [1]
    assert capture.size == path.stat().st_size
    assert capture.bytes == path.stat().st_size - 24 - 6 * 16
    assert capture.first_time == pd.Timestamp(START, tz="UTC")
    assert capture.last_time == pd.Timestamp(START + 5 * 10**9, tz="UTC")
    assert capture.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert capture.problems == []
    assert [i.linktype for i in capture.interfaces] == [1]


def test_a_compressed_file_is_hashed_as_it_lies_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "some.pcap.gz"
    path.write_bytes(gzip.compress(mixed().to_bytes()))
    capture = reassemble(path).capture
    assert capture.format.endswith(" in gzip")
    assert capture.size == path.stat().st_size
    assert capture.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_source_that_is_no_file_is_hashed_as_it_was_read() -> None:
    blob = mixed().to_bytes()
    assert reassemble(io.BytesIO(blob)).capture.sha256 == hashlib.sha256(blob).hexdigest()


def test_several_files(tmp_path: Path) -> None:
    one, two = Capture(play("> SYN\n> 'a'\n> 'b'")).split(2)
    paths = [one.write(tmp_path / "1.pcap"), two.write(tmp_path / "2.pcapng", "pcapng")]
    flows = reassemble(paths)
    assert flows[0].client.data == b"ab"
    capture = flows.capture
    assert capture.paths == [str(p) for p in paths]
    assert capture.sha256 == [hashlib.sha256(p.read_bytes()).hexdigest() for p in paths]
    assert capture.format.split(", ")[0].startswith("pcap")
    assert "pcapng" in capture.format
    assert capture.size == sum(p.stat().st_size for p in paths)


def test_a_capture_cut_short_is_a_problem_not_an_exception(tmp_path: Path) -> None:
    blob = Capture(play("> SYN\n> 'first'\n> 'second'")).to_bytes()
    path = tmp_path / "cut.pcap"
    path.write_bytes(blob[:-3])
    flows = reassemble(path)
    assert flows[0].client.data.startswith(b"first")
    (problem,) = flows.capture.problems
    assert problem.path == str(path)
    assert problem.frame is not None
    assert problem.offset is not None
    assert "1 problem" in repr(flows.capture)


def test_an_empty_capture() -> None:
    capture = flows_of(Capture()).capture
    assert (capture.frames, capture.used, capture.unused, capture.bytes) == (0, 0, {}, 0)
    assert capture.first_time is pd.NaT
    assert capture.last_time is pd.NaT
    assert len(capture.unused_frames()) == 0
    assert repr(capture)
    assert capture._repr_html_()


def test_a_selection_tells_of_the_whole_capture() -> None:
    flows = flows_of(mixed())
    assert flows[:0].capture.frames == 6


def test_it_shows_itself() -> None:
    capture = flows_of(mixed()).capture
    assert "6 frames, 4 unused" in repr(capture)
    for text in (capture._repr_html_(), str(capture.__rich__().to_text())):
        assert "arp" in text
        assert "truncated ip" in text


def test_a_hostile_name_stays_on_its_line(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[31m\n<b>.pcap"
    Capture(play("> SYN")).write(path)
    assert "\\x1b[31m\\n<b>.pcap: pcap, 1 frames" in repr(reassemble(path).capture)


def test_the_hash_is_that_of_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    Capture(play("> SYN")).write(path)
    read = path.read_bytes()
    capture = reassemble(path).capture
    path.rename(tmp_path / "moved.pcap")
    path.write_bytes(b"something else")
    assert capture.sha256 == hashlib.sha256(read).hexdigest()
