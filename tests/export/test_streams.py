"""The directions that become files: their order, their numbers, what their names are made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.export.names import NO_MAC, stream_name
from tcpflow_scapy.export.streams import FieldsOfRows, StreamRows
from tests.export.talks import flows_of, talk
from tests.helpers.traffic import Capture, Conversation


def test_rows_come_in_order_of_first_packet(tmp_path: Path) -> None:
    late = talk(2048)
    early = talk(1024)
    frames = [late.frames[0], *early.frames, *late.frames[1:]]
    flows = flows_of(tmp_path, Capture(frames))  # type: ignore[arg-type]
    rows = StreamRows.of(flows._evidence)
    ports = [flows[int(stream) >> 1].streams[int(stream) & 1].port for stream in rows.stream]
    assert ports == [2048, 1024, 80, 80]
    assert rows.from_server.tolist() == [False, False, True, True]


def test_silent_directions_are_no_rows(tmp_path: Path) -> None:
    lone = Conversation(client="10.0.0.1:9", server="10.0.0.2:80")
    lone.client(b"x")
    rows = StreamRows.of(flows_of(tmp_path, lone)._evidence)
    assert rows.stream.tolist() == [0]
    assert len(StreamRows.of(rows.evidence, np.array([], np.int64))) == 0


def test_flows_count_once_however_often_they_are_named(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, talk(), talk(2048))
    assert StreamRows.of(flows._evidence, np.array([1, 0, 1])).stream.tolist() == [0, 1, 2, 3]


def test_fields_of_a_tagged_conversation(tmp_path: Path) -> None:
    made = Conversation(client="[2001:db8::1]:1024", server="[2001:db8::2]:80", vlans=(100, 7))
    made.client(b"x")
    flows = flows_of(tmp_path, made)
    rows = StreamRows.of(flows._evidence)
    fields = FieldsOfRows(rows, list("NE"))(0)
    assert fields.vlan == 100
    assert (fields.source_port, fields.destination_port) == (1024, 80)
    assert fields.start_ns == flows[0].client.start_ns
    assert fields.source_mac == made.frames[0].to_bytes()[6:12]
    assert stream_name(flows[0].client) == "2001:db8::1.01024-2001:db8::2.00080--100"


def test_numbers_are_places_in_the_whole_capture(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, talk(), talk(2048))
    rows = StreamRows.of(flows._evidence, np.array([1]))
    fields = FieldsOfRows(rows, ["N"])
    assert [fields(0).number, fields(1).number] == [2, 3]
    assert [fields(0).session, fields(1).session] == [1, 1]


def test_without_a_time_and_without_ethernet(tmp_path: Path) -> None:
    path = tmp_path / "raw.pcap"
    Capture(talk()).write(path, linktype=101)
    from tcpflow_scapy import reassemble

    flows = reassemble(path)
    flows._evidence.reassembly.streams.first_time[:] = NO_TIME
    fields = FieldsOfRows(StreamRows.of(flows._evidence), ["e"])(0)
    assert fields.start_ns == 0
    assert fields.destination_mac == NO_MAC
    table = flows.export(tmp_path / "out", template="%T%A")
    assert table["name"][0].startswith("1970-01-01T00:00:00Z")
    assert table["start"].isna().all()
