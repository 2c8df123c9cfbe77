from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpflow_scapy.decode import Reason, checksum
from tests.helpers.headers import checksum as slow_checksum
from tests.helpers.headers import ethernet, ip_packet, tcp_segment

from .batches import decode

HOSTS = [("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2")]


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=80), st.data())
def test_sums_of_any_ranges(data: bytes, draw: st.DataObject) -> None:
    offset = draw.draw(st.integers(0, 1))
    memory = np.frombuffer(b"\x55" * offset + data + b"\x77", np.uint8)[offset:]
    places = st.integers(0, len(data))
    ranges = draw.draw(st.lists(st.tuples(places, places).map(sorted), min_size=1, max_size=8))
    start, end = (np.array(side, np.int64) for side in zip(*ranges, strict=True))
    for found, (a, b) in zip(checksum.sums(memory, start, end).tolist(), ranges, strict=True):
        # 0 and 0xFFFF are both zero in ones' complement.
        assert found % 0xFFFF == (~slow_checksum(data[a:b]) & 0xFFFF) % 0xFFFF


def test_sums_go_on_over_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksum, "CHUNK", 64)
    data = bytes(range(256)) * 4
    memory = np.frombuffer(data + b"\0", np.uint8)
    start = np.arange(0, 900, 7)[::-1]
    found = checksum.sums(memory, start, start + 101)
    expected = [(~slow_checksum(data[a : a + 101]) & 0xFFFF) % 0xFFFF for a in start.tolist()]
    assert (found % 0xFFFF).tolist() == expected


def frame(hosts: tuple[str, str], payload: bytes = b"data", *, bad: bool = False) -> bytes:
    a, b = hosts
    return ethernet(ip_packet(a, b, 6, tcp_segment((a, 1), (b, 2), 3, 4, 16, payload, bad_checksum=bad)))


@pytest.mark.parametrize("hosts", HOSTS)
@pytest.mark.parametrize("payload", [b"", b"x", b"odd", b"even", b"\xff" * 999])
def test_good_ones_stay_bad_ones_go(hosts: tuple[str, str], payload: bytes) -> None:
    frames = [frame(hosts, payload), frame(hosts, payload, bad=True), frame(hosts, payload) + b"\0" * 9]
    result = decode(frames, verify_checksums=True)
    assert result.reasons == [Reason.TCP, Reason.BAD_CHECKSUM, Reason.TCP]
    assert decode(frames).reasons == [Reason.TCP] * 3


@pytest.mark.parametrize("hosts", HOSTS)
def test_what_a_network_card_was_to_complete_cannot_be_judged(hosts: tuple[str, str]) -> None:
    from scapy.layers.inet import IP, TCP, in4_pseudoheader
    from scapy.layers.inet6 import IPv6, in6_pseudoheader
    from scapy.utils import checksum as scapy_checksum

    octets = bytearray(frame(hosts))
    six = ":" in hosts[0]
    if six:
        pseudo = in6_pseudoheader(6, IPv6(src=hosts[0], dst=hosts[1]), 24)
        pseudo = bytes(pseudo) if not isinstance(pseudo, bytes) else pseudo
    else:
        pseudo = in4_pseudoheader(6, IP(src=hosts[0], dst=hosts[1]) / TCP(), 24)
    at = 14 + (40 if six else 20) + 16
    octets[at : at + 2] = (~scapy_checksum(pseudo) & 0xFFFF).to_bytes(2, "big")
    assert decode([bytes(octets)], verify_checksums=True).reasons == [Reason.TCP]


def test_cut_segments_are_not_judged() -> None:
    octets = frame(HOSTS[0], b"x" * 100, bad=True)
    assert decode([octets[:80]], wire=[len(octets)], verify_checksums=True).reasons == [Reason.TCP]


def test_a_wrong_ipv4_header_checksum() -> None:
    octets = bytearray(frame(HOSTS[0]))
    octets[22] ^= 0x10  # time to live
    assert decode([bytes(octets)], verify_checksums=True).reasons == [Reason.BAD_CHECKSUM]
    octets[24:26] = b"\0\0"  # left to the network card
    assert decode([bytes(octets)], verify_checksums=True).reasons == [Reason.TCP]
