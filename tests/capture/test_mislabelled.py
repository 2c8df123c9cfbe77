"""Wrong link types in file headers: corrected where the frames leave no doubt, and nowhere else."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy import reassemble
from tcpflow_scapy.capture.mislabelled import LABELS, TRUE, true_linktype
from tests.capture.made import Frame, pcap, read
from tests.cases.answers import case
from tests.helpers.traffic import Capture, Conversation
from tests.peers.programs import SAMPLES

ETHERNET = b"\x02\0\0\0\0\2\x02\0\0\0\0\1"
FRONTS: dict[int, bytes] = {
    0: struct.pack("<I", 2),
    1: ETHERNET + b"\x08\0",
    101: b"",
    113: struct.pack(">HHH8sH", 0, 1, 6, b"\x02\0\0\0\0\1", 0x0800),
    276: struct.pack(">HHIHBB8s", 0x0800, 0, 2, 1, 0, 6, b"\x02\0\0\0\0\1"),
    6: b"\x10\x40\x02\0\0\0\0\2\x02\0\0\0\0\1\xaa\xaa\3\0\0\0\x08\0",
    9: b"\xff\3\0\x21",
}


def conversation() -> Conversation:
    talk = Conversation()
    talk.handshake()
    talk.client(b"GET / HTTP/1.1\r\n\r\n")
    talk.server(b"HTTP/1.1 200 OK\r\n\r\n")
    talk.close()
    return talk


def packets() -> list[bytes]:
    """IP packets, without the Ethernet header in front of them."""
    return [frame.data[14:] for frame in read(Capture(conversation()).to_bytes()).frames]


def labelled(front: int, label: int) -> bytes:
    return pcap([Frame(FRONTS[front] + packet) for packet in packets()], linktype=label)


@pytest.mark.parametrize("front", TRUE)
@pytest.mark.parametrize("label", LABELS)
def test_frames_of_one_link_type_under_the_label_of_another(front: int, label: int) -> None:
    got = read(labelled(front, label))
    same = LABELS[label] is TRUE[front]
    assert {f.linktype for f in got.frames} == {label if same else front}
    assert got.kinds == ([] if same else ["wrong_linktype"])
    assert {i.linktype for i in got.info.interfaces} == {f.linktype for f in got.frames}


@pytest.mark.parametrize("label", [6, 9])
def test_right_labels_stay(label: int) -> None:
    got = read(labelled(label, label))
    assert {f.linktype for f in got.frames} == {label}
    assert got.kinds == []


@pytest.mark.parametrize("label", [105, 127, 195, 147])
def test_labels_of_which_nothing_is_known_stay(label: int) -> None:
    got = read(labelled(1, label))
    assert {f.linktype for f in got.frames} == {label}


def test_tags_and_padding_are_no_hindrance() -> None:
    tagged = ETHERNET + b"\x81\0\0\x2a\x88\xa8\0\7\x08\0"
    got = read(pcap([Frame(tagged + packet + bytes(9)) for packet in packets()], linktype=6))
    assert got.kinds == ["wrong_linktype"]


def test_one_frame_that_the_label_explains_is_enough_to_keep_it() -> None:
    frames = [Frame(FRONTS[1] + packet) for packet in packets()] + [Frame(FRONTS[6] + packets()[0])]
    assert read(pcap(frames, linktype=6)).kinds == []


def test_a_wrong_checksum_or_length_is_a_doubt() -> None:
    for at in (2, 10):
        frames = []
        for packet in packets():
            damaged = bytearray(packet)
            damaged[at] ^= 0x40
            frames.append(Frame(FRONTS[1] + bytes(damaged)))
        assert read(pcap(frames, linktype=6)).kinds == []


@given(st.lists(st.binary(max_size=200), max_size=20), st.sampled_from(sorted(LABELS)))
def test_noise_changes_nothing(noise: list[bytes], label: int) -> None:
    assert true_linktype(label, [(data, len(data)) for data in noise]) == label


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_sound_captures_are_left_alone(sample: Path) -> None:
    assert "wrong_linktype" not in read(sample).kinds


def test_what_tcpflow_writes(tmp_path: Path) -> None:
    capture = case("http", "tcpflow_K_output_linktype6")
    right = bytearray(capture.read_bytes())
    assert right[20] == 6
    right[20] = 1
    (tmp_path / "right.pcap").write_bytes(right)
    flows, want = reassemble(capture), reassemble(tmp_path / "right.pcap")
    assert [x.data for flow in flows for x in flow.streams] == [x.data for flow in want for x in flow.streams]
    assert sum(x.size for flow in flows for x in flow.streams) > 0
    assert [p.kind for p in flows.capture.problems] == ["wrong_linktype"]
    assert len(reassemble(capture, filter="tcp")) == len(want)
