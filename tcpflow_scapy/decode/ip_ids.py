"""The identification field of the IPv4 headers in front of TCP headers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import OFFSET_MASK, Store

from .options import rows_of_bytes
from .packets import PacketTable

Array = np.ndarray[Any, np.dtype[Any]]

_SIZE = 20
_PLAIN, _TCP = 0x45, 6


def ip_identifications(packets: PacketTable, rows: Array, store: Store) -> Array:
    """Identification of the datagrams that carried some segments.

    Parameters
    ----------
    packets : PacketTable
    rows : ndarray of int
    store : Store

    Returns
    -------
    ndarray of int64
        -1 where no IPv4 header without options lies in front of the TCP header: IPv6, datagrams made from
        fragments.
    """
    where = packets.header[rows] - _SIZE
    inside = (where & OFFSET_MASK) + _SIZE <= OFFSET_MASK
    size = np.full(len(rows), _SIZE)
    head = rows_of_bytes(store, np.where(inside, where, packets.header[rows]), size, _SIZE).astype(np.int64)
    length = packets.data_offset[rows].astype(np.int64) + packets.wire_length[rows] + _SIZE
    good = inside & (head[:, 0] == _PLAIN) & (head[:, 9] == _TCP) & (head[:, 2] << 8 | head[:, 3] == length)
    found: Array = np.where(good, head[:, 4] << 8 | head[:, 5], -1)
    return found
