"""TCP packets whose headers were compressed, expanded one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.fragments.plan import Plan
from tcpflow_scapy.decode.packets import Origins
from tcpflow_scapy.decode.pieces import Kind, kinds, untagged

from .lines import PROTOCOL_TCP, Lines, read_change
from .made import MadeBytes

Array = np.ndarray[Any, np.dtype[Any]]

HEADERS = 120
"""Bytes of an IP and a TCP header with all options"""

MAX_PACKET = 65_535

_CHUNK = 1024
"""Packets read at a time"""


def expand(
    table: dict[str, Array], store: Store, lines: Lines
) -> tuple[dict[str, Array], Plan, Origins | None]:
    """The packets that can be rebuilt from fragments of kinds ``LINE_STATE`` and ``LINE_CHANGE``.

    Each depends on the one before it, so this is a loop. A packet that snaplen cut cannot be proved: it is
    lost, with those that follow it on its connection up to the next full header.

    Parameters
    ----------
    table : dict of str to ndarray
        The fragments, in order of capture.
    store : Store
        Where their bytes are; gets the headers.
    lines : Lines
        What is known from before; brought up to date.

    Returns
    -------
    table : dict of str to ndarray
        Pieces of TCP segments: a header that was made, and payload in the capture.
    plan : Plan
        For these.
    origins : Origins or None
        Of the headers; None if there are none.
    """
    rows, skips, ends = [], [], []
    changes = kinds(table["source"]) == Kind.LINE_CHANGE
    columns = (table["state"], untagged(table["source"]), table["destination"])
    line_of = [lines.line(*road) for road in zip(*(column.tolist() for column in columns), strict=True)]
    full = np.flatnonzero(~changes)
    for row, packet in _packets(table, full, store, HEADERS):
        line_of[row].announce(packet)
    with MadeBytes() as made:
        for row, packet in _packets(table, np.arange(len(changes)), store):
            if not changes[row]:
                line_of[row].remember(packet)
                continue
            change = read_change(packet)
            found = None if change is None else line_of[row].expand(change, packet[change.size :])
            if change is None or found is None:
                continue
            connection, header = found
            made.append(header)
            rows.append(row)
            skips.append(change.size)
            ends.append((connection.source, connection.destination))
        chosen = np.array(rows, np.int64)
        if not rows:
            return {name: column[chosen] for name, column in table.items()}, Plan.empty(), None
        origins = made.give(store, table["address"][chosen], table["frame"][chosen])
    return *_pieces(table, chosen, np.array(skips, np.int64), np.array(ends, np.uint64), origins), origins


def _packets(
    table: dict[str, Array], rows: Array, store: Store, limit: int = MAX_PACKET
) -> Iterator[tuple[int, bytes]]:
    """Rows and the bytes of their packets, at most `limit` of each."""
    for first in range(0, len(rows), _CHUNK):
        part = rows[first : first + _CHUNK]
        length = np.minimum(table["length"][part], limit)
        packets = store.slices(table["address"][part].tolist(), length.tolist())
        yield from zip(part.tolist(), map(bytes, packets), strict=True)


def _pieces(
    table: dict[str, Array], chosen: Array, skip: Array, ends: Array, origins: Origins
) -> tuple[dict[str, Array], Plan]:
    """Headers and payloads by turns; no piece where there is no payload."""
    length = table["length"][chosen] - skip
    there = np.ones(2 * len(chosen), bool)
    there[1::2] = length > 0
    found = {name: np.repeat(column[chosen], 2)[there] for name, column in table.items()}

    def woven(header: Array, payload: Array) -> Array:
        both: Array = np.stack((header, payload), 1).ravel()[there]
        return both

    found["source"], found["destination"] = (np.repeat(column, 2)[there] for column in ends.T)
    found["address"] = woven(origins.start, table["address"][chosen] + skip)
    found["length"] = found["wire_length"] = woven(origins.length, length)
    found["protocol"] = np.full(len(found["length"]), PROTOCOL_TCP, np.uint8)
    first = (np.cumsum(there) - 1)[::2]
    return found, Plan.of_datagrams(first, found["length"])
