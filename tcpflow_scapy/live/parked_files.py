"""Files of a spool that are complete and old: they are opened when their bytes are needed.

A descriptor for every file would be too much for a capture that began thousands of them. The newest stay
open; so a capture of few files is not touched by any of this.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tcpflow_scapy.capture.file_bytes import FileBytes
from tcpflow_scapy.capture.medium import os_error
from tcpflow_scapy.capture.store import ADDRESS_SHIFT, Store
from tcpflow_scapy.errors import CaptureChanged

OPEN = 256
"""Complete files that stay open."""

BORROWED = 64
"""Older ones that are open at a time, besides those that are still being read."""


@dataclass(frozen=True, slots=True)
class ParkedFile:
    """A file that is not open."""

    path: str
    status: tuple[int, ...]

    @staticmethod
    def of(path: str, status: os.stat_result) -> ParkedFile:
        """With what the system says of it."""
        return ParkedFile(path, (status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino))

    def open(self) -> FileBytes:
        """Its bytes.

        Raises
        ------
        CaptureOSError
            It is not there any more, or not what it was.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise os_error(error, self.path) from error
        found = FileBytes(descriptor, self.path)
        if ParkedFile.of(self.path, found.status()) != self:
            raise CaptureChanged("is not the file any more that was captured into", path=self.path)
        return found


class Shelf:
    """Parked files that are open, the latest used. For several threads."""

    def __init__(self) -> None:
        self._open: OrderedDict[ParkedFile, FileBytes] = OrderedDict()
        self._lock = threading.Lock()
        self.owner: object = None
        """what keeps the files where they are, once any is parked: temporary ones go with it"""

    def bytes_of(self, file: ParkedFile) -> FileBytes:
        """The bytes of a file."""
        with self._lock:
            found = self._open.get(file)
            if found is None:
                found = self._open[file] = file.open()
            self._open.move_to_end(file)
            while len(self._open) > BORROWED:
                # Closed as soon as nothing refers to it.
                self._open.popitem(last=False)
            return found


class SpoolStore(Store):
    """The bytes of a spool of any number of files.

    Parameters
    ----------
    owner : callable, optional
        What keeps the files where they are. It is held only once a file is parked: before that, what is
        open needs no name.
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
        parked = ParkedFile.of(self._names[number], status)
        self._complete.append((number, parked))
        if len(self._complete) > OPEN:
            number, parked = self._complete.popleft()
            if isinstance(self._buffers[number], FileBytes):
                self._buffers[number] = parked
                self._shelf.owner = self._owner and self._owner()

    def _whole(self, number: int) -> Any:
        buffer = self._buffers[number]
        return self._shelf.bytes_of(buffer) if isinstance(buffer, ParkedFile) else super()._whole(number)
