"""Comparing a spool with its hash chain: which bytes are as they were, which are not."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.capture.live.chain import FORMAT, VERSION, chain_line, chain_path, later_files
from tcpflow_scapy.errors import CaptureFormatError, CaptureOSError
from tcpflow_scapy.render.escape import safe_text

if TYPE_CHECKING:
    import pandas as pd

MAX_LINE = 1 << 16
"""Longest line that is read of a chain."""

BLOCK = 1 << 20
"""Bytes hashed at a time."""


@dataclass(frozen=True, slots=True)
class CheckedRange:
    """What a check says about a range of a file."""

    file: str
    start: int
    end: int
    status: str
    """``intact``, ``changed``, ``missing`` (the file ends before), ``not covered`` (no link speaks of it);
    of the chain itself, for which `start` and `end` are line numbers: ``chain broken``, ``chain open``"""
    time: int | None
    """ns since the epoch: when the link was made"""
    note: str = ""


def check_spool(path: str | os.PathLike[str]) -> list[CheckedRange]:
    """Compare a spool with its chain.

    Parameters
    ----------
    path : path
        The spool as it was named when the capture began, or its chain.

    Returns
    -------
    list of CheckedRange
        One for each link, and one for whatever else was found.

    Raises
    ------
    CaptureError
        There is no chain, or the file is none.
    """
    spool = Path(path)
    chain = spool if spool.suffix == ".chain" else chain_path(spool)
    return list(_Check(chain).run())


def verify_spool(path: str | os.PathLike[str]) -> pd.DataFrame:
    """`check_spool` as a table: file, start, end, length, status, time, note (texts escaped)."""
    import pandas as pd

    found = check_spool(path)
    table = pd.DataFrame(
        [
            (safe_text(x.file), x.start, x.end, x.end - x.start, x.status, x.time, safe_text(x.note))
            for x in found
        ],
        columns=["file", "start", "end", "length", "status", "time", "note"],
    )
    table["time"] = pd.to_datetime(table["time"].astype("Int64"), unit="ns", utc=True)
    return table


class _Check:
    """One check of one chain."""

    def __init__(self, chain: Path) -> None:
        self._chain = chain
        self._previous = ""
        self._covered: dict[str, int] = {}
        self._ended = False
        self._lines = 0

    def run(self) -> Iterator[CheckedRange]:
        """Everything that is to say, in the order of the chain."""
        try:
            with open(self._chain, "rb") as file:
                yield from self._head(file.readline(MAX_LINE))
                while line := file.readline(MAX_LINE):
                    self._lines += 1
                    yield from self._line(line)
        except OSError as error:
            raise CaptureOSError(error.strerror or str(error), path=str(self._chain)) from error
        yield from self._rest()

    def _head(self, line: bytes) -> Iterator[CheckedRange]:
        content = _parse(line)
        if content.get("format") != FORMAT:
            raise CaptureFormatError("is not the hash chain of a spool", path=str(self._chain))
        if content.get("version") != VERSION:
            raise CaptureFormatError("is a hash chain of another version", path=str(self._chain))
        self._lines = 1
        self._previous = sha256(line).hexdigest()
        yield from ()

    def _broken(self, note: str, time: int | None = None) -> CheckedRange:
        return CheckedRange(self._chain.name, self._lines, self._lines, "chain broken", time, note)

    def _line(self, line: bytes) -> Iterator[CheckedRange]:
        content = _parse(line)
        digest = content.pop("sha256", None)
        if not isinstance(digest, str) or not line.endswith(b"\n"):
            yield self._broken("a line that is not a link")
            return
        stamp = _time_of(content)
        if self._ended:
            yield self._broken("a link after the last one", stamp)
        if content.get("previous") != self._previous:
            yield self._broken(
                "does not follow the link before: a link was changed, added or taken away", stamp
            )
        self._previous = digest
        hashed = sha256(str(content.get("previous")).encode())
        if "end" in content:
            self._ended = True
            hashed.update(chain_line(content))
            if hashed.hexdigest() != digest:
                yield self._broken("the last link was changed", stamp)
            return
        yield from self._range(content, hashed, digest, stamp)

    def _range(
        self, content: dict[str, Any], hashed: Any, digest: str, stamp: int | None
    ) -> Iterator[CheckedRange]:
        name, offset, length = content.get("file"), content.get("offset"), content.get("length")
        if not (isinstance(name, str) and isinstance(offset, int) and isinstance(length, int)):
            yield self._broken("a line that is not a link", stamp)
            return
        if not _is_name(name) or not 0 <= offset < 1 << 62 or not 0 < length < 1 << 62:
            # A chain may be forged: it must not lead to files elsewhere.
            yield self._broken("a link of no possible place", stamp)
            return
        covered = self._covered.get(name, 0)
        if offset > covered:
            yield CheckedRange(name, covered, offset, "not covered", None, "no link speaks of these bytes")
        self._covered[name] = max(covered, offset + length)
        try:
            found = self._hash(name, offset, length, hashed)
        except OSError as error:
            words = "the file is not there" if isinstance(error, FileNotFoundError) else error.strerror
            yield CheckedRange(name, offset, offset + length, "missing", stamp, words or str(error))
            return
        if found < length:
            note = f"the file ends at {offset + found:,}"
            yield CheckedRange(name, offset + found, offset + length, "missing", stamp, note)
            return
        hashed.update(chain_line(content))
        intact = hashed.hexdigest() == digest
        yield CheckedRange(name, offset, offset + length, "intact" if intact else "changed", stamp)

    def _hash(self, name: str, offset: int, length: int, hashed: Any) -> int:
        """Hash a range; how much of it there is."""
        done = 0
        with open(self._chain.with_name(name), "rb", opener=_open_regular) as file:
            # Beyond its end a seek may be more than a system allows.
            if offset <= os.fstat(file.fileno()).st_size:
                file.seek(offset)
                while done < length and (data := file.read(min(BLOCK, length - done))):
                    hashed.update(data)
                    done += len(data)
        return done

    def _rest(self) -> Iterator[CheckedRange]:
        for name, covered in self._covered.items():
            path = self._chain.with_name(name)
            size = path.stat().st_size if os.path.isfile(path) else 0
            if size > covered:
                yield CheckedRange(name, covered, size, "not covered", None, "bytes behind the last link")
        for path in self._uncovered_files():
            size = path.stat().st_size
            yield CheckedRange(path.name, 0, size, "not covered", None, "no link speaks of this file")
        if not self._ended:
            note = "no last link: the capture goes on, was cut off, or links were taken away"
            yield CheckedRange(self._chain.name, self._lines, self._lines, "chain open", None, note)

    def _uncovered_files(self) -> list[Path]:
        """Files that bear a name of this spool and are none of its own: who reads it reads those, too."""
        spool = self._chain.with_suffix("")
        names = [spool, *later_files(spool)]
        return [path for path in names if path.name not in self._covered and path.is_file()]


def _is_name(name: str) -> bool:
    """Whether it can be a file's name in the folder of the chain."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return name not in ("", ".", "..") and name == Path(name).name and "\0" not in name


def _open_regular(path: str, flags: int) -> int:
    """Open what is no pipe, which would wait for somebody to write."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is not a regular file")
    return descriptor


def _time_of(content: dict[str, Any]) -> int | None:
    """When a link says it was made; None if that is no possible time."""
    time = content.get("time")
    return time if isinstance(time, int) and 0 <= time < 1 << 63 else None


def _parse(line: bytes) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
