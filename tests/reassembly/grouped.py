"""A capture up to the stage that a test is about: packets, then connections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode import PacketTable
from tcpflow_scapy.reassembly import group_packets
from tcpflow_scapy.reassembly.columns import Array
from tcpflow_scapy.reassembly.connections import Grouping
from tests.decode.batches import decode
from tests.helpers.traffic import Capture, Conversation, RawFrame

MAX_GAP = 16 << 20


@dataclass
class Packets:
    """Decoded frames with their times."""

    table: PacketTable
    times: Array
    store: Store


def packets_of(*parts: Capture | Conversation | RawFrame) -> Packets:
    """The packets of a capture (Ethernet)."""
    capture = parts[0] if len(parts) == 1 and isinstance(parts[0], Capture) else Capture(*parts)
    frames = [f.to_bytes()[: f.snap] for f in capture]
    wire = [len(f.to_bytes()) if f.wire_length is None else f.wire_length for f in capture]
    found = decode(frames, wire=wire, times=[f.time or 0 for f in capture])
    return Packets(found.packets, found.frames.time[found.packets.frame], found.store)


def group(
    packets: Packets,
    *,
    max_gap: int = MAX_GAP,
    timeout: int | None = None,
    ignore_vlan: bool = False,
) -> Grouping:
    """Its connections."""
    return group_packets(
        packets.table, packets.times, max_gap=max_gap, timeout=timeout, ignore_vlan=ignore_vlan
    )


def sides(grouping: Grouping) -> list[list[int]]:
    """Packet rows of each stream: client of 0, server of 0, client of 1 ..."""
    return [part.tolist() for part in np.split(grouping.order, grouping.packet_start[1:-1])]
