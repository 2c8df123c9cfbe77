"""Elements made by column, beside what the objects of flows say."""

from __future__ import annotations

import gzip
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tcpflow_scapy import FlowTable, reassemble
from tcpflow_scapy.export import dfxml_objects
from tcpflow_scapy.export.dfxml_objects import FileObjects
from tcpflow_scapy.export.dfxml_texts import FileList, iso
from tcpflow_scapy.flows.stream import Stream
from tests.helpers.traffic import Capture, Conversation

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
NAMES = [
    "mem.pcap",
    "loss_reordering.pcap",
    "http_ipv6.pcap",
    "snaplen_200.pcap",
    "any_sll2.pcapng",
    "gre.pcap",
]


def streams_of(flows: FlowTable) -> dict[tuple[str, str], Stream]:
    return {(str(n), stream.direction): stream for n in flows.df.index for stream in flows.loc[n].streams}


def text_of(flows: FlowTable, files: FileList | None = None, *, byte_runs: bool = True) -> str:
    return "".join(FileObjects(flows, files, (), byte_runs))


@pytest.mark.parametrize("name", NAMES)
def test_elements_say_what_the_streams_say(name: str) -> None:
    flows = reassemble(SAMPLES / name)
    streams = streams_of(flows)
    found = ET.fromstring(f"<all>{text_of(flows)}</all>")
    assert len(found) == sum(stream.start_ns is not None for stream in streams.values())
    for element in found:
        told = element.find("tcpflow")
        assert told is not None
        stream = streams[told.attrib["flow"], told.attrib["direction"]]
        assert element.findtext("filename") is None
        assert int(told.attrib["captured"]) == stream.captured
        assert int(told.attrib.get("missing", 0)) == stream.missing
        assert int(told.attrib["packets"]) == (stream.flow.packets["direction"] == stream.direction).sum()
        assert stream.start_ns is not None
        assert told.attrib["startime"] == iso(stream.start_ns)
        assert told.attrib["src_ipn"] == stream.address
        assert told.attrib["srcport"] == str(stream.port)
        assert told.attrib["family"] == ("10" if ":" in told.attrib["src_ipn"] else "2")
        gaps = [(int(gap.attrib["file_offset"]), int(gap.attrib["len"])) for gap in element.iter("gap")]
        assert gaps == list(zip(stream.gaps["start"], stream.gaps["length"], strict=True))
        runs = [int(run.attrib["len"]) for run in element.iter("byte_run")]
        assert sum(runs) == stream.captured


@pytest.mark.parametrize("byte_runs", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_borders_of_parts_leave_no_trace(name: str, byte_runs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    flows = reassemble(SAMPLES / name)
    numbers = list(range(0, 2 * len(flows), 3))
    files = FileList(
        numbers, [f"a&b/ü{n}" for n in numbers], numbers, {"md5": [f"{n:032x}" for n in numbers]}
    )
    whole = text_of(flows, files, byte_runs=byte_runs)
    assert "<filename>a&amp;b/ü0</filename>" in whole
    assert f"<hashdigest type='MD5'>{0:032x}</hashdigest>" in whole
    for size in (1, 3):
        monkeypatch.setattr(dfxml_objects, "AT_ONCE", size)
        assert text_of(flows, files, byte_runs=byte_runs) == whole


@pytest.mark.parametrize("name", [*NAMES, "ip_fragments.pcap", "sequence_wrap.pcap", "chat.pcap.gz"])
def test_byte_runs_lie_in_the_capture(name: str) -> None:
    """Law: what a run points to, read from the (decompressed) file without us, is what the stream holds."""
    path = SAMPLES / name
    image = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    flows = reassemble(path)
    _agree(flows, {"": image})


def test_byte_runs_in_several_captures_say_in_which() -> None:
    names = ["ip_fragments.pcap", "mem.pcap", "ip_fragments.pcap"]
    _agree(
        reassemble([SAMPLES / name for name in names]),
        {str(SAMPLES / n): (SAMPLES / n).read_bytes() for n in names},
    )


def _agree(flows: FlowTable, images: dict[str, bytes]) -> None:
    streams = streams_of(flows)
    for element in ET.fromstring(f"<all>{text_of(flows)}</all>"):
        told = element.find("tcpflow")
        assert told is not None
        stream = streams[told.attrib["flow"], told.attrib["direction"]]
        data, at = stream.data, 0
        for run in element.iter("byte_run"):
            offset, length, place = (int(run.attrib[k]) for k in ("file_offset", "len", "img_offset"))
            image = images[run.attrib.get("img_filename", "")]
            assert offset >= at
            assert image[place : place + length] == data[offset : offset + length]
            for edge in (0, length - 1):
                origin = stream.at(offset + edge)
                assert origin is not None
                assert origin.offset == place + edge
            at = offset + length
        assert sum(int(run.attrib["len"]) for run in element.iter("byte_run")) == stream.captured


def test_every_byte_run_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Conversation(isn=1000)
    made.handshake()
    for n in range(11_000):
        made.client(bytes([n & 255]))
    Capture(made).write(tmp_path / "tiny.pcap")
    flows = reassemble(tmp_path / "tiny.pcap")
    _agree(flows, {"": (tmp_path / "tiny.pcap").read_bytes()})
    whole = text_of(flows)
    assert whole.count("<byte_run ") == 11_000
    monkeypatch.setattr(dfxml_objects, "AT_ONCE", 7)
    monkeypatch.setattr(dfxml_objects, "TEXT", 100)
    assert text_of(flows) == whole


def test_byte_runs_of_fragments_in_fragments(tmp_path: Path) -> None:
    from scapy.layers.inet import IP, TCP, fragment
    from scapy.layers.l2 import GRE, Ether
    from scapy.utils import wrpcap

    ends = {"sport": 1024, "dport": 80, "flags": "PA", "ack": 1}
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    frames = []
    for number in range(3):
        payload = bytes((number + i) & 255 for i in range(1200))
        inner = IP(src="10.0.0.1", dst="10.0.0.2", id=number) / TCP(seq=1 + 1200 * number, **ends) / payload
        for nth, middle in enumerate(fragment(inner, 400)):
            outer = IP(src="192.0.2.1", dst="192.0.2.2", id=10 * number + nth) / GRE() / middle
            frames += [ether / piece for piece in fragment(outer, 104)]
    wrpcap(str(tmp_path / "deep.pcap"), frames)
    flows = reassemble(tmp_path / "deep.pcap")
    assert flows.df["client_bytes"].tolist() == [3600]
    _agree(flows, {"": (tmp_path / "deep.pcap").read_bytes()})
