"""Copies that were damaged on the way, or never could be accepted: their checksum says so.

Checksums cost a look at every byte, so they are verified only where copies of the same bytes disagree.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.packets import PacketTable
from tcpflow_scapy.decode.segment_checksums import RIGHT, WRONG, verify_segments
from tcpflow_scapy.reassembly.assembler import Assembly, Pieces, assemble
from tcpflow_scapy.reassembly.columns import distinct, first_rows

Array = np.ndarray[Any, np.dtype[Any]]

_SAMPLE = 32
"""Other segments of a stream that are looked at before one of it is called damaged."""


def wrong_copies(packets: PacketTable, pieces: Pieces, stream: Array, found: Assembly, store: Store) -> Array:
    """Pieces with a wrong checksum that a piece with a right one contradicts.

    Parameters
    ----------
    stream : ndarray of int
        Of each piece.
    found : Assembly
        Of these pieces.

    Returns
    -------
    ndarray of bool
    """
    none = np.zeros(len(pieces.row), bool)
    rows = distinct(np.concatenate((found.conflict_row, found.conflict_winner)))
    verdict = verify_segments(packets, rows, store)
    if not ((verdict == WRONG).any() and (verdict == RIGHT).any()):
        return none
    wrong = np.isin(pieces.row, rows[verdict == WRONG])
    # What contradicts a right copy can be seen where right ones are delivered wherever there are any.
    concerned = np.zeros(int(stream.max()) + 1, bool)
    concerned[stream[wrong]] = True
    some = np.flatnonzero(concerned[stream])
    again = pieces.take(some)
    again.weak = again.weak | wrong[some]
    second = assemble(again, "first", store)
    winner = distinct(second.conflict_winner)
    right = winner[verify_segments(packets, winner, store) == RIGHT]
    beaten = second.conflict_row[np.isin(second.conflict_winner, right)]
    bad = wrong & np.isin(pieces.row, beaten)
    if bad.any():
        bad &= ~_all_wrong(packets, pieces, stream, bad, rows, store)[stream]
    return bad


def _all_wrong(
    packets: PacketTable, pieces: Pieces, stream: Array, bad: Array, rows: Array, store: Store
) -> Array:
    """bool for each stream: most of its other segments are wrong, too; its checksums say nothing.

    Network cards fill in checksums behind the place where a sender's own packets are captured.
    """
    out = np.zeros(int(stream.max()) + 1, bool)
    asked = out.copy()
    asked[stream[bad]] = True
    others = np.flatnonzero(asked[stream] & ~np.isin(pieces.row, rows))
    others = others[np.argsort(stream[others], kind="stable")]
    group = stream[others]
    heads = np.flatnonzero(first_rows(group))
    rank = np.arange(len(group)) - np.repeat(heads, np.diff(np.append(heads, len(group))))
    sample = others[rank < _SAMPLE]
    verdict = verify_segments(packets, pieces.row[sample], store)
    balance = np.bincount(stream[sample], weights=verdict, minlength=len(out))
    found: Array = balance < 0
    return found
