"""Payload of IPComp (RFC 3173) that was compressed with DEFLATE (RFC 2394)."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.fragments.plan import Plan
from tcpflow_scapy.decode.packets import Origins

from .made import MadeBytes

Array = np.ndarray[Any, np.dtype[Any]]

MAX_DATAGRAM = 65_535

LIMIT, RATIO = 1 << 28, 16
"""Bytes that all packets of a capture together may become, and how many more for each compressed byte: a
single packet of 64 bytes can hold 64 kB."""

IN_IP = (4, 41)
"""Protocols whose own header says how long they are: of these a beginning is worth something."""

_RAW = -15
"""Without zlib's header (RFC 2394, 2.2)"""

_CHUNK = 1024
"""Packets read at a time"""


class Inflater:
    """Decompresses packets, as far as a budget goes."""

    def __init__(self) -> None:
        self._left = LIMIT

    def inflate(
        self, table: dict[str, Array], store: Store
    ) -> tuple[dict[str, Array], Plan, Origins | None, Array]:
        """The packets that some fragments of kind ``DEFLATED`` hold.

        Parameters
        ----------
        table : dict of str to ndarray
            The fragments, their sources without kinds.
        store : Store
            Gets the bytes.

        Returns
        -------
        table : dict of str to ndarray
            As fragments that hold a whole datagram each.
        plan : Plan
            For these.
        origins : Origins or None
            Of the bytes made; None if there are none.
        unread : ndarray of int64
            Rows of `table` that came when the budget was used up.
        """
        good, unread = [], []
        length, wire = table["length"], table["wire_length"]
        prefix = (length < wire) & np.isin(table["offset"], IN_IP)
        with MadeBytes() as made:
            for first in range(0, len(length), _CHUNK):
                rows = range(first, min(first + _CHUNK, len(length)))
                part = slice(rows.start, rows.stop)
                packets = store.slices(table["address"][part].tolist(), length[part].tolist())
                for row, octets in zip(rows, packets, strict=True):
                    if self._left < 0:
                        unread.append(row)
                        continue
                    inflated = _inflated(octets, prefix=bool(prefix[row]))
                    self._left += RATIO * len(octets) - len(inflated)
                    if 0 < len(inflated) <= MAX_DATAGRAM:
                        made.append(inflated)
                        good.append(row)
            chosen = np.array(good, np.int64)
            late = np.array(unread, np.int64)
            rows_of = {name: column[chosen] for name, column in table.items()}
            if not good:
                return rows_of, Plan.empty(), None, late
            origins = made.give(store, rows_of["address"], rows_of["frame"])
        rows_of["protocol"] = rows_of["offset"].astype(np.uint8)
        rows_of["address"], rows_of["length"] = origins.start, origins.length
        rows_of["wire_length"] = origins.length
        return rows_of, Plan.of_datagrams(np.arange(len(good)), origins.length), origins, late


def _inflated(octets: bytes, *, prefix: bool) -> bytes:
    """What was compressed; nothing where that is damaged, or longer than a datagram can be."""
    engine = zlib.decompressobj(_RAW)
    try:
        found = engine.decompress(octets, MAX_DATAGRAM + 1)
    except zlib.error:
        return b""
    return found if prefix or (engine.eof and not engine.unused_data) else b""
