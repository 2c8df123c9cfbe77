"""Acknowledgments, windows and SACK blocks as offsets of the stream they speak of."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from tcpflow_scapy.flows.flow import Flow
from tcpflow_scapy.plot.acknowledgments import Acknowledgments, acknowledgments, selective, window_scale
from tcpflow_scapy.plot.segments import segments
from tests.helpers.answers import flow_of
from tests.helpers.traffic import SYN, Conversation

ACK = 16


def of_server(flow: Flow) -> Acknowledgments:
    evidence = flow._evidence
    return acknowledgments(evidence, 1, segments(evidence, 1), segments(evidence, 0))


def scaled(client: int | None, server: int | None) -> Conversation:
    c = Conversation()
    if client is not None:
        c.send("client", flags=SYN, options=bytes([3, 3, client, 1]) if client >= 0 else b"", window=100)
    if server is not None:
        c.send("server", flags=SYN | ACK, options=bytes([3, 3, server, 1]) if server >= 0 else b"")
    c.client(window=10)
    c.server(b"x" * 50)
    c.client(window=20)
    return c


@pytest.mark.parametrize(
    ("client", "server", "scale"),
    [
        (2, 7, 2),
        (0, 7, 0),
        (14, 1, 14),
        (200, 1, 14),
        (2, -1, 0),
        (-1, 2, 0),
        (None, 3, None),
        (3, None, None),
        (None, None, None),
        (None, -1, 0),
    ],
)
def test_the_scale_is_the_receivers_if_both_offered_one(
    client: int | None, server: int | None, scale: int | None
) -> None:
    flow = flow_of(scaled(client, server))
    evidence = flow._evidence
    assert window_scale(evidence, segments(evidence, 1), segments(evidence, 0)) == scale
    acks = of_server(flow)
    edges = acks.edge - acks.offset
    assert edges[-2:].tolist() == [10 << (scale or 0), 20 << (scale or 0)]
    assert acks.offset[-1] == 50


def test_the_window_of_a_syn_is_never_scaled() -> None:
    flow = flow_of(scaled(2, 7))
    evidence = flow._evidence
    acks = acknowledgments(evidence, 0, segments(evidence, 0), segments(evidence, 1))
    assert (acks.edge - acks.offset).tolist() == [65535, 65535 << 7]


@pytest.mark.parametrize("isn", [5000, 2**32 - 60])
def test_selective_blocks(isn: int) -> None:
    c = Conversation(server_isn=isn)
    c.handshake()
    c.server(b"a" * 50)
    c.lose()
    c.server(b"b" * 50)
    blocks = [((isn + 1 + a) % 2**32, (isn + 1 + b) % 2**32) for a, b in ((50, 100), (200, 150))]
    options = bytes([1, 1, 5, 18]) + b"".join(struct.pack(">II", *b) for b in blocks)
    c.ack(upto=0).options = options
    flow = flow_of(c)
    evidence = flow._evidence
    index, left, right = selective(evidence, 1, segments(evidence, 1), segments(evidence, 0))
    # A block that ends before it begins is none.
    assert (left.tolist(), right.tolist()) == ([50], [100])
    assert index.tolist() == [len(segments(evidence, 0)) - 1]


def test_streams_beyond_two_gigabytes() -> None:
    c = Conversation()
    c.handshake()
    step, sent = 1 << 24, 0
    for _ in range(200):
        c.server(b"x")
        sent += 1
        c.skip("server", step - 1)
        sent += step - 1
        c.ack(upto=sent)
    flow = flow_of(c, max_gap=(1 << 31) - 1)
    assert flow.server.size > 1 << 31
    acks = of_server(flow)
    assert acks.offset[1:].tolist() == [step * (i + 1) for i in range(200)]


def test_nothing_is_acknowledged_by_a_reset() -> None:
    c = Conversation()
    c.handshake()
    c.reset()
    assert len(of_server(flow_of(c)).index) == 1


def test_of_no_packets() -> None:
    c = Conversation()
    c.client(b"x")
    acks = acknowledgments(flow_of(c)._evidence, 0, *(segments(flow_of(c)._evidence, n) for n in (0, 1)))
    assert len(acks.index) == 0
    assert acks.offset.dtype == np.int64
