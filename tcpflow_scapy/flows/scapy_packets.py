"""Frames handed back as Scapy packets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.fragments.buffer import SLOT_MASK
from tcpflow_scapy.reassembly.columns import ranges

if TYPE_CHECKING:
    from scapy.plist import PacketList

    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]


def flow_frames(evidence: Evidence, flows: Array) -> Array:
    """Index of every frame of the given flows, ascending and without repeats."""
    found = evidence.reassembly
    starts = found.streams.packet_start
    rows = [found.order[int(starts[2 * f]) : int(starts[2 * f + 2])] for f in flows.tolist()]
    return frames_of_rows(evidence, np.concatenate(rows) if rows else np.empty(0, np.int64))


def frames_of_rows(evidence: Evidence, rows: Array) -> Array:
    """Index of every frame that carried part of the given segments, ascending and without repeats."""
    frames = evidence.packets.frame[rows].astype(np.int64)
    return np.unique(np.concatenate((frames, _fragment_frames(evidence, rows))))


def _fragment_frames(evidence: Evidence, rows: Array) -> Array:
    """Frames of all fragments whose bytes are part of the given segments, or of headers in front of them."""
    origins = evidence.origins
    if origins is None or not len(origins.start):
        return np.empty(0, np.int64)
    packets = evidence.packets
    begin = packets.header[rows]
    end = begin + packets.data_offset[rows] + packets.length[rows]
    first = np.searchsorted(origins.start, begin, side="right") - 1
    inside = (first >= 0) & (begin < (origins.start + origins.length)[np.maximum(first, 0)])
    first = np.searchsorted(origins.start, begin[inside] & ~SLOT_MASK, side="left")
    last = np.searchsorted(origins.start, end[inside], side="left")
    pieces = ranges(first, last - first)
    frames: Array = origins.frame[pieces].astype(np.int64)
    return frames


def packet_list(evidence: Evidence, flows: Array) -> PacketList:
    """The frames of flows as dissected Scapy packets, with exact times and wire lengths."""
    import scapy.layers.all  # noqa: F401  (registers the link layers)
    from scapy.config import conf
    from scapy.packet import Raw
    from scapy.plist import PacketList
    from scapy.utils import EDecimal

    out = []
    frames = evidence.frames
    for index in flow_frames(evidence, flows).tolist():
        data = evidence.store.read(int(frames.address[index]), int(frames.caplen[index]))
        layer = conf.l2types.num2layer.get(int(frames.linktype[index]), Raw)
        try:
            packet = layer(data)
        except Exception:  # a dissector's fault must not lose the frame
            packet = Raw(data)
        time = int(frames.time[index])
        if time != NO_TIME:
            packet.time = EDecimal(time) / EDecimal(10**9)
        packet.wirelen = int(frames.wirelen[index])
        out.append(packet)
    return PacketList(out, name="flows")
