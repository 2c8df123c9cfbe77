"""IPv6 addresses of a running capture: as many as come, in as much memory as the latest need."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, cast, overload

import numpy as np

from tcpflow_scapy.decode.packets import IPV6_BASE, AddressBook
from tcpflow_scapy.live.cold_columns import DiskColumn
from tcpflow_scapy.live.cold_index import KeyIndex
from tcpflow_scapy.live.engine_hot import pair_keys

Array = np.ndarray[Any, np.dtype[Any]]

RECENT = 1 << 16
"""Addresses whose codes are at hand."""

WIDTH = 16


class _Packed(Sequence[bytes]):
    """Packed addresses on disk, as a list."""

    def __init__(self, folder: str) -> None:
        self.column = DiskColumn(np.uint8, folder)

    def __len__(self) -> int:
        return len(self.column) // WIDTH

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        at = index % len(self) * WIDTH
        return self.column.view()[at : at + WIDTH].tobytes()


class ColdAddressBook(AddressBook):
    """As `AddressBook`, on disk.

    Parameters
    ----------
    folder : str
        For the files.
    """

    def __init__(self, folder: str) -> None:
        self._packed = _Packed(folder)
        # All that is asked of it is to be indexed and counted.
        self.ipv6 = cast("list[bytes]", self._packed)
        self._index = KeyIndex(folder)
        self._salt = secrets.randbits(63)
        self._recent: dict[bytes, int] = {}

    def code(self, packed: bytes) -> int:
        """Code of a packed address."""
        return int.from_bytes(packed, "big") if len(packed) == 4 else self.codes([packed])[0]

    def codes(self, packed: Sequence[bytes]) -> list[int]:
        """Codes of packed IPv6 addresses."""
        recent = self._recent
        unknown = list(dict.fromkeys(address for address in packed if address not in recent))
        if unknown:
            if len(recent) + len(unknown) > RECENT:
                self._recent = recent = {address: recent[address] for address in packed if address in recent}
            recent.update(zip(unknown, self._look_up(unknown), strict=True))
        return [recent[address] for address in packed]

    def _look_up(self, addresses: list[bytes]) -> list[int]:
        """Codes of distinct addresses; those that are new get one."""
        codes = self._known(addresses)
        new = [place for place, code in enumerate(codes) if code < 0]
        if new:
            first = len(self._packed)
            raw = b"".join([addresses[place] for place in new])
            self._packed.column.append(np.frombuffer(raw, np.uint8))
            rows = np.arange(first, first + len(new))
            self._index.append(self._keys(raw), rows)
            self._index.tidy()
            for place, row in zip(new, rows.tolist(), strict=True):
                codes[place] = IPV6_BASE + row
        return codes

    def _known(self, addresses: list[bytes]) -> list[int]:
        """Codes of addresses, -1 for those that are new."""
        keys = self._keys(b"".join(addresses))
        distinct, number = np.unique(keys, return_inverse=True)
        which, rows = self._index.find(distinct)
        candidates: dict[int, list[int]] = {}
        for key, row in zip(which.tolist(), rows.tolist(), strict=True):
            candidates.setdefault(key, []).append(row)
        codes = [-1] * len(addresses)
        for place, key in enumerate(number.reshape(-1).tolist()):
            for row in candidates.get(key, ()):
                # Two addresses can share a key.
                if self._packed[row] == addresses[place]:
                    codes[place] = IPV6_BASE + row
        return codes

    def _keys(self, raw: bytes) -> Array:
        halves = np.frombuffer(raw, np.uint64).reshape(-1, 2)
        return pair_keys(halves[:, 0], halves[:, 1], self._salt)

    def packed(self, code: int) -> bytes:
        """The 4 or 16 bytes of an address code."""
        return int(code).to_bytes(4, "big") if code < IPV6_BASE else self._packed[code - IPV6_BASE]

    def knows(self, packed: bytes) -> bool:
        """Whether an address has a code; IPv4 addresses always have."""
        return len(packed) == 4 or packed in self._recent or self._known([packed])[0] >= 0
