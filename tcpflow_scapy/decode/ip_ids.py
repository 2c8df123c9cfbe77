"""The identification field of the IPv4 headers in front of TCP headers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store

from .packets import PacketTable

Array = np.ndarray[Any, np.dtype[Any]]

_SIZE = 20
_PLAIN = b"\x45"
_TCP = b"\x06"


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
    heads = store.slices(np.maximum(packets.header[rows] - _SIZE, 0).tolist(), [_SIZE] * len(rows))
    length = packets.data_offset[rows].astype(np.int64) + packets.wire_length[rows] + _SIZE
    found = [
        int.from_bytes(head[4:6], "big")
        if head[:1] == _PLAIN and head[9:10] == _TCP and int.from_bytes(head[2:4], "big") == size
        else -1
        for head, size in zip(heads, length.tolist(), strict=True)
    ]
    return np.array(found, np.int64)
