"""The hash chain beside a spool: proof, later on, that no byte of it was changed, added or taken away.

``evidence.pcapng.chain`` holds JSON, one object on each line. The first line says what it is; each further
one is a link: a range of one file, when it was complete, and the SHA-256 of the link before, the range's
bytes and what the link says of itself. The last one says that the capture ended orderly. Whoever changes
bytes must make every later link anew; who noted one digest elsewhere (`HashChain.head`) can tell.
"""

from __future__ import annotations

import errno
import json
import os
import time
from glob import escape
from hashlib import sha256
from pathlib import Path
from typing import Any

FORMAT = "tcpflow-scapy chain"
VERSION = 1

DIGITS = 5
"""of the number in the names of further files: evidence-00001.pcapng"""

LINK_BYTES = 1 << 20
"""A link is closed once it covers so much ..."""

LINK_SECONDS = 1.0
"""... or is so old."""


def chain_path(spool: Path) -> Path:
    """Where the chain of a spool lies: its name with ``.chain`` behind."""
    return spool.with_name(spool.name + ".chain")


def later_files(spool: Path) -> list[Path]:
    """Files of the folder that look like further ones of a spool: ``evidence-00001.pcapng``, in order."""
    digits = "[0-9]" * DIGITS
    return sorted(spool.parent.glob(f"{escape(spool.stem)}-{digits}{escape(spool.suffix)}"))


class HashChain:
    """Writes a chain, link by link. Not for several threads at once.

    Parameters
    ----------
    path : Path
        A new file.

    Raises
    ------
    OSError
        It cannot be written, here and in every method.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._size = 0
        self.head = ""
        """digest of the last link, in hexadecimal: what to note elsewhere"""
        self._file_name = ""
        self._offset = self._length = 0
        self._since = 0.0
        try:
            line = chain_line({"format": FORMAT, "version": VERSION, "time": time.time_ns()})
            self._write(line)
        except BaseException:
            self.abandon()
            raise
        self.head = sha256(line).hexdigest()
        self._hash = sha256(self.head.encode())

    @property
    def descriptor(self) -> int:
        """Of the chain's file."""
        return self._file

    def begin(self, name: str) -> None:
        """The following bytes are those of another file, from its beginning."""
        self.close_link()
        self._file_name, self._offset = name, 0

    def add(self, data: memoryview) -> None:
        """Bytes that were appended to the file."""
        if not self._length:
            self._since = time.monotonic()
        self._hash.update(data)
        self._length += len(data)
        if self._length >= LINK_BYTES:
            self.close_link()

    def tick(self) -> None:
        """Close the link if it is old enough."""
        if self._length and time.monotonic() - self._since >= LINK_SECONDS:
            self.close_link()

    def close_link(self) -> None:
        """Write the link of what was added since the last one, if anything was."""
        if not self._length:
            return
        place = {"file": self._file_name, "offset": self._offset, "length": self._length}
        self._link({**place, "time": time.time_ns()})
        self._offset += self._length
        self._length = 0

    def _link(self, content: dict[str, Any]) -> None:
        content = {**content, "previous": self.head}
        self._hash.update(chain_line(content))
        digest = self._hash.hexdigest()
        self._write(chain_line({**content, "sha256": digest}))
        self.head = digest
        self._hash = sha256(digest.encode())

    def _write(self, line: bytes) -> None:
        try:
            done = os.write(self._file, line)
            if done < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(line)

    def end(self, words: str) -> None:
        """The last link: nothing follows."""
        self.close_link()
        self._link({"end": words, "time": time.time_ns()})
        self.abandon()

    def abandon(self) -> None:
        """Close the file as it is."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def chain_line(content: dict[str, Any]) -> bytes:
    """A line as it is written, and as it is hashed."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
