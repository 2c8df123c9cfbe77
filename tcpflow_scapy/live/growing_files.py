"""Spool files that are being written: what is whole in them becomes batches of frames.

Frame numbers, store addresses and file offsets are those that the finished capture will have.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from tcpflow_scapy.capture.file_bytes import FileMedium
from tcpflow_scapy.capture.formats.pcapng import PCAPNG, BlockReader
from tcpflow_scapy.capture.frames import FrameBatch
from tcpflow_scapy.capture.info import CaptureInfo
from tcpflow_scapy.capture.medium import os_error
from tcpflow_scapy.capture.reading import Reading
from tcpflow_scapy.capture.windows import Windows
from tcpflow_scapy.errors import CaptureFormatError
from tcpflow_scapy.live.parked_files import SpoolStore

HEAD = 12
"""Bytes from which a pcapng file is recognised."""


def growing_medium(path: str) -> FileMedium:
    """A regular file that grows at its end; it may be empty yet.

    Raises
    ------
    CaptureOSError
        The file cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | os.O_CLOEXEC)
    except OSError as error:
        raise os_error(error, path) from error
    return FileMedium(descriptor, path, growing=True)


class _SpoolFile:
    """One file of the spool."""

    def __init__(
        self, path: str, store: SpoolStore, info: CaptureInfo, windows: Windows, frames: int
    ) -> None:
        self._medium = growing_medium(path)
        self._store = store
        self._info = info
        self._windows = windows
        self._frames = frames
        self._reader: BlockReader | None = None
        self._reading: Reading | None = None
        self._number = -1

    @property
    def frames(self) -> int:
        """Frames of this file and all before it."""
        return self._frames if self._reading is None else self._reading.frames

    def batches(self, *, complete: bool) -> Iterator[FrameBatch]:
        """What is new; all that is left, mended if need be, of a `complete` file."""
        grown = self._medium.grow()
        if self._reader is None and not self._begin(complete):
            return
        assert self._reader is not None
        assert self._reading is not None
        if grown:
            self._info.sizes[self._number] = self._medium.size
        self._reader.growing = not complete
        if grown or complete:
            yield from self._reader.more()
        if complete:
            self._reader.close()
            self._reading.problems.close()
            self._store.complete(self._reading.address, self._medium.buffer.status())

    def _begin(self, complete: bool) -> bool:
        """Recognise the file once its first block is there."""
        medium = self._medium
        head = medium.read(0, HEAD)
        if not medium.size or (len(head) < HEAD and not complete):
            return False
        name = PCAPNG.recognise(head)
        if name is None:
            raise CaptureFormatError("not a pcapng file, which is what a spool must be", path=medium.name)
        order = ">" if name.endswith("(big-endian)") else "<"
        if not complete and struct.unpack_from(order + "I", head, 4)[0] > medium.size:
            return False
        self._number = len(self._info.paths)
        self._info.paths.append(medium.name)
        self._info.formats.append(name)
        self._info.compressions.append("")
        self._info.sizes.append(medium.size)
        address = self._store.add(medium.buffer, medium.name)
        self._reading = Reading(medium, self._windows, self._info, medium.name, address, self._frames)
        self._reader = BlockReader(self._reading, growing=not complete)
        return True

    def close(self) -> None:
        self._medium.close()


class GrowingFiles:
    """The files of a spool, one after the other; only the last one grows.

    Parameters
    ----------
    paths : callable
        Gives the paths so far, in order. A path that was given stays where it is in the list; a file is
        complete when another one follows it.
    store : SpoolStore
        Gets a buffer for each file.
    """

    def __init__(self, paths: Callable[[], list[Path]], store: SpoolStore) -> None:
        self._paths = paths
        self._store = store
        self._windows = Windows()
        self._done = 0
        self._file: _SpoolFile | None = None
        self._frames = 0
        self.info = CaptureInfo()

    def batches(self, *, complete: bool = False) -> Iterator[FrameBatch]:
        """Frames that arrived since the last call; a batch's memory serves until the next one is drawn.

        Parameters
        ----------
        complete : bool
            Nothing will be written any more: what is not whole at the end of the last file is damage.

        Raises
        ------
        CaptureError
            A file cannot be read, is none of pcapng, or became shorter.
        """
        # Listed before their sizes are looked at: a file that has a successor has its last size.
        paths = [os.fspath(path) for path in self._paths()]
        while self._done < len(paths):
            last = self._done == len(paths) - 1
            if self._file is None:
                if last and not complete and not os.path.exists(paths[self._done]):
                    return
                self._file = _SpoolFile(
                    paths[self._done], self._store, self.info, self._windows, self._frames
                )
            yield from self._file.batches(complete=complete or not last)
            self._frames = self._file.frames
            if last and not complete:
                return
            self.close()
            self._done += 1

    def close(self) -> None:
        """Close what is open."""
        if self._file is not None:
            self._file.close()
            self._file = None
