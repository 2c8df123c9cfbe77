"""Byte streams: what cannot be read at any offset, one chunk after the other."""

from __future__ import annotations

import lzma
import os
import zlib
from collections.abc import Callable
from gzip import BadGzipFile
from typing import Any

from tcpflow_scapy.capture.medium import os_error
from tcpflow_scapy.errors import CaptureOSError

CHUNK = 1 << 18
"""Bytes asked for at a time."""

Report = Callable[[str, str, int | None], None]
"""(kind, message, offset): takes what was wrong with a stream that could be read in part"""


class ByteStream:
    """Chunks on demand, with a look ahead.

    Parameters
    ----------
    pull : callable
        Returns the next bytes, none at the end.
    """

    def __init__(self, pull: Callable[[], bytes]) -> None:
        self._pull = pull
        self._ahead: list[bytes] = []
        self._ended = False
        self.consumed = 0
        """bytes handed out by `read`, less those pushed back"""

    def peek(self, length: int) -> bytes:
        """The next bytes, without taking them; fewer only where the stream ends."""
        while not self._ended and sum(map(len, self._ahead)) < length:
            chunk = self._pull()
            self._ended = not chunk
            if chunk:
                self._ahead.append(chunk)
        if len(self._ahead) > 1:
            self._ahead = [b"".join(self._ahead)]
        return self._ahead[0][:length] if self._ahead else b""

    def read(self) -> bytes:
        """The next chunk; empty at the end."""
        if not self._ahead and not self._ended:
            self.peek(1)
        chunk = self._ahead.pop(0) if self._ahead else b""
        self.consumed += len(chunk)
        return chunk

    def push_back(self, data: bytes) -> None:
        """Give back the last bytes of what was read."""
        if data:
            self._ahead.insert(0, data)
            self.consumed -= len(data)


def descriptor_stream(descriptor: int, name: str, digest: Any = None) -> ByteStream:
    """A file, a pipe, a device; what is read goes into `digest` (of `hashlib`), where there is one."""

    def pull() -> bytes:
        try:
            data = os.read(descriptor, CHUNK)
        except OSError as error:
            raise os_error(error, name) from error
        if digest is not None:
            digest.update(data)
        return data

    return ByteStream(pull)


def object_stream(file: Any, name: str, report: Report) -> ByteStream:
    """A binary file object of any kind, from where it stands.

    Raises
    ------
    TypeError
        If it turns out to be open in text mode.
    CaptureOSError
        If reading fails, or would block.
    """
    read = getattr(file, "read1", None) or file.read
    done = 0

    def pull() -> bytes:
        nonlocal done
        try:
            data = read(CHUNK)
        except (EOFError, BadGzipFile, zlib.error, lzma.LZMAError) as error:
            # A decompressing file object: what it gave so far is good.
            report("decompression", f"the file object stopped: {error}", done)
            return b""
        except OSError as error:
            raise os_error(error, name) from error
        if data is None:
            raise CaptureOSError("the file object does not block: no data yet", path=name)
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"{name}: reads {type(data).__name__}, not bytes: open it in binary mode")
        done += len(data)
        return bytes(data)

    return ByteStream(pull)
