from __future__ import annotations

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
