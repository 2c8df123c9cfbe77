"""Stage 3: packets to connections and streams."""

from __future__ import annotations

from tcpflow_scapy.reassembly.connections import group_packets
from tcpflow_scapy.reassembly.overlap import POLICIES
from tcpflow_scapy.reassembly.streams import build_streams
from tcpflow_scapy.reassembly.tables import (
    ClientEvidence,
    GapCause,
    Reassembly,
    SegmentClass,
)

__all__ = [
    "POLICIES",
    "ClientEvidence",
    "GapCause",
    "Reassembly",
    "SegmentClass",
    "build_streams",
    "group_packets",
]
