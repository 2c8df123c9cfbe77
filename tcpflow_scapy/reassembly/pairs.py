"""Packets to pairs of endpoints, exactly: no key here can collide."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import EncapsulationTable, PacketTable
from tcpflow_scapy.reassembly.columns import factorize

Array = np.ndarray[Any, np.dtype[Any]]


def encapsulation_keys(table: EncapsulationTable, ignore_vlan: bool) -> Array:
    """Number of the connection key of each encapsulation: int32[len(table.rows)]."""
    seen: dict[tuple[str, ...], int] = {}
    numbers = np.zeros(len(table.rows), np.int32)
    for i, row in enumerate(table.rows):
        key = row.key
        if ignore_vlan:
            key = tuple(part for part in key if not part.startswith("vlan"))
        numbers[i] = seen.setdefault(key, len(seen))
    return numbers


def pair_packets(packets: PacketTable, ignore_vlan: bool) -> tuple[Array, Array, int]:
    """Give each packet the number of its pair of endpoints and its direction.

    Parameters
    ----------
    packets : PacketTable
    ignore_vlan : bool
        Leave VLAN ids out of the key.

    Returns
    -------
    pair : ndarray of int32
        In order of first packet.
    direction : ndarray of uint8
        0 or 1: which of the two endpoints sent it.
    count : int
        How many pairs there are.
    """
    n = len(packets)
    if n == 0:
        return np.empty(0, np.int32), np.empty(0, np.uint8), 0
    codes, _ = factorize(np.concatenate((packets.source, packets.destination)))
    low = np.minimum(codes[:n], codes[n:])
    high = np.maximum(codes[:n], codes[n:])
    direction = (codes[:n] > codes[n:]).view(np.uint8)
    del codes
    low <<= 32
    low |= high
    del high
    pair, count = factorize(low)
    keys = encapsulation_keys(packets.encapsulations, ignore_vlan)
    if len(keys) and keys.max() > 0:
        width = int(keys.max()) + 1
        pair, count = factorize(pair * width + keys[packets.encapsulation])
    return pair.astype(np.int32), direction, count
