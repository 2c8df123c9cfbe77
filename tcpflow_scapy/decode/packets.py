"""Packets: one row of columns for every TCP segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .encapsulation_table import EncapsulationTable

Array = np.ndarray[Any, np.dtype[Any]]

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, AE = (1 << i for i in range(9))
"""TCP flag bits (RFC 9293, 3.1; AE is the former NS bit)."""

MAX_NESTED_DATAGRAMS = 8
"""How deep fragments may lie inside reassembled datagrams."""

IPV6_BASE = 1 << 32
"""Address codes from here up are numbers of interned IPv6 addresses."""


@dataclass(slots=True)
class AddressBook:
    """Addresses as integers: an IPv4 address is its own code, an IPv6 address is interned.

    The code of an IPv6 address is ``IPV6_BASE + index`` into `ipv6`, in order of first sight.
    """

    ipv6: list[bytes] = field(default_factory=list)
    _codes: dict[bytes, int] = field(default_factory=dict)

    def code(self, packed: bytes) -> int:
        """Code of a packed address (4 or 16 bytes)."""
        if len(packed) == 4:
            return int.from_bytes(packed, "big")
        found = self._codes.get(packed)
        if found is None:
            found = self._codes[packed] = IPV6_BASE + len(self.ipv6)
            self.ipv6.append(packed)
        return found

    def codes(self, packed: Sequence[bytes]) -> list[int]:
        """Codes of many packed addresses."""
        return list(map(self.code, packed))

    def knows(self, packed: bytes) -> bool:
        """Whether an address has a code; IPv4 addresses always have."""
        return len(packed) == 4 or packed in self._codes

    def packed(self, code: int) -> bytes:
        """The 4 or 16 bytes of an address code."""
        if code < IPV6_BASE:
            return int(code).to_bytes(4, "big")
        return self.ipv6[code - IPV6_BASE]


@dataclass(slots=True)
class Origins:
    """Where the bytes of reassembled IP datagrams came from, piece by piece."""

    start: Array
    """int64, ascending: store address of each piece in a buffer of reassembled datagrams"""
    length: Array
    """int64, bytes of the piece"""
    address: Array
    """int64, store address of the same bytes in the fragment"""
    frame: Array
    """int32, index into the `FrameTable` of the frame that carried the fragment"""
    step: Array | None = None
    """int64, 1 where the bytes are those at `address`, 0 where they were decompressed out of what begins
    there; None: 1 everywhere"""

    def find(self, addresses: Array) -> tuple[Array, Array]:
        """The frame and the place in the capture of any bytes.

        Parameters
        ----------
        addresses : ndarray of int64
            Store addresses, in reassembled datagrams or not.

        Returns
        -------
        frame : ndarray of int64
            -1 for addresses that lie in no reassembled datagram: those stand in a frame already.
        address : ndarray of int64
            Store addresses in a capture.
        """
        address = np.array(addresses, np.int64)
        frame = np.full(address.shape, -1, np.int64)
        # A fragment may itself lie in a reassembled datagram, so this is done until nothing moves.
        for _ in range(MAX_NESTED_DATAGRAMS + 1):
            piece = np.searchsorted(self.start, address, side="right") - 1
            skip = address - self.start[piece]
            inside = (piece >= 0) & (skip < self.length[piece])
            if not inside.any():
                break
            if self.step is not None:
                skip = skip * self.step[piece]
            address = np.where(inside, self.address[piece] + skip, address)
            frame = np.where(inside, self.frame[piece], frame)
        return frame, address

    def ranges(self, addresses: Array, lengths: Array) -> tuple[Array, Array, Array, Array, Array]:
        """Where ranges of bytes lie in the capture, cut where their pieces end.

        Parameters
        ----------
        addresses, lengths : ndarray of int64
            Store addresses, in reassembled datagrams or not.

        Returns
        -------
        row : ndarray of int64
            Index of the range that each part belongs to, ascending.
        skip : ndarray of int64
            Bytes of the range before the part.
        address : ndarray of int64
            Store address of the part in a capture; where bytes were decompressed, of what they came from.
        length : ndarray of int64
        compressed : ndarray of bool
            True where the bytes were decompressed.
        """
        row, skip = np.arange(len(addresses)), np.zeros(len(addresses), np.int64)
        address, length = np.array(addresses, np.int64), np.array(lengths, np.int64)
        compressed = np.zeros(len(addresses), bool)
        for _ in range(MAX_NESTED_DATAGRAMS + 1):
            first = np.searchsorted(self.start, address, side="right") - 1
            inside = (first >= 0) & (address - self.start[first] < self.length[first])
            if not inside.any():
                break
            last = np.searchsorted(self.start, address + length, side="left") - 1
            count = np.where(inside, last - first + 1, 1)
            part = np.repeat(np.arange(len(row)), count)
            nth = np.arange(len(part)) - np.repeat(np.cumsum(count) - count, count)
            piece, moved = first[part] + nth, inside[part]
            low = np.where(moved, np.maximum(address[part], self.start[piece]), address[part])
            high = address[part] + length[part]
            high = np.where(moved, np.minimum(high, self.start[piece] + self.length[piece]), high)
            row, skip, length = row[part], skip[part] + low - address[part], high - low
            compressed = compressed[part]
            into = low - self.start[piece]
            if self.step is not None:
                into *= self.step[piece]
                compressed |= moved & (self.step[piece] == 0)
            address = np.where(moved, self.address[piece] + into, low)
        return row, skip, address, length, compressed


@dataclass(slots=True)
class FragmentConflicts:
    """Versions of bytes of reassembled IP datagrams that differ: one row for each version."""

    number: Array
    """int32, the same for all versions of the same bytes"""
    start: Array
    """int64, store address of the first of these bytes in the reassembled datagram"""
    length: Array
    """int64"""
    frame: Array
    """int32, index into the `FrameTable` of the frame that carried this version"""
    address: Array
    """int64, store address of this version's bytes"""
    delivered: Array
    """bool, whether the reassembled datagram holds this version"""

    def __len__(self) -> int:
        return len(self.number)


