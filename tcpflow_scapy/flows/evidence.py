"""Everything a table of flows rests on: one body of evidence, shared by all its views."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakValueDictionary

import numpy as np

from tcpflow_scapy.capture.frames import FrameTable
from tcpflow_scapy.capture.info import CaptureInfo, Problem
from tcpflow_scapy.capture.store import OFFSET_MASK, Store
from tcpflow_scapy.decode.packets import Origins, PacketTable
from tcpflow_scapy.reassembly.tables import Reassembly
from tcpflow_scapy.render.dataframe import keep_dollars

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class Evidence:
    """Frames, packets and streams of one source."""

    info: CaptureInfo
    store: Store
    frames: FrameTable
    packets: PacketTable
    reassembly: Reassembly
    options: dict[str, Any] = field(default_factory=dict)
    """how it was read: filter, overlap policy, max_gap ..."""
    origins: Origins | None = None
    """where bytes of reassembled datagrams came from"""
    datagrams: Any = None
    """UDP rows, where they were asked for"""
    keep: Any = None
    """what must live as long as this does (spool files)"""

    def __post_init__(self) -> None:
        keep_dollars()

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row for each flow, with all columns of `flows.columns`."""
        from tcpflow_scapy.flows.summary import summarize

        return summarize(self)

    @property
    def problems(self) -> list[Problem]:
        """What could not be used as it stands, or contradicts itself: sources, clocks, handshakes."""
        return [*self.info.problems, *self._contradictions]

    @cached_property
    def _contradictions(self) -> list[Problem]:
        from tcpflow_scapy.flows.clocks import clock_problems
        from tcpflow_scapy.flows.handshakes import handshake_problems

        return [*clock_problems(self), *handshake_problems(self)]

    @cached_property
    def mark(self) -> str:
        """A name for this body of evidence, good while it is in memory; `living` finds it again."""
        mark = uuid4().hex[:12]
        _LIVING[mark] = self
        return mark

    def told(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table that says in ``attrs`` where it came from and how that was read."""
        table.attrs.update(source=list(self.info.paths), **self.options, evidence=self.mark)
        return table

    @cached_property
    def times(self) -> Array:
        """int64: time of each packet row, ns."""
        return packet_times(self.frames, self.packets)

    def address_text(self, code: int) -> str:
        """Text of an address code."""
        from ipaddress import ip_address

        return str(ip_address(self.packets.addresses.packed(code)))

    def place(self, address: int, frame: int) -> tuple[int, str, int]:
        """Frame number, path and byte offset behind a store address.

        Parameters
        ----------
        address : int
            Store address of a byte.
        frame : int
            Index of the frame that carried the segment's header.
        """
        if self.origins is not None:
            frames, addresses = self.origins.find(np.array([address], np.int64))
            if frames[0] >= 0:
                frame, address = int(frames[0]), int(addresses[0])
        return frame + 1, self.store.name(address), address & OFFSET_MASK


_LIVING: WeakValueDictionary[str, Evidence] = WeakValueDictionary()


def living(mark: Any) -> Evidence | None:
    """The evidence of that `Evidence.mark`, while somebody still holds it."""
    return _LIVING.get(mark) if isinstance(mark, str) else None


def packet_times(frames: FrameTable, packets: PacketTable) -> Array:
    """Time of each packet row, ns: the frames' own column where every frame is a packet, a copy elsewhere."""
    count = len(frames)
    if len(packets) == count and np.array_equal(packets.frame, np.arange(count, dtype=np.int32)):
        return frames.time
    return frames.time[packets.frame]
