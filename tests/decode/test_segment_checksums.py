"""Checksums of single segments, against Scapy's."""

from __future__ import annotations

import numpy as np
import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

from tcpflow_scapy.decode.segment_checksums import RIGHT, UNKNOWN, WRONG, verify_segments
from tests.helpers.answers import flows_of
from tests.helpers.frames import RawFrame


def verdicts(*packets: bytes) -> list[int]:
    evidence = flows_of(*(RawFrame(data=bytes(14 - 2) + _type(p) + p) for p in packets))._evidence
    return verify_segments(evidence.packets, np.arange(len(packets)), evidence.store).tolist()


def _type(packet: bytes) -> bytes:
    return b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"


def segment(six: bool, payload: bytes, **fields: object) -> bytes:
    outer = IPv6(src="2001:db8::1", dst="2001:db8::2") if six else IP(src="192.0.2.1", dst="192.0.2.2", id=77)
    return bytes(outer / TCP(sport=1, dport=2, flags="A", options=[("NOP", None)] * 4, **fields) / payload)


@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 1460, 1461])
def test_right_and_wrong(six: bool, size: int) -> None:
    payload = bytes(i * 7 % 256 for i in range(size))
    good = segment(six, payload)
    flipped = bytearray(good)
    flipped[-1] ^= 1
    assert verdicts(good, bytes(flipped)) == [RIGHT, WRONG]


def test_what_a_network_card_fills_in_is_unknown() -> None:
    good = segment(False, b"hello")
    ends = sum(int.from_bytes(good[i : i + 2], "big") for i in range(12, 20, 2)) + 6
    pseudo = ends + len(good) - 20
    for partial in (0, ends, pseudo):
        assert verdicts(segment(False, b"hello", chksum=(partial & 0xFFFF) + (partial >> 16))) == [UNKNOWN]
