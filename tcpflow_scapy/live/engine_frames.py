"""All frames and UDP datagrams of a running capture, on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import FrameBatch, FrameTable
from tcpflow_scapy.decode.packets import DATAGRAM_DTYPES
from tcpflow_scapy.live.cold_columns import DiskTable

Array = np.ndarray[Any, np.dtype[Any]]

_FRAME_DTYPES = {
    "address": np.int64,
    "caplen": np.uint32,
    "wirelen": np.uint32,
    "time": np.int64,
    "linktype": np.uint16,
    "reason": np.uint8,
    "interface": np.int32,
}


class LiveFrames:
    """Columns of frames, and of the UDP datagrams in them.

    Parameters
    ----------
    folder : str
        For the files.
    """

    def __init__(self, folder: str) -> None:
        self._frames = DiskTable(_FRAME_DTYPES, folder)
        self._datagrams = DiskTable(DATAGRAM_DTYPES, folder)
        self._interfaces = False

    def __len__(self) -> int:
        return len(self._frames)

    def append(self, batch: FrameBatch, reason: Array) -> None:
        """Add a batch, and what became of each frame."""
        self._interfaces |= batch.interface is not None
        none = np.broadcast_to(np.int32(0), (len(batch),))
        self._frames.append(
            {
                "address": batch.position + batch.base,
                "caplen": batch.caplen,
                "wirelen": batch.wirelen,
                "time": batch.time,
                "linktype": batch.linktype,
                "reason": reason,
                "interface": none if batch.interface is None else batch.interface,
            }
        )

    def append_datagrams(self, part: Mapping[str, Array]) -> None:
        """Add UDP datagrams."""
        self._datagrams.append(part)

    def times(self, frames: Array) -> Array:
        """Times of some frames, ns."""
        return self._frames.column("time")[frames]

    def table(self) -> FrameTable:
        """All frames so far; arrays may not be written to."""
        columns: dict[str, Any] = self._frames.views()
        if not self._interfaces:
            columns["interface"] = None
        return FrameTable(**columns)

    def datagrams(self) -> dict[str, Array]:
        """All UDP datagrams so far."""
        return self._datagrams.views()
