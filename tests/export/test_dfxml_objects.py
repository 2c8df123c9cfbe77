"""Elements made by column, beside what the objects of flows say."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tcpflow_scapy import FlowTable, reassemble
from tcpflow_scapy.export import dfxml_objects
from tcpflow_scapy.export.dfxml_objects import FileObjects
from tcpflow_scapy.export.dfxml_texts import FileList, iso
from tcpflow_scapy.flows.stream import Stream

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
