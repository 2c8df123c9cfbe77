"""Connections worked on a few at a time give what all of them together give."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from tcpflow_scapy.reassembly import build_streams
from tcpflow_scapy.reassembly.connections import connection_parts
from tcpflow_scapy.reassembly.joining import ReassemblyParts
from tcpflow_scapy.reassembly.tables import Reassembly
from tests.helpers.traffic import Capture, Conversation, play

from .grouped import MAX_GAP, group, packets_of

SCRIPT = """
    > SYN
    < SYN ACK
    > ACK
    > 'hello'
    < 'an answer'
    < 0:'AN answer'
    x> 'lost bytes'
    > 'more'
    < 3:'answer, and more'
    > FIN
"""


def columns(found: Reassembly) -> dict[str, Any]:
    table: dict[str, Any] = {"order": found.order, "segment_class": found.segment_class}
    for name in ("connections", "streams", "extents", "gaps", "conflicts"):
        part = getattr(found, name)
        table |= {f"{name}.{x.name}": getattr(part, x.name) for x in fields(part)}
    return table


def built(part_packets: int) -> Reassembly:
    talks = [play(SCRIPT, Conversation(f"10.0.0.{i}:{1000 + i}")) for i in range(1, 9)]
    packets = packets_of(Capture(*talks))
    return build_streams(
        packets.table,
        packets.times,
        group(packets),
        packets.store,
        overlap="first",
        max_gap=MAX_GAP,
        part_packets=part_packets,
    )


@pytest.mark.parametrize("part_packets", [1, 10, 33])
def test_parts_do_not_show(part_packets: int) -> None:
    whole, parts = columns(built(1_000)), columns(built(part_packets))
    assert len(whole["conflicts.start"])
    assert len(whole["gaps.start"])
    for name, column in whole.items():
        assert column.dtype == parts[name].dtype, name
        np.testing.assert_array_equal(column, parts[name], name)


def test_long_streams_are_numbered_through() -> None:
    found = built(1_000)
    part = replace(found, unwrapped={3: np.array([5])})
    joined = ReassemblyParts(found.order, found.streams.packet_start)
    joined.append(found)
    joined.append(part)
    assert list(joined.build().unwrapped) == [len(found.streams) + 3]


def syns(count: int) -> Reassembly:
    """Unanswered ones, worked on two packets (that is, at least one connection) at a time."""
    talks = [play("> SYN", Conversation(f"10.0.0.{i}:{1000 + i}")) for i in range(count)]
    packets = packets_of(Capture(*talks))
    how: dict[str, Any] = {"overlap": "first", "max_gap": MAX_GAP, "part_packets": 2}
    return build_streams(packets.table, packets.times, group(packets), packets.store, **how)


def test_columns_of_one_value_take_no_memory() -> None:
    streams = syns(9).streams
    for name, value in (("captured", 0), ("fin", -1), ("acknowledged", -1), ("size", 0), ("end", 0)):
        column = getattr(streams, name)
        assert column.strides == (0,), name
        assert column.tolist() == [value] * 18, name
    assert streams.gap_start.tolist() == [0] * 19
    assert streams.packets.tolist() == [1, 0] * 9


@pytest.mark.parametrize("sizes", [[3], [1, 2, 3, 4], [9, 1, 1, 1, 9], [0, 0, 5, 0, 1], []])
@pytest.mark.parametrize("packets", [1, 6, 100])
def test_parts_hold_whole_connections_up_to_a_size(sizes: list[int], packets: int) -> None:
    starts = np.concatenate(([0], np.cumsum([(size, 0) for size in sizes], dtype=np.int64)))
    pairs, rows = 0, 0
    for some, part in connection_parts(starts, packets):
        assert (some.start, part.start) == (pairs, rows)
        pairs, rows = some.stop, part.stop
        count = some.stop - some.start
        assert count >= 1
        assert count == 1 or part.stop - part.start + 2 * count <= packets
        assert part.stop - part.start == sum(sizes[some])
    assert (pairs, rows) == (len(sizes), sum(sizes))
