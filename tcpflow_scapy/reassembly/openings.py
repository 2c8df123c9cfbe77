"""Where connections of a pair of endpoints open: SYNs, and the SYN-ACKs that answer them (RFC 9293, 3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.reassembly.columns import first_rows
from tcpflow_scapy.reassembly.sequence import MODULUS
from tcpflow_scapy.reassembly.suspects import Suspects

Array = np.ndarray[Any, np.dtype[Any]]

REOPENED_AFTER = 1_000_000_000
"""Nanoseconds of silence after which a SYN with the ISN of a closed connection opens another one.

No stack leaves TIME-WAIT sooner (RFC 6191, 2); copies of a SYN made by a second tap come within less.
"""


@dataclass(slots=True)
class Openings:
    """One row for each, by first packet."""

    row: Array
    """int64: its first packet"""
    direction: Array
    """int64: who asked"""
    isn: Array
    """int64: of the side that asked"""
    proven: Array
    """bool: a SYN that a SYN-ACK answers"""
    answers: Array
    """int64[k, 2], ascending: opening, and each ISN that answers it"""

    def __len__(self) -> int:
        return len(self.row)


def find_openings(suspects: Suspects) -> Openings:
    """Group SYNs by side and ISN, and give each SYN-ACK to the SYN that it acknowledges.

    Of several SYNs with that ISN the last one before the SYN-ACK is meant. A SYN-ACK to which no SYN was
    captured is an opening by itself: its acknowledgment tells the ISN of the client.
    """
    asks, replies = suspects.syns(answer=False), suspects.syns(answer=True)
    side = suspects.side
    keys = _key(side[asks], suspects.sequence[asks])
    order = np.lexsort((asks, keys))
    keys, rows = keys[order], asks[order]
    begins = first_rows(keys)
    begins[1:] |= _reopened(suspects, rows[:-1], rows[1:])
    keys, rows = keys[begins], rows[begins]

    asked = _key(side[replies] ^ 1, suspects.acknowledgment[replies].astype(np.int64) - 1)
    found = _last_before(keys, rows, asked, replies, len(side))
    known = found >= 0
    alone = replies[~known]
    lone_keys = _key(side[alone], suspects.sequence[alone])
    _, heads, lone = np.unique(lone_keys, return_index=True, return_inverse=True)
    first = rows.copy()
    np.minimum.at(first, found[known], replies[known])

    answered = np.zeros(len(rows), bool)
    answered[found[known]] = True
    opening = found.copy()
    opening[~known] = len(rows) + lone
    numbers = suspects.sequence[replies].astype(np.int64)
    row = np.concatenate((first, alone[heads]))
    proven = np.concatenate((answered, np.zeros(len(heads), bool)))
    isn = np.concatenate((keys % MODULUS, (suspects.acknowledgment[alone[heads]].astype(np.int64) - 1) % MODULUS))
    direction = np.concatenate((suspects.direction[rows], 1 - suspects.direction[alone[heads]]))
    place = np.argsort(row, kind="stable")
    rank = np.empty(len(place), np.int64)
    rank[place] = np.arange(len(place))
    answers = np.unique(_key(rank[opening], numbers))
    return Openings(
        row[place],
        direction[place],
        isn[place],
        proven[place],
        np.stack((answers // MODULUS, answers % MODULUS), axis=1),
    )


def _key(number: Array, sequence: Array) -> Array:
    """One integer for a number and a sequence number."""
    return number.astype(np.int64) * MODULUS + sequence.astype(np.int64) % MODULUS


def _last_before(keys: Array, rows: Array, wanted: Array, at: Array, count: int) -> Array:
    """For each wanted key the last of its rows that is not after `at`, else the first; -1 without any.

    `keys`, then `rows`, are ascending; the answer is an index into them.
    """
    if not len(keys):
        return np.full(len(wanted), -1, np.int64)
    distinct = keys[first_rows(keys)]
    number = np.searchsorted(distinct, wanted)
    same = distinct[np.minimum(number, len(distinct) - 1)] == wanted
    places = np.searchsorted(distinct, keys) * (count + 1) + rows
    index = np.searchsorted(places, number * (count + 1) + at, side="right") - 1
    early = (index < 0) | (keys[np.maximum(index, 0)] != wanted)
    return np.where(same, index + early, -1)


def _reopened(suspects: Suspects, before: Array, syn: Array) -> Array:
    """bool: what began with the SYN `before` was answered and closed, a while before the same SYN came again."""
    quiet = suspects.time[syn] - suspects.time[np.maximum(syn - 1, 0)] >= REOPENED_AFTER
    found = (suspects.pair[syn] == suspects.pair[before]) & quiet & suspects.clocked[suspects.pair[syn]]
    rows = np.flatnonzero(found)
    found[rows] = suspects.closed_between(before[rows], syn[rows])
    return found
