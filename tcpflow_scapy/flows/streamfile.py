"""A stream as a seekable binary file that copies nothing until it is read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.flows.frames import read_stream

if TYPE_CHECKING:
    from tcpflow_scapy.flows.evidence import Evidence


class StreamFile(io.RawIOBase):
    """Raw, read-only; gaps read as zeros."""

    def __init__(self, evidence: Evidence, stream: int, name: str) -> None:
        self._evidence = evidence
        self._stream = stream
        self._at = 0
        self._end = int(evidence.reassembly.streams.end[stream])
        self.name = name

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Position in the stream."""
        self._check_open()
        return self._at

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on a closed stream")

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position; beyond the end reads nothing."""
        self._check_open()
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._end}.get(whence)
        if start is None:
            raise ValueError(f"invalid whence ({whence}, should be 0, 1 or 2)")
        if start + offset < 0:
            raise ValueError(f"negative seek position {start + offset}")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the current position."""
        self._check_open()
        view = memoryview(buffer).cast("B")
        data = read_stream(self._evidence, self._stream, self._at, len(view))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
