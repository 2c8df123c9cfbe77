"""Spools that grow step by step, and what is compared of flows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tcpflow_scapy.flows.table import FlowTable


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


def flow_facts(flow: Any, *, summary: bool = True) -> tuple[Any, ...]:
    """All that can be seen of a flow but its number."""
    row = [] if not summary else [str(value) for value in flow.summary.tolist()]
    streams = [
        (
            stream.address,
            stream.port,
            stream.isn,
            stream.size,
            b"".join(data for _, _, data in stream.chunks()),
            [offset for offset, _, _ in stream.chunks()],
        )
        for stream in flow.streams
    ]
    return (row, *streams, _plain(flow.packets), _plain(flow.gaps), _plain(flow.conflicts))


def _plain(frame: Any) -> list[list[str]]:
    frame = frame.drop(columns=[name for name in ("flow",) if name in frame.columns])
    return [[str(value) for value in row] for row in frame.itertuples(index=False)]


def blocks(blob: bytes) -> Iterator[tuple[int, int]]:
    """Where each block of a little-endian pcapng file begins and ends."""
    at = 0
    while at < len(blob):
        length = int(np.frombuffer(blob, "<u4", 1, at + 4)[0])
        yield at, at + length
        at += length
