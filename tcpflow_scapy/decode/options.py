"""TCP options (RFC 9293, 3.2; RFC 7323; RFC 2018), read when somebody asks for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store

from .packets import PacketTable

Array = np.ndarray[Any, np.dtype[Any]]

END, NOP, MSS, WINDOW_SCALE, SACK_PERMITTED, SACK, TIMESTAMPS = 0, 1, 2, 3, 4, 5, 8

MAX_SACK_BLOCKS = 4

_USUAL = np.array([NOP, NOP, TIMESTAMPS, 10], np.uint8)

_FIXED = 20
_SPACE = 40
_CHUNK = 1 << 16
"""Rows read at a time: bounds the working memory."""


def tcp_options(packets: PacketTable, rows: Array, store: Store) -> dict[str, Array]:
    """The options of some segments, by column.

    Parameters
    ----------
    packets : PacketTable
    rows : ndarray of int
        Which of its rows.
    store : Store
        Where their headers lie.

    Returns
    -------
    dict of str to ndarray
        One row for each of `rows`; where an option occurs twice, the last counts:

        - ``mss``: int32, bytes, -1 where absent
        - ``window_scale``: int16, shift count, -1 where absent
        - ``sack_permitted``: bool
        - ``sack_count``: uint8, blocks in ``sack_left`` and ``sack_right``
        - ``sack_left``, ``sack_right``: uint32, shape (n, 4), sequence numbers, half open
        - ``tsval``, ``tsecr``: int64, -1 where absent

    Notes
    -----
    Options that are damaged or were cut off end the list; those before them count.
    """
    columns = _absent(len(rows))
    size = packets.data_offset[rows].astype(np.int64) - _FIXED
    address = packets.header[rows] + _FIXED
    some = np.flatnonzero(size > 0)
    for first in range(0, len(some), _CHUNK):
        index = some[first : first + _CHUNK]
        _walk(columns, index, rows_of_bytes(store, address[index], size[index], _SPACE), size[index])
    return columns


def options_of(headers: Array, size: Array) -> dict[str, Array]:
    """The same, of headers that were read already.

    Parameters
    ----------
    headers : ndarray of uint8, shape (n, 60)
        TCP headers.
    size : ndarray of int64
        Bytes of each.
    """
    columns = _absent(len(headers))
    some = np.flatnonzero(size > _FIXED)
    _walk(columns, some, headers[some, _FIXED:], size[some] - _FIXED)
    return columns


def _absent(n: int) -> dict[str, Array]:
    return {
        "mss": np.full(n, -1, np.int32),
        "window_scale": np.full(n, -1, np.int16),
        "sack_permitted": np.zeros(n, bool),
        "sack_count": np.zeros(n, np.uint8),
        "sack_left": np.zeros((n, MAX_SACK_BLOCKS), np.uint32),
        "sack_right": np.zeros((n, MAX_SACK_BLOCKS), np.uint32),
        "tsval": np.full(n, -1, np.int64),
        "tsecr": np.full(n, -1, np.int64),
    }


def rows_of_bytes(store: Store, address: Array, size: Array, width: int) -> Array:
    """Bytes of headers as a matrix of `width` columns; what lies behind the size of each is not meant."""
    matrix = np.zeros((len(address), width), np.uint8)
    store.copy(address, np.minimum(size, width), matrix.reshape(-1), np.arange(len(address)) * width)
    return matrix


def _walk(columns: dict[str, Array], rows: Array, data: Array, size: Array) -> None:
    """Step through all option lists together."""
    active = np.arange(len(rows))
    at = np.zeros(len(rows), np.int64)
    # Most segments carry timestamps, laid out as RFC 7323 recommends (appendix A).
    usual = np.flatnonzero((size >= len(_USUAL) + 8) & (data[:, : len(_USUAL)] == _USUAL).all(axis=1))
    stamps = data[usual, len(_USUAL) : len(_USUAL) + 8].view(">u4")
    columns["tsval"][rows[usual]], columns["tsecr"][rows[usual]] = stamps[:, 0], stamps[:, 1]
    at[usual] = len(_USUAL) + 8
    for _ in range(_SPACE):
        active = active[at[active] < size[active]]
        active = active[data[active, at[active]] != END]
        if not len(active):
            return
        kind = data[active, at[active]]
        nop = kind == NOP
        at[active[nop]] += 1
        long, kind = active[~nop], kind[~nop]
        inside = at[long] + 2 <= size[long]
        long, kind = long[inside], kind[inside]
        length = data[long, at[long] + 1].astype(np.int64)
        inside = (length >= 2) & (at[long] + length <= size[long])
        long, kind, length = long[inside], kind[inside], length[inside]
        _read(columns, rows, data, at, long, kind, length)
        at[long] += length
        active = np.concatenate([active[nop], long])


def _read(
    columns: dict[str, Array], rows: Array, data: Array, at: Array, index: Array, kind: Array, length: Array
) -> None:
    """Note one option of each list."""

    def those(wanted: int, size: int) -> Array:
        found: Array = index[(kind == wanted) & (length == size)]
        return found

    def word(found: Array, skip: int, size: int) -> Array:
        value = np.zeros(len(found), np.int64)
        for i in range(size):
            value = value << 8 | data[found, at[found] + skip + i]
        return value

    found = those(MSS, 4)
    columns["mss"][rows[found]] = word(found, 2, 2)
    found = those(WINDOW_SCALE, 3)
    columns["window_scale"][rows[found]] = word(found, 2, 1)
    columns["sack_permitted"][rows[those(SACK_PERMITTED, 2)]] = True
    found = those(TIMESTAMPS, 10)
    columns["tsval"][rows[found]] = word(found, 2, 4)
    columns["tsecr"][rows[found]] = word(found, 6, 4)
    if (kind == SACK).any():
        for count in range(1, MAX_SACK_BLOCKS + 1):
            found = those(SACK, 2 + 8 * count)
            columns["sack_count"][rows[found]] = count
            for block in range(count):
                columns["sack_left"][rows[found], block] = word(found, 2 + 8 * block, 4)
                columns["sack_right"][rows[found], block] = word(found, 6 + 8 * block, 4)
