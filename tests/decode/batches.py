"""Frames in memory as a batch, the packets they become as tuples, and Scapy's opinion of a frame."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tcpflow_scapy.capture.frames import BATCH_PADDING, FrameBatch, FrameTable, FrameTableBuilder
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode import Decoder, PacketTable, Reason

FILLER = 0xAA
"""Between frames and behind the last one: nothing may read it as data"""


class Row(NamedTuple):
    """One TCP segment."""

    frame: int
    source: str
    destination: str
    sequence: int
    acknowledgment: int
    flags: int
    window: int
    length: int
    wire_length: int
    payload: bytes
    encapsulation: str


@dataclass
class Decoded:
    packets: PacketTable
    reasons: list[Reason]
    store: Store
    frames: FrameTable

    @property
    def rows(self) -> list[Row]:
        return rows(self.packets, self.store)

    @property
    def paths(self) -> list[str]:
        p = self.packets
        return [str(p.encapsulations.rows[e]) for e in p.encapsulation]

    @property
    def keys(self) -> list[tuple[str, ...]]:
        p = self.packets
        return [p.encapsulations.rows[e].key for e in p.encapsulation]


def batch(
    frames: Sequence[bytes],
    linktype: int | Sequence[int] = 1,
    *,
    wire: Sequence[int | None] | None = None,
    first: int = 0,
    base: int = 0,
    gap: int = 3,
    times: Sequence[int] | None = None,
) -> FrameBatch:
    """Frames with `gap` filler bytes between them (odd, so that nothing is aligned)."""
    parts, positions, at = [], [], 0
    for frame in frames:
        parts += [bytes([FILLER]) * gap, frame]
        positions.append(at + gap)
        at += gap + len(frame)
    memory = np.frombuffer(b"".join(parts) + bytes([FILLER]) * BATCH_PADDING, np.uint8)
    caplen = np.array([len(f) for f in frames], np.int64)
    wires = [None] * len(frames) if wire is None else list(wire)
    wirelen = np.array([len(f) if w is None else w for f, w in zip(frames, wires, strict=True)], np.int64)
    if isinstance(linktype, int):
        types = np.broadcast_to(np.uint16(linktype), (len(frames),))
    else:
        types = np.array(linktype, np.uint16)
    time = np.arange(len(frames), dtype=np.int64) * 10**6 if times is None else np.array(times, np.int64)
    return FrameBatch(memory, base, np.array(positions, np.int64), caplen, wirelen, time, types, first)


def decode(
    frames: Sequence[bytes],
    linktype: int | Sequence[int] = 1,
    *,
    wire: Sequence[int | None] | None = None,
    times: Sequence[int] | None = None,
    selected: Sequence[bool] | None = None,
    per_batch: int | None = None,
    **options: Any,
) -> Decoded:
    """Decode frames as one capture, in batches of `per_batch` frames."""
    whole = batch(frames, linktype, wire=wire, times=times)
    store = Store()
    base = store.add(whole.memory.tobytes(), "test")
    decoder = Decoder(store, **options)
    builder = FrameTableBuilder()
    step = per_batch or max(len(frames), 1)
    for at in range(0, max(len(frames), 1), step):
        cut = slice(at, at + step)
        memory = whole.memory.copy()
        part = FrameBatch(
            memory,
            base,
            whole.position[cut],
            whole.caplen[cut],
            whole.wirelen[cut],
            whole.time[cut],
            whole.linktype[cut],
            at,
        )
        chosen = None if selected is None else np.array(selected[cut], bool)
        builder.append(part, decoder.decode(part, chosen))
        memory[:] = 0xEE  # The memory of a batch is used again: nothing may point into it.
    table = builder.build()
    packets = decoder.finish(table)
    return Decoded(packets, [Reason(r) for r in table.reason.tolist()], store, table)


def pcap(path: Path, frames: Sequence[bytes], linktype: int, *, snap: int = 1 << 18) -> Path:
    """A file of these frames, a millisecond apart."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, linktype)
    records = [
        struct.pack("<IIII", 1_700_000_000 + i // 1000, i % 1000 * 1000, min(len(f), snap), len(f)) + f[:snap]
        for i, f in enumerate(frames)
    ]
    path.write_bytes(head + b"".join(records))
    return path


def rows(packets: PacketTable, store: Store) -> list[Row]:
    """The table as tuples, with addresses as text and payload as bytes."""

    def end(code: int) -> str:
        return f"{ip_address(packets.addresses.packed(code >> 16))} {code & 0xFFFF}"

    return [
        Row(
            int(packets.frame[i]),
            end(int(packets.source[i])),
            end(int(packets.destination[i])),
            int(packets.sequence[i]),
            int(packets.acknowledgment[i]),
            int(packets.flags[i]),
            int(packets.window[i]),
            int(packets.length[i]),
            int(packets.wire_length[i]),
            store.read(int(packets.header[i]) + int(packets.data_offset[i]), int(packets.length[i])),
            str(packets.encapsulations.rows[packets.encapsulation[i]]),
        )
        for i in range(len(packets))
    ]


def scapy_segment(frame: bytes, link: type) -> tuple[str, str, int, int, int, int, bytes] | None:
    """(source, destination, sequence, acknowledgment, flags, window, payload) as Scapy sees the innermost."""
    from scapy.layers.inet import IP, TCP, TCPerror
    from scapy.layers.inet6 import IPv6

    packet = link(frame)
    found = None
    addresses = ("", "")
    while packet:
        if isinstance(packet, TCPerror):
            return None
        if isinstance(packet, IP | IPv6):
            addresses = (str(ip_address(packet.src)), str(ip_address(packet.dst)))
        if isinstance(packet, TCP):
            # What follows the IP packet in the frame hangs there as a layer of its own.
            data = packet.payload and type(packet.payload).__name__ != "Padding"
            payload = bytes(packet.payload.original) if data else b""
            found = (
                f"{addresses[0]} {packet.sport}",
                f"{addresses[1]} {packet.dport}",
                packet.seq,
                packet.ack,
                int(packet.flags),
                packet.window,
                payload,
            )
        packet = packet.payload
    return found
