"""The bytes behind flows of a running capture: the spool's files, and datagrams put together so far.

A finished capture has one buffer of reassembled datagrams for each round of their reassembly. A running one
would have one for every moment at which a datagram became whole; so all of them lie in one that grows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import ADDRESS_SHIFT, OFFSET_MASK, Store
from tcpflow_scapy.decode.fragments.buffer import NAME, SLOT_BITS, PieceBuffer
from tcpflow_scapy.decode.packets import Origins
from tcpflow_scapy.decode.rebuilt.made import NAME as MADE_NAME
from tcpflow_scapy.live.cold_columns import DiskColumn, DiskTable
from tcpflow_scapy.live.parked_files import SpoolStore

Array = np.ndarray[Any, np.dtype[Any]]

DATAGRAMS = 1 << 18
"""Number of the buffer of datagrams: above those of all files."""

MADE = DATAGRAMS - 1
"""Number of the buffer of bytes that stand in no frame."""

_PIECES = {"start": np.int64, "length": np.int64, "address": np.int64}


class LiveStore(SpoolStore):
    """Files that grow, and one buffer of datagrams.

    Parameters
    ----------
    folder : str
        For the list of the datagrams' pieces.
    owner : callable, optional
        As for `SpoolStore`.
    """

    def __init__(self, folder: str, owner: Callable[[], object] | None = None) -> None:
        super().__init__(owner)
        self._pieces = DiskTable(_PIECES, folder)
        self._frames = DiskColumn(np.int32, folder)
        self._made = DiskColumn(np.uint8, folder)
        self._slots = 0
        self._datagrams: PieceBuffer | None = None

    def add(self, buffer: Any, name: str) -> int:
        """Add a file's buffer; for datagrams, give the address of the first free slot."""
        if name == NAME:
            return (DATAGRAMS << ADDRESS_SHIFT) + (self._slots << SLOT_BITS)
        if name == MADE_NAME:
            at = len(self._made)
            self._made.append(np.frombuffer(buffer, np.uint8))
            return (MADE << ADDRESS_SHIFT) + at
        return super().add(buffer, name)

    def replace(self, address: int, buffer: Any) -> None:
        """A file that grew; datagrams that were put together join those that are there."""
        if not isinstance(buffer, PieceBuffer):
            super().replace(address, buffer)
            return
        start, length, places = buffer.pieces()
        start = start + (address & OFFSET_MASK)
        self._pieces.append({"start": start, "length": length, "address": places})
        if len(start):
            self._slots = (int(start[-1]) >> SLOT_BITS) + 1
        self._datagrams = None

    def note_frames(self, origins: Origins) -> None:
        """Which frame carried each piece of the datagrams that came since the last call."""
        self._frames.append(origins.frame[origins.start >> ADDRESS_SHIFT == DATAGRAMS])

    def origins(self) -> Origins | None:
        """Where the bytes of all datagrams came from; None if there are none."""
        count = len(self._frames)
        if not count:
            return None
        start, length, address = (column[:count] for column in self._pieces.views().values())
        return Origins(start + (DATAGRAMS << ADDRESS_SHIFT), length, address, self._frames.view())

    def snapshot(self) -> Store:
        """The files as they are now, without datagrams."""
        store = SpoolStore(shelf=self._shelf)
        for number in range(super().__len__()):
            store.add(self._buffers[number], self._names[number])
        return store

    def __len__(self) -> int:
        return super().__len__() + (self._slots > 0)

    def name(self, address: int) -> str:
        """As `Store.name`."""
        number = address >> ADDRESS_SHIFT
        return {DATAGRAMS: NAME, MADE: MADE_NAME}.get(number) or super().name(address)

    def slices(self, addresses: Sequence[int], lengths: Sequence[int]) -> list[bytes]:
        """As `Store.slices`, whose short cuts hold only where all buffers are files."""
        if not self._slots:
            return super().slices(addresses, lengths)
        return [self.read(address, length) for address, length in zip(addresses, lengths, strict=True)]

    def _whole(self, number: int) -> Any:
        if number == MADE:
            return self._made.view()
        if number != DATAGRAMS:
            return super()._whole(number)
        if self._datagrams is None:
            self._datagrams = PieceBuffer(self, *self._pieces.views().values())
        return self._datagrams
