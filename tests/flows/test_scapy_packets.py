"""Frames handed back to Scapy are the frames that were captured."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from scapy.config import conf
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw
from scapy.plist import PacketList

from tcpflow_scapy import reassemble
from tcpflow_scapy.flows.scapy_packets import flow_frames
from tests.helpers.answers import flows_of
from tests.helpers.traffic import Capture, Conversation, RawFrame, play

TALK = "> SYN\n< SYN ACK\n> ACK\n> 'question'\n< 'answer'\n> FIN\n< FIN\n> ACK"


def three() -> Capture:
    return Capture(
        play(TALK, Conversation("10.0.0.1:1024")),
        play(TALK, Conversation("[2001:db8::1]:1024", "[2001:db8::2]:80")),
        play(TALK, Conversation("10.0.0.3:1024", vlans=(5,))),
        RawFrame(bytes(12) + b"\x08\x06" + bytes(28)),
        start=1_700_000_000_123_456_789,
        step=1001,
    ).interleave(1)


def test_a_flow_as_packets() -> None:
    capture = three()
    flows = flows_of(capture)
    for flow in flows:
        packets = flow.scapy()
        assert isinstance(packets, PacketList)
        mine = [
            f for f in capture if getattr(f, "source", ("",))[0] in (flow.client.address, flow.server.address)
        ]
        mine = [f for f in mine if f.vlans == flow.vlan]  # type: ignore[attr-defined]
        assert [bytes(p) for p in packets] == [f.to_bytes() for f in mine]
        assert [p.time for p in packets] == [Decimal(f.time or 0) / 10**9 for f in mine]
        assert all(p.wirelen == len(p) for p in packets)


def test_they_are_dissected() -> None:
    by_host = {flow.client.address: flow.scapy() for flow in flows_of(three())}
    assert by_host["10.0.0.1"][3][Ether][IP][TCP][Raw].load == b"question"
    assert by_host["2001:db8::1"][3][IPv6][TCP].dport == 80
    assert by_host["10.0.0.3"][0][Dot1Q].vlan == 5


def test_a_table_gives_its_flows_in_order_of_capture_each_frame_once() -> None:
    capture = three()
    flows = flows_of(capture)
    assert len(flows.scapy()) == 24
    two = flows[[2, 0]]
    numbers = two.packets["frame"].tolist()
    assert [bytes(p) for p in two.scapy()] == [capture[n - 1].to_bytes() for n in numbers]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 16
    assert flow_frames(flows._evidence, np.array([], np.int64)).tolist() == []


def test_there_and_back_again() -> None:
    flows = flows_of(three())
    again = reassemble(flows.scapy())
    for column in (
        "client",
        "client_port",
        "server",
        "state",
        "start",
        "client_bytes",
        "server_bytes",
        "vlan",
    ):
        assert again.df[column].astype(str).tolist() == flows.df[column].astype(str).tolist()
    assert [s.data for f in again for s in f.streams] == [s.data for f in flows for s in f.streams]
    assert [f.history for f in again] == [f.history for f in flows]


def test_cut_frames_keep_their_length_on_the_wire() -> None:
    c = play("> SYN\n> 'abcdef'")
    c.frames[1].cut(2)
    flows = flows_of(c)
    packet = flows[0].scapy()[1]
    assert (len(packet), packet.wirelen) == (54 + 2, 54 + 6)
    assert reassemble(flows.scapy())[0].client.gaps["cause"].tolist() == ["truncated"]


def test_other_link_types() -> None:
    flows = flows_of(Capture(play(TALK)), linktype=101)
    assert bytes(flows[0].scapy()[0][IP])[0] == 0x45
    assert reassemble(flows.scapy())[0].client.data == b"question"


class Broken:
    def __init__(self, data: bytes) -> None:
        raise ValueError("no")


def test_frames_that_scapy_cannot_dissect_are_kept_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    flows = flows_of(play("> SYN"))
    monkeypatch.setitem(conf.l2types.num2layer, 1, Broken)
    (packet,) = flows[0].scapy()
    assert isinstance(packet, Raw)
    assert len(packet.load) == 54
