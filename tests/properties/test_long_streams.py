"""Streams longer than 4 GiB: sequence numbers wrap, offsets do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.traffic import Capture, Conversation

from .effort import costly
from .scripts import content, isns, seeds
from .view import pairs, reassembled, runs, view, wanted

MIB = 1 << 20


def long_stream(isn: int, jump: int, count: int) -> Capture:
    """Segments of 40 bytes with so much lost between them."""
    c = Conversation(isn=isn)
    c.handshake()
    for number in range(count):
        at = number * jump
        c.client(content(number, "client", at, at + 40), at=at)
    return Capture(c)


@costly
@given(isns, st.integers(13 * MIB, 16 * MIB - 100))
def test_beyond_4_gib_with_losses(isn: int, jump: int) -> None:
    capture = long_stream(isn, jump, (9 << 30) // jump)
    flows = reassembled(capture)
    assert view(flows) == wanted(capture)
    assert flows[0].client.size > 8 << 30
    assert flows[0].client.missing == flows[0].client.size - 40 * (len(capture) - 3)


@costly
@given(isns, seeds)
def test_shuffled_below_2_gib(isn: int, seed: int) -> None:
    capture = long_stream(isn, 15 * MIB, 100)
    assert view(reassembled(capture.shuffle(seed))) == wanted(capture)


def test_data_of_a_sparse_stream_names_the_way_out() -> None:
    from tcpflow_scapy.errors import StreamTooSparse

    stream = reassembled(long_stream(7, 15 * MIB, 400))[0].client
    with pytest.raises(StreamTooSparse, match="chunks"):
        stream.data  # noqa: B018
    assert stream.read(15 * MIB, 40) == content(1, "client", 15 * MIB, 15 * MIB + 40)


def test_offloaded_segments_cut_by_the_snaplen() -> None:
    """Segments of 64 KB on the wire of which 20 bytes were kept, 5 GB in all."""
    c = Conversation(isn=2**32 - 100_000)
    c.handshake()
    size, count = 65_495, 80_000
    frame = c.client(content(1, "client", 0, 20))
    frame.ip_length = 20 + 20 + size
    frame.wire_length = 54 + size
    blob = Capture(c).to_bytes(ns=True)
    head, record = blob[: -(16 + 54 + 20)], blob[-(16 + 54 + 20) :]
    many = bytearray(record * count)
    for number in range(count):
        seq = (frame.seq + number * size) % 2**32
        many[number * 90 + 16 + 38 : number * 90 + 16 + 42] = seq.to_bytes(4, "big")
    import io

    from tcpflow_scapy import reassemble

    (flow,) = reassemble(io.BytesIO(head + bytes(many)), progress=False)
    assert flow.client.size == size * count
    assert flow.client.missing == (size - 20) * count
    assert set(flow.client.gaps["cause"]) == {"truncated"}
    last = pairs([flow], Capture(c))
    assert last
    assert runs(flow.client)[-1][0] == size * (count - 1)
