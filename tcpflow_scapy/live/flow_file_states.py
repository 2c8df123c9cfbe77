"""What is known of growing flow files, on disk: a record for each change, the newest counts."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.export.payload import Extents
from tcpflow_scapy.live.cold_columns import DiskColumn, DiskTable
from tcpflow_scapy.live.cold_index import KeyIndex

Array = np.ndarray[Any, np.dtype[Any]]

Identity = tuple[int, int, int]
"""Of a stream: key of its pair, address code and port of the sender, frame of its flow's first packet."""

_COLUMNS = {
    "key": np.uint64,
    "sender": np.uint64,
    "first": np.int64,
    "count": np.int64,
    "extents": np.int64,
    "check": np.uint32,
    "name": np.int64,
    "size": np.uint16,
}


@dataclass(slots=True)
class FileState:
    """What a file holds."""

    name: str = ""
    """relative to the folder; empty for one that is gone"""
    count: int = 0
    """how many names were passed over: the c in its name"""
    there: bool = False
    """whether it was written"""
    extents: int = 0
    """so many of its stream's extents are in it"""
    check: int = 0
    """where these lie"""
    place: int = -1
    """where the name is kept"""

    def take(self, other: FileState) -> None:
        """It is the same file, perhaps under another name."""
        self.there, self.extents, self.check = other.there, other.extents, other.check
        if self.name == other.name:
            self.place = other.place


def checksum(extents: Extents, count: int, time: int) -> int:
    """Of the first extents: which bytes of the capture lie where in the stream; and of the file's time."""
    value = time & 0xFFFFFFFF
    for column in (extents.offset, extents.length, extents.address):
        value = zlib.crc32(np.ascontiguousarray(column[:count]).data, value)
    return value


class FileStates:
    """States by identity.

    Parameters
    ----------
    folder : str
        For the files.
    """

    def __init__(self, folder: str) -> None:
        self._table = DiskTable(_COLUMNS, folder)
        self._names = DiskColumn(np.uint8, folder)
        self._index = KeyIndex(folder)
        self._news: list[tuple[int, int, int, int, int, int, int, int]] = []
        self._new_names: list[bytes] = []
        self._named = 0
        self._before: dict[Identity, tuple[str, int, int, int]] = {}

    def of(self, keys: Array) -> dict[Identity, FileState]:
        """The files of some pairs that are there."""
        rows = np.sort(self._index.find(keys)[1])
        columns = self._table.rows(rows)
        names = self._names.view()
        found: dict[Identity, FileState] = {}
        for key, sender, first, count, extents, check, place, size in zip(
            *(column.tolist() for column in columns.values()), strict=True
        ):
            if size:
                name = names[place : place + size].tobytes().decode("utf-8", "surrogateescape")
                found[key, sender, first] = FileState(name, count, True, extents, check, place)
            else:
                found.pop((key, sender, first), None)
        self._before = {i: (s.name, s.count, s.extents, s.check) for i, s in found.items()}
        return found

    def note(self, identity: Identity, state: FileState) -> None:
        """A state that may have changed since `of`."""
        now = (state.name, state.count, state.extents, state.check)
        if self._before.get(identity) == now:
            return
        name = state.name.encode("utf-8", "surrogateescape")
        if name and state.place < 0:
            state.place = self._named
            self._named += len(name)
            self._new_names.append(name)
        self._news.append(
            (*identity, state.count, state.extents, state.check, max(state.place, 0), len(name))
        )

    def write(self) -> None:
        """Bring what was noted to disk."""
        if not self._news:
            return
        first = len(self._table)
        columns = zip(*self._news, strict=True)
        part = {
            name: np.array(values, dtype)
            for (name, dtype), values in zip(_COLUMNS.items(), columns, strict=True)
        }
        self._names.append(np.frombuffer(b"".join(self._new_names), np.uint8))
        self._news, self._new_names = [], []
        self._table.append(part)
        self._index.append(part["key"], np.arange(first, len(self._table)))
        self._index.tidy()
