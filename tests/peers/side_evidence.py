"""What both programs had before them, for one capture: tcpflow's frames and model, and our own tables."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np

from .tcpflow_flows import Key
from .tcpflow_frames import Reading, Segment, read
from .tcpflow_model import Model

WIRELESS = (105, 119, 127)
"""Link types that the model leaves out."""


@dataclass(frozen=True)
class OurFrame:
    """A row of our packet table."""

    frame: int
    key: Key
    flow: int
    flags: int
    payload: bytes
    wire: int
    """payload bytes by the headers"""
    time: int
    """ns"""
    encapsulation: str
    vlan: tuple[int, ...]
    offset: int
    caplen: int
    from_client: bool
    macs: bytes
    """destination and source, of Ethernet frames"""


@dataclass
class Evidence:
    """One capture."""

    name: str
    path: Path
    oracle: dict[str, Any] | None = None
    refused: str = ""
    """our error, where the capture cannot be read"""
    problems: list[Any] = field(default_factory=list)
    linktypes: tuple[int, ...] = ()
    formats: tuple[str, ...] = ()
    frames: int = 0
    ours: list[OurFrame] = field(default_factory=list)
    unused: set[int] = field(default_factory=set)
    """frames that are part of no flow for us"""

    @cached_property
    def reading(self) -> Reading:
        return read(self.path)

    @cached_property
    def seen(self) -> set[int]:
        """Frames that are segments for tcpflow."""
        return {s.frame for s in self.reading.segments}

    @cached_property
    def by_key(self) -> dict[Key, list[OurFrame]]:
        found: dict[Key, list[OurFrame]] = defaultdict(list)
        for each in self.ours:
            found[each.key].append(each)
        return found

    def unseen(self, key: Key) -> list[tuple[OurFrame, str]]:
        """Frames of ours that tcpflow never saw as segments of this key, and why."""
        mine = self.by_key.get(key, [])
        return [(each, self.why_unseen(each)) for each in mine if not self._same(each)]

    def _same(self, each: OurFrame) -> bool:
        segment = self.segments.get(each.frame)
        if segment is None or segment.key != each.key:
            return False
        return segment.payload[: max(segment.true_length, 0)] == each.payload

    @cached_property
    def segments(self) -> dict[int, Segment]:
        return {s.frame: s for s in self.reading.segments}

    def why_unseen(self, each: OurFrame) -> str:
        """A class."""
        reading = self.reading
        if reading.linktype < 0:
            return "format"
        if each.frame > reading.frames:
            return "stopped"
        why = reading.skipped.get(each.frame, "")
        if each.frame in self.segments:
            segment = self.segments[each.frame]
            if segment.key != each.key:
                return "inside"
            if segment.more_fragments:
                return "fragments"
            return "snaplen_header" if segment.caplen < each.caplen else "other payload"
        return REASONS.get(why, f"unseen: {why}")

    @cached_property
    def models(self) -> dict[Any, Model]:
        return {}

    def model(self, mended: frozenset[str] = frozenset(), **options: Any) -> Model:
        """tcpflow's run, with some of its faults mended; kept."""
        asked = mended, tuple(sorted(options.items()))
        if asked not in self.models:
            taken = set(options.pop("taken", ()))
            self.models[asked] = Model(mended=mended, taken=taken, **options).run(
                self.reading.segments, self.reading.ticks
            )
        return self.models[asked]


REASONS = {
    "ethertype": "link_header",
    "link type": "link_type",
    "loopback family": "loopback_family",
    "no TCP": "tunnel",
    "fragment": "fragments",
    "extension header": "extension_header",
    "IP length": "ip_length_0",
    "truncated": "truncated_header",
    "no IP": "link_header",
}
"""What tcpflow's decoder says, as a class."""


def gather(name: str, path: Path, oracle: dict[str, Any] | None = None) -> Evidence:
    """Everything there is to know about a capture."""
    from tcpflow_scapy import reassemble
    from tcpflow_scapy.decode.reasons import Reason
    from tcpflow_scapy.errors import CaptureError
    from tcpflow_scapy.flows.frames import packet_offsets

    found = Evidence(name, path, oracle)
    try:
        flows = reassemble(path, progress=False)
    except CaptureError as error:
        found.refused = str(error)
        return found
    found.problems = list(flows.capture.problems)
    found.formats = tuple(flows._evidence.info.formats)
    evidence, packets = flows._evidence, flows._evidence.packets
    found.frames = len(evidence.frames)
    not_of_flows = ~np.isin(evidence.frames.reason, (Reason.TCP, Reason.FRAGMENT_USED))
    found.unused = set((np.flatnonzero(not_of_flows) + 1).tolist())
    found.linktypes = tuple(np.unique(evidence.frames.linktype).tolist())
    streams = evidence.reassembly.streams
    stream = np.repeat(np.arange(len(streams)), np.diff(streams.packet_start))
    order = evidence.reassembly.order
    offsets = packet_offsets(evidence, np.arange(len(order)), stream)
    position = np.argsort(order, kind="stable")
    lengths = packets.length.astype(np.int64)
    payloads = evidence.store.slices((packets.header + packets.data_offset).tolist(), lengths.tolist())
    packed = packets.addresses.packed
    rows = evidence.packets.encapsulations.rows
    encapsulation = evidence.reassembly.connections.encapsulation
    for row, payload in zip(position.tolist(), payloads, strict=True):
        number = int(stream[row])
        sender, receiver = int(streams.address[number]), int(streams.address[number ^ 1])
        packet = int(order[row])
        layers = rows[int(encapsulation[number >> 1])]
        found.ours.append(
            OurFrame(
                int(packets.frame[packet]) + 1,
                (packed(sender >> 16), packed(receiver >> 16), sender & 0xFFFF, receiver & 0xFFFF),
                number >> 1,
                int(packets.flags[packet]),
                bytes(payload),
                int(packets.wire_length[packet]),
                int(evidence.times[packet]),
                str(layers),
                layers.vlan,
                int(offsets[row]),
                int(evidence.frames.caplen[packets.frame[packet]]),
                not number & 1,
                _macs(evidence, int(packets.frame[packet])),
            )
        )
    return found


def _macs(evidence: Any, frame: int) -> bytes:
    frames = evidence.frames
    if frames.linktype[frame] != 1:
        return bytes(12)
    return bytes(evidence.store.read(int(frames.address[frame]), 12))


def key_text(key: Key) -> str:
    """As the judge writes it."""
    source, destination, sport, dport = key
    return f"{ip_address(source)}:{sport} > {ip_address(destination)}:{dport}"
