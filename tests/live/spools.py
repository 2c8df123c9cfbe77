"""Spools that grow step by step, and what is compared of flows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tcpflow_scapy.flows.table import FlowTable

_PACKET = ("frame", "sequence", "acknowledgment", "flags", "window", "length", "wire_length")
_STREAM = ("isn", "base", "end", "size", "captured", "acknowledged", "fin", "flags", "out_of_order")


class GrowingSpool:
    """Files whose bytes are there from the beginning, written piece by piece."""

    def __init__(self, folder: Path, *blobs: bytes) -> None:
        self._blobs = list(blobs)
        self._paths = [folder / f"spool{number}.pcapng" for number in range(len(blobs))]
        self._file = 0
        self._at = 0
        for path in self._paths:
            path.unlink(missing_ok=True)
        self._paths[0].touch()

    def paths(self) -> list[Path]:
        return self._paths[: self._file + 1]

    def write(self, count: int) -> bool:
        """Some bytes more, of the next file where one is full; False when there are no more."""
        blob = self._blobs[self._file]
        if self._at == len(blob):
            if self._file == len(self._blobs) - 1:
                return False
            self._file, self._at = self._file + 1, 0
            blob = self._blobs[self._file]
        with self.paths()[-1].open("ab") as file:
            file.write(blob[self._at : self._at + count])
        self._at = min(self._at + count, len(blob))
        return True

    def write_all(self) -> None:
        while self.write(1 << 30):
            pass


def facts(flows: FlowTable) -> list[Any]:
    """All that can be seen of flows, in their order."""
    return [flow_facts(flow) for flow in flows]


def last_bytes(blob: bytes, count: int) -> int:
    """Length of the last `count` blocks."""
    return len(blob) - list(blocks(blob))[-count][0]


def flow_facts(flow: Any) -> tuple[Any, ...]:
    """All that can be seen of a flow but its number, from the columns behind the tables (which take long)."""
    evidence = flow._evidence
    row = [str(value) for value in evidence.summary.iloc[flow.id].tolist()]
    return (row, *(_stream_facts(stream) for stream in flow.streams))


def _stream_facts(stream: Any) -> tuple[Any, ...]:
    evidence, number = stream._evidence, stream._number
    found, packets = evidence.reassembly, evidence.packets
    columns = found.streams

    def part(name: str) -> slice:
        starts = getattr(columns, f"{name}_start")
        return slice(int(starts[number]), int(starts[number + 1]))

    rows = found.order[part("packet")]
    of_packets = [getattr(packets, name)[rows].tolist() for name in _PACKET]
    gaps, conflicts, extents = part("gap"), part("conflict"), part("extent")
    frames = [
        packets.frame[getattr(found.conflicts, name)[conflicts]].tolist() for name in ("packet", "winner")
    ]
    return (
        stream.address,
        stream.port,
        [getattr(columns, name)[number].item() for name in _STREAM],
        of_packets,
        evidence.times[rows].tolist(),
        found.segment_class[part("packet")].tolist(),
        [(offset, bytes(data)) for offset, _, data in stream.chunks()],
        packets.frame[found.extents.packet[extents]].tolist(),
        [getattr(found.gaps, name)[gaps].tolist() for name in ("start", "end", "cause")],
        [getattr(found.conflicts, name)[conflicts].tolist() for name in ("start", "end")],
        frames,
    )


def blocks(blob: bytes) -> Iterator[tuple[int, int]]:
    """Where each block of a little-endian pcapng file begins and ends."""
    at = 0
    while at < len(blob):
        length = int(np.frombuffer(blob, "<u4", 1, at + 4)[0])
        yield at, at + length
        at += length
