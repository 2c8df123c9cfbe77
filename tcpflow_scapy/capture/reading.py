"""What a format reader works with: the medium, the windows, and where to put what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tcpflow_scapy.capture.frames import Array, FrameBatch
from tcpflow_scapy.capture.info import CaptureInfo, Interface, Problem
from tcpflow_scapy.capture.limits import MAX_COMMENTS, MAX_PROBLEMS
from tcpflow_scapy.capture.medium import Medium
from tcpflow_scapy.capture.windows import Window, Windows


@dataclass
class Problems:
    """Problems of one file, listed up to `MAX_PROBLEMS` and counted beyond."""

    info: CaptureInfo
    path: str
    _count: int = 0

    def add(
        self,
        kind: str,
        message: str,
        *,
        frame: int | None = None,
        offset: int | None = None,
        length: int | None = None,
    ) -> None:
        """Report one."""
        self._count += 1
        if self._count <= MAX_PROBLEMS:
            self.info.problems.append(Problem(kind, message, self.path, frame, offset, length))

    def close(self) -> None:
        """Say how many were not listed."""
        if self._count > MAX_PROBLEMS:
            more = self._count - MAX_PROBLEMS
            self.info.problems.append(Problem("more", f"{more} further problems are not listed", self.path))


@dataclass
class Reading:
    """One file while it is read."""

    medium: Medium
    windows: Windows
    info: CaptureInfo
    path: str
    address: int
    """store address of the medium's first byte"""
    frames: int
    """frames read so far, those of earlier files included"""
    advance: Callable[[int], None] = lambda offset: None
    """told how far in the medium the reading has come"""
    problems: Problems = field(init=False)
    _interfaces: dict[tuple[object, ...], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.problems = Problems(self.info, self.path)

    def window(self, offset: int, length: int = 0) -> Window:
        """The bytes from `offset` on, `length` of them if the usual number does not do."""
        window = self.windows.read(self.medium, offset, length)
        self.advance(offset)
        return window

    def limit(self, end: int) -> None:
        """Take the medium to end here: nothing beyond belongs to the records."""
        self.windows.settle()
        self.medium.size = end

    def interface(self, interface: Interface) -> int:
        """Index of an interface in `CaptureInfo.interfaces`; equal ones of one file share a row."""
        key = (
            interface.linktype,
            interface.snaplen,
            interface.name,
            interface.description,
            interface.fcs_length,
        )
        index = self._interfaces.get(key)
        if index is None:
            index = self._interfaces[key] = len(self.info.interfaces)
            interface.path = self.path
            self.info.interfaces.append(interface)
        return index

    def comment(self, text: str) -> None:
        """Keep a comment that the capture carries."""
        if len(self.info.comments) < MAX_COMMENTS:
            self.info.comments.append(text)

    def batch(
        self,
        window: Window,
        *,
        position: Array,
        caplen: Array,
        wirelen: Array,
        time: Array,
        linktype: Array | int,
        interface: Array | int = 0,
    ) -> FrameBatch:
        """The frames of a window; their numbers go on where the last batch ended.

        `linktype` and `interface` may be one value for all.
        """
        self.windows.keep()
        count = len(position)
        if isinstance(linktype, int):
            linktype = np.broadcast_to(np.uint16(linktype), (count,))
        if isinstance(interface, int):
            # The table takes a missing column for "interface 0", which costs no memory.
            column = np.broadcast_to(np.int32(interface), (count,)) if interface else None
        else:
            column = interface
        batch = FrameBatch(
            memory=window.memory,
            base=self.address + window.base,
            position=position,
            caplen=caplen,
            wirelen=wirelen,
            time=time,
            linktype=linktype,
            first=self.frames,
            interface=column,
        )
        self.frames += count
        return batch
