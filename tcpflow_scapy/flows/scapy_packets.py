"""Frames handed back as Scapy packets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME

if TYPE_CHECKING:
    from scapy.plist import PacketList

    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]


def flow_frames(evidence: Evidence, flows: Array) -> Array:
    """Index of every frame of the given flows, ascending and without repeats."""
    found = evidence.reassembly
    starts = found.streams.packet_start
    rows = [found.order[int(starts[2 * f]) : int(starts[2 * f + 2])] for f in flows.tolist()]
    index = np.concatenate(rows) if rows else np.empty(0, np.int64)
    return np.unique(evidence.packets.frame[index])


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
