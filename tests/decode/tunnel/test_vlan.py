from __future__ import annotations

import struct

import pytest

from tcpflow_scapy.decode import Reason
from tcpflow_scapy.decode.run import MAX_DEPTH
from tests.decode.batches import decode
from tests.decode.segments import PAYLOAD, packet
from tests.helpers.headers import ethernet


def tagged(*tags: tuple[int, int], kind: int = 0x0800, body: bytes = b"") -> bytes:
    head = bytes(12) + b"".join(struct.pack("!HH", tpid, control) for tpid, control in tags)
    return head + struct.pack("!H", kind) + (body or packet())


@pytest.mark.parametrize("tpid", [0x8100, 0x88A8, 0x9100])
def test_every_tag_and_priority_bits_are_no_id(tpid: int) -> None:
    result = decode([tagged((tpid, 0xE02A))])
    assert result.paths == ["eth/vlan:42/ip"]
    assert result.keys == [("vlan:42",)]


def test_stacks_outermost_first() -> None:
    result = decode([ethernet(packet(), (7, 8, 9)), ethernet(packet(), (7,)), ethernet(packet())])
    vlans = [result.packets.encapsulations.rows[e].vlan for e in result.packets.encapsulation]
    assert vlans == [(7, 8, 9), (7,), ()]
    assert [row.payload for row in result.rows] == [PAYLOAD] * 3


def test_a_length_behind_a_tag_leads_to_llc() -> None:
    body = b"\xaa\xaa\3\0\0\0\x08\0" + packet()
    result = decode([tagged((0x8100, 5), kind=len(body), body=body) + b"padding"])
    assert result.paths == ["eth/vlan:5/llc/ip"]


def test_tags_without_end() -> None:
    deep = tagged(*[(0x8100, 1)] * (MAX_DEPTH + 2))
    assert decode([deep, b"\x81\0" * 700]).reasons == [Reason.TOO_DEEP] * 2


def test_a_cut_tag() -> None:
    assert decode([tagged((0x8100, 1))[:16]], wire=[60]).reasons == [Reason.TRUNCATED_LINK]
