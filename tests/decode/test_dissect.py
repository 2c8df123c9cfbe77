from __future__ import annotations

import logging
import random

import pytest

from tcpflow_scapy.decode import Reason
from tests.helpers.headers import ethernet, ip_packet, tcp_segment

from .batches import decode

MPACKET = 274
"""LINKTYPE_ETHERNET_MPACKET: Ethernet behind its preamble. Scapy knows it, the columnar path does not."""


def segment(payload: bytes = b"data", host: str = "10.0.0.1") -> bytes:
    return ip_packet(host, "10.0.0.2", 6, tcp_segment((host, 1), ("10.0.0.2", 2), 3, 4, 16, payload))


def mpacket(packet: bytes) -> bytes:
    """Preamble, Ethernet, packet, FCS."""
    return b"\x55" * 7 + b"\xd5" + ethernet(packet) + b"\x99" * 4


def test_what_only_scapy_knows_joins_the_same_table() -> None:
    result = decode([mpacket(segment()), mpacket(segment(b"more"))], MPACKET)
    assert [row.payload for row in result.rows] == [b"data", b"more"]
    assert {row.source for row in result.rows} == {"10.0.0.1 1"}
    assert result.reasons == [Reason.TCP, Reason.TCP]


def test_the_budget_is_kept_and_counted() -> None:
    result = decode([mpacket(segment())] * 5, MPACKET, dissect_limit=2, per_batch=1)
    assert result.reasons == [Reason.TCP] * 2 + [Reason.UNDECODED] * 3


def test_a_link_type_that_nobody_knows_skips_those_frames_only() -> None:
    result = decode([segment(), segment(), segment()], [101, 4242, 101])
    assert result.reasons == [Reason.TCP, Reason.UNKNOWN_LINKTYPE, Reason.TCP]


@pytest.mark.parametrize("cut", range(12, 80, 7))
def test_cut_frames_get_a_reason(cut: int) -> None:
    frame = mpacket(segment())
    result = decode([frame[:cut]], MPACKET, wire=[len(frame)])
    assert result.reasons != [Reason.FILTERED]
    assert [row.frame for row in result.rows] == ([0] if result.reasons == [Reason.TCP] else [])


def test_a_segment_whose_ip_header_is_compressed() -> None:
    from scapy.layers.dot15d4 import Dot15d4Data, Dot15d4FCS
    from scapy.layers.inet import TCP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.sixlowpan import LoWPAN_IPHC, SixLoWPAN

    inner = IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=1, dport=2, seq=7, flags="A") / b"data"
    frame = bytes(Dot15d4FCS() / Dot15d4Data(dest_addr=1, src_addr=2) / SixLoWPAN() / LoWPAN_IPHC() / inner)
    result = decode([frame], 195)
    assert result.rows[0][1:4] == ("2001:db8::1 1", "2001:db8::2 2", 7)
    # The frame check sequence behind it is no data.
    assert (result.rows[0].payload, result.rows[0].wire_length) == (b"data", 4)
    assert result.paths[0].endswith("/ipv6")


def test_damaged_frames_raise_nothing() -> None:
    rng = random.Random(3)
    frames = []
    for _ in range(60):
        octets = bytearray(mpacket(segment()))
        for _ in range(rng.randint(1, 6)):
            octets[rng.randrange(len(octets))] = rng.randrange(256)
        frames.append(bytes(octets))
    result = decode(frames, [rng.choice([MPACKET, 195, 230, 251]) for _ in frames])
    assert len(result.reasons) == len(frames)


def test_scapys_remarks_on_frames_reach_nobody() -> None:
    """It asks for a setting at each 802.15.4 frame, and warns of many a damaged one."""
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("scapy.runtime")
    log.addHandler(handler)
    try:
        decode([b"\x41\xd8\x01\xcd\xab\xff\xff\xff\xff" + bytes(40)] * 3, 230)
        log.warning("still there")
    finally:
        log.removeHandler(handler)
    assert heard == ["still there"]
