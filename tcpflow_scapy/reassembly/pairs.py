"""Packets to pairs of endpoints, exactly: no key here can collide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import DatagramTable, PacketTable
from tcpflow_scapy.reassembly.columns import spans
from tcpflow_scapy.reassembly.numbering import factorize_parts

Array = np.ndarray[Any, np.dtype[Any]]

PART_PACKETS = 1 << 18
"""Packets worked on at a time."""


def pair_packets(
    packets: PacketTable | DatagramTable, ignore_vlan: bool, ignore_encapsulation: bool = False
) -> tuple[Array, Array, int]:
    """Give each packet the number of its pair of endpoints and its direction.

    Parameters
    ----------
    packets : PacketTable or DatagramTable
    ignore_vlan : bool
        Leave VLAN ids out of the key.
    ignore_encapsulation : bool
        Leave tunnels out of it, too.

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
    direction = np.empty(n, np.uint8)
    keys = packets.encapsulations.key_numbers(ignore_vlan=ignore_vlan)
    if ignore_encapsulation:
        keys = np.zeros_like(keys)
    pair, count = factorize_parts(_pair_keys(packets, keys, direction), n)
    return pair, direction, count


def _pair_keys(
    packets: PacketTable | DatagramTable, keys: Array, direction: Array
) -> Iterator[tuple[Array, ...]]:
    """What tells the pair of each packet, part by part: both endpoints, and where they differ the tunnels.

    Notes in `direction` who sent it.
    """
    several = len(keys) > 0 and keys.max() > 0
    for rows in spans(len(direction), PART_PACKETS):
        source, destination = packets.source[rows], packets.destination[rows]
        np.greater(source, destination, out=direction[rows], casting="unsafe")
        ends = np.minimum(source, destination), np.maximum(source, destination)
        yield (*ends, keys[packets.encapsulation[rows]]) if several else ends
