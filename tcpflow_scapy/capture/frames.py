"""Frames: where each captured record lies. No payload here.

A reader yields `FrameBatch` objects: a piece of memory holding some consecutive frames. `decode`
works on a batch while its memory is still warm; what stays afterwards is the `FrameTable`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

BATCH_PADDING = 256
"""Readable bytes after the last frame of every batch, so that header gathers need no bound check."""

BATCHES_ALIVE = 3
"""A batch's memory stays valid until so many further batches were drawn (readers rotate buffers)."""

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


@dataclass(slots=True)
class FrameTableBuilder:
    """Collects batches into a `FrameTable`."""

    _parts: list[tuple[Array, ...]] = field(default_factory=list)
    _interfaces: list[Array | None] = field(default_factory=list)

    def append(self, batch: FrameBatch, reason: Array) -> None:
        """Keep a batch's columns (copies: the batch's arrays may be reused)."""
        linktype = batch.linktype
        if linktype.strides == (0,) or (len(linktype) and (linktype == linktype[0]).all()):
            linktype = np.broadcast_to(np.uint16(linktype[0] if len(linktype) else 0), linktype.shape)
        self._parts.append(
            (
                batch.position + batch.base,
                batch.caplen.astype(np.uint32),
                batch.wirelen.astype(np.uint32),
                np.array(batch.time, np.int64),
                linktype,
                reason,
            )
        )
        self._interfaces.append(batch.interface)

    def build(self) -> FrameTable:
        """One table of all batches; the builder is empty afterwards."""
        dtypes = (np.int64, np.uint32, np.uint32, np.int64, np.uint16, np.uint8)
        columns = []
        parts, self._parts = self._parts, []
        for i, dtype in enumerate(dtypes):
            pieces: Sequence[Array] = [p[i] for p in parts]
            if i == 4 and pieces and all(p.strides == (0,) for p in pieces if len(p)):
                values = {int(p[0]) for p in pieces if len(p)}
                if len(values) == 1:
                    total = sum(len(p) for p in pieces)
                    columns.append(np.broadcast_to(np.uint16(values.pop()), (total,)))
                    continue
            columns.append(np.concatenate(pieces) if pieces else np.empty(0, dtype))
        interface = None
        if any(x is not None for x in self._interfaces):
            interface = np.concatenate(
                [
                    np.zeros(len(p[0]), np.int32) if x is None else x
                    for p, x in zip(parts, self._interfaces, strict=True)
                ]
            )
        self._interfaces = []
        address, caplen, wirelen, time, linktype, reason = columns
        return FrameTable(address, caplen, wirelen, time, linktype, reason, interface)
