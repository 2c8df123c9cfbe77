"""Frames: where each captured record lies. No payload here.

A reader yields `FrameBatch` objects: a piece of memory holding some consecutive frames. `decode`
works on a batch while its memory is still warm; what stays afterwards is the `FrameTable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.capture.growing import GrowingColumn

Array = np.ndarray[Any, np.dtype[Any]]

BATCH_PADDING = 256
"""Readable bytes after the last frame of every batch, so that header gathers need no bound check."""

BATCHES_ALIVE = 1
"""A batch's memory stays valid until so many further batches were drawn (readers rotate buffers). More
would push the memory that is read into out of the processor's cache: a tenth of the whole time."""

NO_TIME = np.iinfo(np.int64).min
"""Time of a frame that has none (pcapng simple packet blocks); shown as NaT."""


@dataclass(slots=True)
class FrameBatch:
    """Consecutive frames that lie in one piece of memory.

    `position` is relative to `memory`; ``position + base`` is the frame's address in the `Store`.
    """

    memory: Array
    """uint8, C-contiguous; at least `BATCH_PADDING` bytes follow the last frame"""
    base: int
    """store address of ``memory[0]`` (may be negative offset-wise: only base + position counts)"""
    position: Array
    """int64, start of each frame in `memory`"""
    caplen: Array
    """int64, bytes kept"""
    wirelen: Array
    """int64, bytes on the wire"""
    time: Array
    """int64, ns since the epoch, `NO_TIME` where unknown"""
    linktype: Array
    """uint16, LINKTYPE_ number of each frame (a broadcast view where all are the same)"""
    first: int
    """number of frames before this batch: frame numbers are first + 1 + index"""
    interface: Array | None = None
    """int32 index into ``CaptureInfo.interfaces``, -1 for a frame that names none of them; None: all
    frames are of interface 0"""

    def __len__(self) -> int:
        return len(self.position)


@dataclass(slots=True)
class FrameTable:
    """Every frame of a source, in order. Frame numbers are index + 1."""

    address: Array
    """int64"""
    caplen: Array
    """uint32"""
    wirelen: Array
    """uint32"""
    time: Array
    """int64, ns since the epoch"""
    linktype: Array
    """uint16"""
    reason: Array
    """uint8, why the frame is no TCP segment (`decode.reasons`); 0 = it is one"""
    interface: Array | None = None
    """int32, where the format has interfaces"""

    def __len__(self) -> int:
        return len(self.address)


class FrameTableBuilder:
    """Collects batches into a `FrameTable`."""

    def __init__(self) -> None:
        dtypes = (np.int64, np.uint32, np.uint32, np.int64, np.uint8)
        self._columns = [GrowingColumn(dtype) for dtype in dtypes]
        self._length = 0
        # Where all frames are alike, which is the rule, these two need no column.
        self._linktype: int | None = None
        self._linktypes: GrowingColumn | None = None
        self._interfaces: GrowingColumn | None = None

    def append(self, batch: FrameBatch, reason: Array) -> None:
        """Keep a batch's columns (copies: the batch's arrays may be reused)."""
        if not len(batch):
            return
        values = (batch.position + batch.base, batch.caplen, batch.wirelen, batch.time, reason)
        for column, part in zip(self._columns, values, strict=True):
            column.append(part)
        self._add_linktype(batch.linktype)
        if batch.interface is not None and self._interfaces is None:
            self._interfaces = GrowingColumn(np.int32)
            self._interfaces.append(np.broadcast_to(np.int32(0), (self._length,)))
        if self._interfaces is not None:
            none = np.broadcast_to(np.int32(0), (len(batch),))
            self._interfaces.append(none if batch.interface is None else batch.interface)
        self._length += len(batch)

    def _add_linktype(self, linktype: Array) -> None:
        value = int(linktype[0])
        alike = linktype.strides == (0,) or bool((linktype == value).all())
        if self._linktype is None:
            self._linktype = value
        if self._linktypes is None and not (alike and value == self._linktype):
            self._linktypes = GrowingColumn(np.uint16)
            self._linktypes.append(np.broadcast_to(np.uint16(self._linktype), (self._length,)))
        if self._linktypes is not None:
            self._linktypes.append(linktype)

    def build(self) -> FrameTable:
        """One table of all batches; the builder is empty afterwards."""
        address, caplen, wirelen, time, reason = (column.build() for column in self._columns)
        if self._linktypes is None:
            linktype: Array = np.broadcast_to(np.uint16(self._linktype or 0), (self._length,))
        else:
            linktype = self._linktypes.build()
        interface = None if self._interfaces is None else self._interfaces.build()
        self._length, self._linktype, self._linktypes, self._interfaces = 0, None, None, None
        return FrameTable(address, caplen, wirelen, time, linktype, reason, interface)
