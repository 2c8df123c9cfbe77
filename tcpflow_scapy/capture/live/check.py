"""Comparing a spool with its hash chain: which bytes are as they were, which are not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.capture.live.chain import FORMAT, VERSION, chain_line, chain_path
from tcpflow_scapy.errors import CaptureFormatError, CaptureOSError

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
    """`check_spool` as a table: file, start, end, length, status, time, note."""
    import pandas as pd

    found = check_spool(path)
    table = pd.DataFrame(
        [(x.file, x.start, x.end, x.end - x.start, x.status, x.time, x.note) for x in found],
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
            raise CaptureFormatError("is no hash chain of a spool", path=str(self._chain))
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
            yield self._broken("a line that is no link")
            return
        stamp = content.get("time") if isinstance(content.get("time"), int) else None
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
            yield self._broken("a line that is no link", stamp)
            return
        if (
            name in ("", ".", "..")
            or name != Path(name).name
            or "\0" in name
            or not 0 <= offset < 1 << 62
            or not 0 < length < 1 << 62
        ):
            # A chain may be forged: it must not lead to files elsewhere.
            yield self._broken("a link of no possible place", stamp)
            return
        covered = self._covered.get(name, 0)
        if offset > covered:
            yield CheckedRange(name, covered, offset, "not covered", None, "no link speaks of these bytes")
        self._covered[name] = max(covered, offset + length)
        found = self._hash(name, offset, length, hashed)
        if found < length:
            note = "the file is not there" if found < 0 else f"the file ends at {offset + found:,}"
            start = offset + max(found, 0)
            yield CheckedRange(name, start, offset + length, "missing", stamp, note)
            return
        hashed.update(chain_line(content))
        intact = hashed.hexdigest() == digest
        yield CheckedRange(name, offset, offset + length, "intact" if intact else "changed", stamp)

    def _hash(self, name: str, offset: int, length: int, hashed: Any) -> int:
        """Hash a range; how much of it there is, -1 without the file."""
        done = 0
        try:
            with open(self._chain.with_name(name), "rb") as file:
                file.seek(offset)
                while done < length and (data := file.read(min(BLOCK, length - done))):
                    hashed.update(data)
                    done += len(data)
        except FileNotFoundError:
            return -1
        return done

    def _rest(self) -> Iterator[CheckedRange]:
        for name, covered in self._covered.items():
            try:
                size = os.stat(self._chain.with_name(name)).st_size
            except OSError:
                continue
            if size > covered:
                yield CheckedRange(name, covered, size, "not covered", None, "bytes behind the last link")
        if not self._ended:
            note = "no last link: the capture goes on, was cut off, or links were taken away"
            yield CheckedRange(self._chain.name, self._lines, self._lines, "chain open", None, note)


def _parse(line: bytes) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
