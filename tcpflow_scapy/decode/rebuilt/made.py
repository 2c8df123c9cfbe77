"""Bytes that stand in no capture, in a file without a name."""

from __future__ import annotations

import mmap
import tempfile
from types import TracebackType
from typing import IO, Any

import numpy as np

from tcpflow_scapy.capture.frames import BATCH_PADDING
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.packets import Origins

Array = np.ndarray[Any, np.dtype[Any]]

NAME = "decompressed packets"


class MadeBytes:
    """Collects bytes, then gives them to a store."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="tcpflow-scapy-")  # noqa: SIM115
        self._lengths: list[int] = []

    def __enter__(self) -> MadeBytes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A mapping keeps the nameless file alive.
        self._file.close()

    def append(self, octets: bytes) -> None:
        """Add the bytes of one packet, not empty."""
        self._file.write(octets)
        self._lengths.append(len(octets))

    def give(self, store: Store, address: Array, frame: Array) -> Origins:
        """Put all of them into a store.

        Parameters
        ----------
        store : Store
        address : ndarray of int64
            For each `append`, the store address of what the bytes were made of.
        frame : ndarray of int
            The frame that carried it.

        Returns
        -------
        Origins
            A piece for each `append`.
        """
        self._file.write(bytes(BATCH_PADDING))
        self._file.flush()
        base = store.add(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ), NAME)
        length = np.array(self._lengths, np.int64)
        start = base + np.cumsum(length) - length
        return Origins(start, length, address, frame, np.zeros(len(length), np.int64))
