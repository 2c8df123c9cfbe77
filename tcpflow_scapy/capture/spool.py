"""Temporary copies of what cannot be read at any offset: pipes, compressed files, packet objects.

A copy has no name (or loses it when closed, on Windows) and lives as long as the flows that point
into it.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from typing import Any

from tcpflow_scapy.capture.file_bytes import FileMedium
from tcpflow_scapy.capture.limits import DISK_RESERVE, MAX_SPOOL_BYTES
from tcpflow_scapy.capture.medium import Medium, MemoryMedium, os_error
from tcpflow_scapy.capture.streams import ByteStream
from tcpflow_scapy.errors import CaptureOSError

CHECK_EVERY = 32 << 20
"""Bytes after which the room on the disk is looked at again."""


class Spool:
    """A temporary file that is written once and read as a `Medium`.

    Parameters
    ----------
    name : str
        What it is a copy of.

    Raises
    ------
    CaptureOSError
        If there is no place for it, here and in `write`.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._unchecked = CHECK_EVERY
        self.size = 0
        try:
            self._directory = tempfile.gettempdir()
            self._file: Any = tempfile.TemporaryFile(buffering=1 << 20)  # noqa: SIM115
        except OSError as error:
            raise self._trouble(error) from error
        weakref.finalize(self, self._file.close)

    def write(self, data: bytes) -> int:
        """Append; file objects' ``write``."""
        self._unchecked += len(data)
        if self._unchecked >= CHECK_EVERY:
            self._check_room()
        try:
            self._file.write(data)
        except OSError as error:
            raise self._trouble(error) from error
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Bring everything into the file."""
        try:
            self._file.flush()
        except OSError as error:
            raise self._trouble(error) from error

    def fill(self, stream: ByteStream, advance: Callable[[int], None] | None = None) -> None:
        """Take all of a stream; `advance` is told how many bytes arrived."""
        while chunk := stream.read():
            self.write(chunk)
            if advance:
                advance(len(chunk))

    def medium(self) -> Medium:
        """What was written so far; may be asked for again after more was written."""
        self.flush()
        if not self.size:
            return MemoryMedium(b"", self._name)
        try:
            return FileMedium(os.dup(self._file.fileno()), self._name, private=True)
        except CaptureOSError:
            raise
        except OSError as error:
            raise self._trouble(error) from error

    def close(self) -> None:
        """Give up writing; media live on."""
        try:
            self._file.close()
        except OSError as error:
            raise self._trouble(error) from error

    def _check_room(self) -> None:
        self._unchecked = 0
        if self.size > MAX_SPOOL_BYTES:
            raise CaptureOSError(f"a temporary copy of more than {MAX_SPOOL_BYTES} bytes", path=self._name)
        try:
            free = shutil.disk_usage(self._directory).free
        except OSError:
            return
        if free < DISK_RESERVE:
            raise self._trouble(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _trouble(self, error: OSError) -> CaptureOSError:
        where = tempfile.gettempdir() if tempfile.tempdir else "the temporary directory"
        out = os_error(error, self._name)
        text = f"{self._name}: cannot make a temporary copy in {where}: {out.strerror}"
        out.args = (f"{text}; set TMPDIR to a place with room",)
        return out
