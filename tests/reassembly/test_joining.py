"""Connections worked on a few at a time give what all of them together give."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from tcpflow_scapy.reassembly import build_streams
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
