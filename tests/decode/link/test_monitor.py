from __future__ import annotations

import struct

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.decode import Reason
from tests.cases.answers import case
from tests.decode.batches import decode
from tests.decode.segments import PAYLOAD, packet
from tests.decode.zoo import SNAP, wlan

TCP, BAD = Reason.TCP, Reason.BAD_FCS

FRAME = wlan(0x88, 1, SNAP + b"\x08\0" + packet(), qos=b"\0\0")


@pytest.mark.parametrize("words", range(4))
@pytest.mark.parametrize("timer", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_the_flags_of_radiotap_are_found(words: int, timer: bool, padded: bool) -> None:
    present = [2 | timer | (0x80000000 if i < words else 0) for i in range(words + 1)]
    fields = b"".join(struct.pack("<I", word) for word in present)
    if timer:
        fields += bytes(-(4 + len(fields)) % 8) + bytes(8)
    fields += bytes([0x20 if padded else 0])
    head = struct.pack("<BBH", 0, 0, 4 + len(fields)) + fields
    body = FRAME[:26] + bytes(2 if padded else 0) + FRAME[26:]
    assert decode([head + body], 127).paths == ["radiotap/wlan/llc/ip"]


@pytest.mark.parametrize("length", [0, 7, 5000])
def test_lengths_that_cannot_be(length: int) -> None:
    radiotap = struct.pack("<BBHI", 0, 0, length, 0) + FRAME
    ppi = struct.pack("<BBHI", 0, 0, length, 105) + FRAME
    avs = struct.pack("!II", 0x80211001, length) + FRAME
    assert decode([radiotap, ppi, avs], [127, 192, 163]).reasons == [Reason.TRUNCATED_LINK] * 3


def test_presence_words_without_end() -> None:
    head = struct.pack("<BBH", 0, 0, 4 + 400) + b"\0\0\0\x80" * 100
    assert decode([head + FRAME], 127).paths == ["radiotap/wlan/llc/ip"]


def test_ppi_of_a_link_type_that_nobody_knows() -> None:
    assert decode([struct.pack("<BBHI", 0, 0, 8, 99_999) + FRAME], 192).reasons != [Reason.TCP]


def test_frames_that_arrived_damaged_are_counted_and_not_used() -> None:
    flows = reassemble(case("connections", "bad_fcs"))
    assert [flow.server.data for flow in flows] == [b"the right answer of the server"]
    assert len(flows.conflicts) == 0
    assert flows.capture.unused == {"bad fcs": 2}


@pytest.mark.parametrize(("flags", "reason"), [(0, TCP), (1, TCP), (2, TCP), (4, BAD), (5, BAD)])
def test_the_common_field_of_ppi(flags: int, reason: Reason) -> None:
    field = struct.pack("<HHQHHHHbbbb", 2, 20, 0, flags, 0, 0, 0, 0, 0, 0, 0)
    check = bytes(4) if flags & 1 else b""
    frame = struct.pack("<BBHI", 0, 0, 8 + len(field), 105) + field + FRAME + check
    assert decode([frame], 192).reasons == [reason]


def test_a_flag_of_another_field_of_ppi_is_none() -> None:
    field = struct.pack("<HHQHH", 3, 12, 0, 4, 0)
    frame = struct.pack("<BBHI", 0, 0, 8 + len(field), 105) + field + FRAME
    assert decode([frame], 192).reasons == [Reason.TCP]


def test_a_check_sequence_that_is_not_there_costs_no_payload() -> None:
    head = struct.pack("<BBHIB", 0, 0, 9, 2, 0x10)
    assert decode([head + FRAME], 127).rows[0].payload == PAYLOAD
