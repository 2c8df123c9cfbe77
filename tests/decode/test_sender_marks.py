"""Timestamps and numbers of datagrams, against Scapy's."""

from __future__ import annotations

import numpy as np
import pytest
from scapy.layers.inet import IP, TCP, IPOption_NOP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from tcpflow_scapy.decode import sender_marks as module
from tcpflow_scapy.decode.sender_marks import sender_marks
from tests.helpers.answers import flows_of
from tests.helpers.frames import RawFrame

MAC = "02:00:00:00:00:01"
STAMP = [("NOP", None), ("NOP", None), ("Timestamp", (4_000_000_001, 7))]


def marks(*packets: IP | IPv6) -> list[tuple[int, int]]:
    evidence = flows_of(
        *(RawFrame(data=bytes(Ether(src=MAC, dst=MAC) / packet)) for packet in packets)
    )._evidence
    rows = np.arange(len(evidence.packets))
    stamps, numbers = sender_marks(evidence.packets, rows, evidence.store)
    return list(zip(stamps.tolist(), numbers.tolist(), strict=True))


def four(options: list[tuple[str, object]] = STAMP, **fields: object) -> IP:
    return (
        IP(src="192.0.2.1", dst="192.0.2.2", **fields) / TCP(sport=1, dport=2, options=options) / (b"x" * 64)
    )


def six(options: list[tuple[str, object]] = STAMP) -> IPv6:
    return IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=1, dport=2, options=options) / b"x"


def test_both_one_or_none() -> None:
    assert marks(four(id=77), four([], id=65535), six(), six([])) == [
        (4_000_000_001, 77),
        (-1, 65535),
        (4_000_000_001, -1),
        (-1, -1),
    ]


def test_ipv4_with_options_has_no_number_here() -> None:
    packet = four(id=77)
    packet.options = [IPOption_NOP()] * 4
    assert marks(packet) == [(4_000_000_001, -1)]


def test_datagrams_made_from_fragments_have_timestamps_only() -> None:
    pieces = [*fragment(four(id=77), 56), *fragment(four(id=78), 56)]
    assert marks(*pieces) == [(4_000_000_001, -1)] * 2


def test_rows_are_read_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    packets = [four(id=number) for number in range(1, 8)]
    monkeypatch.setattr(module, "_CHUNK", 3)
    assert marks(*packets) == [(4_000_000_001, number) for number in range(1, 8)]
