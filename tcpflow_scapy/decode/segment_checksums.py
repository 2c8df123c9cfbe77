"""The TCP checksums of some segments, verified when their contents are in doubt."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store

from .checksum import address_sum, fold, sums
from .packets import PacketTable

Array = np.ndarray[Any, np.dtype[Any]]

RIGHT, UNKNOWN, WRONG = 1, 0, -1

_TCP = 6
_CHECKSUM = 16
"""where in the header it stands"""
_CHUNK = 1 << 24
"""Bytes read at a time."""


def verify_segments(packets: PacketTable, rows: Array, store: Store) -> Array:
    """Whether the checksums of some segments are right.

    Parameters
    ----------
    packets : PacketTable
    rows : ndarray of int
        Which of its rows.
    store : Store
        Where they lie.

    Returns
    -------
    ndarray of int8
        `RIGHT`, `WRONG`, or `UNKNOWN`: segments that were not captured whole, and those whose checksum the
        sender left to its network card (the field holds the sum of the pseudo header, or nothing).
    """
    out = np.zeros(len(rows), np.int8)
    whole = np.flatnonzero(packets.length[rows] == packets.wire_length[rows])
    size = packets.data_offset[rows[whole]].astype(np.int64) + packets.length[rows[whole]]
    part = np.cumsum(size) // _CHUNK
    for number in range(int(part[-1]) + 1 if len(part) else 0):
        low, high = np.searchsorted(part, (number, number + 1)).tolist()
        some = whole[low:high]
        out[some] = _verify(packets, rows[some], size[low:high], store)
    return out


def _verify(packets: PacketTable, rows: Array, size: Array, store: Store) -> Array:
    chunks = store.slices(packets.header[rows].tolist(), size.tolist())
    memory = np.frombuffer(b"".join([*chunks, b"\0"]), np.uint8)
    start = np.cumsum(size) - size
    # A header whose options were cut off says another length than its row.
    intact = (memory[start + 12] >> 4).astype(np.int64) << 2 == packets.data_offset[rows]
    addresses = np.full(len(rows), _TCP, np.uint64)
    for endpoint in (packets.source[rows], packets.destination[rows]):
        addresses += address_sum(packets.addresses, endpoint >> np.uint64(16))
    length = size.astype(np.uint64)
    pseudo = fold(addresses + (length & np.uint64(0xFFFF)) + (length >> np.uint64(16)))
    total = fold(pseudo + sums(memory, start, start + size))
    place = start + _CHECKSUM
    stored = memory[place].astype(np.uint64) << np.uint64(8) | memory[place + 1]
    left_to_card = (stored == 0) | (stored == pseudo) | (stored == fold(addresses))
    found: Array = np.where(total == 0xFFFF, RIGHT, np.where(left_to_card, UNKNOWN, WRONG)).astype(np.int8)
    found[~intact] = UNKNOWN
    return found
