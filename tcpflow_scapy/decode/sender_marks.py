"""What grows from one segment of a sender to the next: TCP timestamps, identification of datagrams."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import OFFSET_MASK, Store

from .options import options_of
from .packets import PacketTable

Array = np.ndarray[Any, np.dtype[Any]]

_IP, _TCP = 20, 60
_PLAIN, _PROTOCOL = 0x45, 6
_CHUNK = 1 << 16
"""Rows read at a time: bounds the working memory."""


def sender_marks(packets: PacketTable, rows: Array, store: Store) -> tuple[Array, Array]:
    """Timestamp and IPv4 identification of some segments.

    Parameters
    ----------
    packets : PacketTable
    rows : ndarray of int
    store : Store

    Returns
    -------
    tsval : ndarray of int64
        RFC 7323, 3.2; -1 where absent.
    identification : ndarray of int64
        -1 where no IPv4 header without options lies in front of the TCP header: IPv6, datagrams made from
        fragments.
    """
    tsval, identification = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    for low in range(0, len(rows), _CHUNK):
        some = slice(low, low + _CHUNK)
        tsval[some], identification[some] = _marks(packets, rows[some], store)
    return tsval, identification


def _marks(packets: PacketTable, rows: Array, store: Store) -> tuple[Array, Array]:
    header, size = packets.header[rows], packets.data_offset[rows].astype(np.int64)
    where = header - _IP
    inside = (where & OFFSET_MASK) + _IP <= OFFSET_MASK
    memory = np.zeros((len(rows), _IP + _TCP), np.uint8)
    place = np.arange(len(rows)) * memory.shape[1]
    # Two ranges, which a file reads as one: in front of a datagram made from fragments there is nothing.
    store.copy(
        np.concatenate((np.where(inside, where, header), header)),
        np.concatenate((inside * _IP, size)),
        memory.reshape(-1),
        np.concatenate((place, place + _IP)),
    )
    length, number = memory[:, 2:6].reshape(-1, 2, 2).copy().view(">u2")[:, :, 0].T.astype(np.int64)
    plain = inside & (memory[:, 0] == _PLAIN) & (memory[:, 9] == _PROTOCOL)
    plain &= length == size + packets.wire_length[rows] + _IP
    return options_of(memory[:, _IP:], size)["tsval"], np.where(plain, number, -1)
