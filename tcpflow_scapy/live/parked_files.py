"""Files of a spool that are complete and old: their bytes are mapped when somebody wants them.

A map, and the descriptor that Python keeps with it, for every file would be too much for a capture that
began thousands of them. The newest stay mapped; so a capture of few files is not touched by any of this.
"""

from __future__ import annotations

import mmap
import os
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tcpflow_scapy.capture.medium import FileMedium, os_error
from tcpflow_scapy.capture.store import ADDRESS_SHIFT, Store
from tcpflow_scapy.errors import CaptureOSError

MAPPED = 256
"""Complete files that stay mapped."""

BORROWED = 64
"""Older ones that are mapped at a time, besides those that somebody still looks at."""


@dataclass(frozen=True, slots=True)
class ParkedFile:
    """A file that is not mapped."""

    path: str
    size: int
    device: int
    inode: int

    def open(self) -> Any:
        """Map it.

        Raises
        ------
        CaptureOSError
            It is not there any more, or not what it was.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise os_error(error, self.path) from error
        medium = FileMedium(descriptor, self.path)
        try:
            found = os.fstat(descriptor)
            if (found.st_size, found.st_dev, found.st_ino) != (self.size, self.device, self.inode):
                raise CaptureOSError("is not the file any more that was captured into", path=self.path)
            return medium.buffer
        finally:
            medium.close()


class Shelf:
    """Maps of parked files, the latest used. For several threads."""

    def __init__(self) -> None:
        self._maps: OrderedDict[ParkedFile, Any] = OrderedDict()
        self._lock = threading.Lock()
        self.owner: object = None
        """what keeps the files where they are, once any is parked: temporary ones go with it"""

    def map(self, file: ParkedFile) -> Any:
        """The bytes of a file."""
        with self._lock:
            found = self._maps.get(file)
            if found is None:
                found = self._maps[file] = file.open()
            self._maps.move_to_end(file)
            while len(self._maps) > BORROWED:
                # Unmapped as soon as nobody holds it.
                self._maps.popitem(last=False)
            return found


class SpoolStore(Store):
    """The bytes of a spool of any number of files.

    Parameters
    ----------
    owner : callable, optional
        What keeps the files where they are. It is held only once a file is parked: before that, what is
        mapped needs no name.
    shelf : Shelf, optional
        To be shared with another store of the same files.
    """

    def __init__(self, owner: Callable[[], object] | None = None, shelf: Shelf | None = None) -> None:
        super().__init__()
        self._owner = None if owner is None else weakref.ref(owner)
        self._shelf = Shelf() if shelf is None else shelf
        self._complete: deque[tuple[int, ParkedFile]] = deque()

    def complete(self, address: int, status: os.stat_result) -> None:
        """The file at an address has its last size; old ones are parked."""
        number = address >> ADDRESS_SHIFT
        parked = ParkedFile(self._names[number], status.st_size, status.st_dev, status.st_ino)
        self._complete.append((number, parked))
        if len(self._complete) > MAPPED:
            number, parked = self._complete.popleft()
            if isinstance(self._buffers[number], mmap.mmap):
                self._buffers[number] = parked
                self._shelf.owner = self._owner and self._owner()

    def _whole(self, number: int) -> Any:
        buffer = self._buffers[number]
        return self._shelf.map(buffer) if isinstance(buffer, ParkedFile) else super()._whole(number)
