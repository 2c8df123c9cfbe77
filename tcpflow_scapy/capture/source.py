"""A source: captures read one after the other, as batches of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from types import TracebackType
from typing import Any, Self

from tcpflow_scapy.capture.frames import FrameBatch
from tcpflow_scapy.capture.info import CaptureInfo
from tcpflow_scapy.capture.inputs import Input
from tcpflow_scapy.capture.medium import Medium
from tcpflow_scapy.capture.reading import Reading
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.capture.windows import Windows

Progress = Callable[[int, int | None], None]
"""(bytes done, bytes in all or None where that is not known yet)"""


class Source:
    """What `open_source` returns: draw `batches` once.

    Parameters
    ----------
    inputs : list of Input
    progress : callable, optional
    hash : bool
        Hash what is read while it is read: ``info.digests``.

    Attributes
    ----------
    info : CaptureInfo
        Names, formats and sizes from the beginning; interfaces, problems and comments as batches
        are drawn.
    store : Store
        The bytes of every capture whose batches were begun. It outlives the source.
    """

    def __init__(self, inputs: list[Input], progress: Progress | None = None, *, hash: bool = False) -> None:
        self._inputs = inputs
        self._hash = hash
        self._progress = progress
        self._windows = Windows()
        self._drawn = False
        self._open: Medium | None = None
        self.store = Store()
        self.info = CaptureInfo(
            paths=[x.name for x in inputs],
            formats=[x.format_name for x in inputs],
            compressions=[x.compression for x in inputs],
            sizes=[x.size for x in inputs],
            originals=[None for _ in inputs],
        )
        self.total_bytes = sum(x.work for x in inputs)
        """bytes to go through"""
        self.bytes_read = 0
        """bytes gone through"""

    def batches(self) -> Iterator[FrameBatch]:
        """All frames, in order, numbered through all captures.

        A batch's memory stays valid until `BATCHES_ALIVE` further batches were drawn.

        Raises
        ------
        CaptureError
            If the system fails. Damage is in ``info.problems`` instead.
        RuntimeError
            If they were drawn before.
        """
        if self._drawn:
            raise RuntimeError("the batches of a source can be drawn only once")
        self._drawn = True
        return self._batches()

    def _batches(self) -> Iterator[FrameBatch]:
        frames = done = 0
        for number, part in enumerate(self._inputs):
            digest = sha256() if self._hash else None
            reading = self._begin(part, frames, done + part.work - part.size, digest)
            self.info.originals[number] = reading.medium.original
            try:
                yield from part.format.read(reading)
            finally:
                self._windows.settle()
                reading.medium.close()
                self._open = None
            if digest is not None:
                self.info.digests.append(digest.hexdigest())
            reading.problems.close()
            frames = reading.frames
            done += part.work
            self._advance(done)

    def _begin(self, part: Input, frames: int, base: int, digest: Any) -> Reading:
        """Open one capture; `base` is the progress at which walking it begins."""
        problems: list[tuple[str, str, int | None]] = []

        def report(kind: str, message: str, offset: int | None) -> None:
            problems.append((kind, message, offset))

        medium = self._open = part.open(report, lambda count: self._advance(self.bytes_read + count), digest)
        if digest is not None and medium.original is None:
            medium.hash_with(digest)
        scale = part.size / medium.size if medium.size else 0.0
        reading = Reading(
            medium=medium,
            windows=self._windows,
            info=self.info,
            path=part.name,
            address=self.store.add(medium.buffer, part.name),
            frames=frames,
            advance=lambda offset: self._advance(base + int(offset * scale)),
        )
        for kind, message, offset in part.problems + problems:
            reading.problems.add(kind, message, offset=offset)
        return reading

    def _advance(self, done: int) -> None:
        self.bytes_read = min(done, self.total_bytes)
        if self._progress is not None:
            self._progress(self.bytes_read, self.total_bytes)

    def close(self) -> None:
        """Give back files and buffers. The store stays as it is: flows point into it."""
        self._windows.settle()
        if self._open is not None:
            self._open.close()
            self._open = None
        self._drawn = True
        self._inputs = []
        self._windows = Windows()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