@dataclass(slots=True)
class DatagramTable:
    """One row for every UDP datagram that is not the outside of a tunnel, in capture order."""

    frame: Array
    """int32, index into the `FrameTable`"""
    source: Array
    """uint64, address code << 16 | port"""
    destination: Array
    """uint64"""
    encapsulation: Array
    """int32, index into `encapsulations`"""
    address: Array
    """int64, store address of the payload"""
    length: Array
    """uint32, payload bytes that were captured"""
    wire_length: Array
    """uint32, payload bytes according to the headers"""
    encapsulations: EncapsulationTable
    addresses: AddressBook

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(slots=True)
class PacketTable:
    """One row for every TCP segment, in capture order. Columns are arrays of the same length."""

    frame: Array
    """int32, index into the `FrameTable` (frame number - 1); of a reassembled datagram: the frame that
    carried the TCP header"""
    source: Array
    """uint64, address code << 16 | port"""
    destination: Array
    """uint64"""
    encapsulation: Array
    """int32, index into `encapsulations`"""
    header: Array
    """int64, store address of the TCP header"""
    data_offset: Array
    """uint8, captured length of the TCP header in bytes (16 to 60): payload is at ``header + data_offset``"""
    sequence: Array
    """uint32"""
    acknowledgment: Array
    """uint32, meaningful where flags & ACK"""
    flags: Array
    """uint16, the nine flag bits"""
    window: Array
    """uint16, unscaled"""
    length: Array
    """uint32, payload bytes that were captured"""
    wire_length: Array
    """uint32, payload bytes according to the IP header; more than `length` where snaplen cut"""
    encapsulations: EncapsulationTable
    addresses: AddressBook
    datagrams: DatagramTable | None = None
    """UDP datagrams of the same capture"""
    origins: Origins | None = None
    """where the bytes of reassembled IP datagrams came from; None if there are none"""
    fragment_missing: Array | None = None
    """int64, ascending: rows whose IP datagram lacks a fragment. What follows their `length` bytes
    (up to `wire_length`, or beyond where the last fragment was never seen) is missing because of that."""
    fragment_conflicts: FragmentConflicts | None = None
    """fragments that contradict each other; None if there are none"""

    def __len__(self) -> int:
        return len(self.frame)


PACKET_DTYPES: dict[str, type] = {
    "frame": np.int32,
    "source": np.uint64,
    "destination": np.uint64,
    "encapsulation": np.int32,
    "header": np.int64,
    "data_offset": np.uint8,
    "sequence": np.uint32,
    "acknowledgment": np.uint32,
    "flags": np.uint16,
    "window": np.uint16,
    "length": np.uint32,
    "wire_length": np.uint32,
}

DATAGRAM_DTYPES: dict[str, type] = {
    "frame": np.int32,
    "source": np.uint64,
    "destination": np.uint64,
    "encapsulation": np.int32,
    "address": np.int64,
    "length": np.uint32,
    "wire_length": np.uint32,
}
