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
    refused: Array
    """bool: a SYN that a reset answers, as a port that is closed does (RFC 9293, 3.10.7.1)"""
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
    side, number = suspects.side, suspects.acknowledgment.astype(np.int64) - 1
    asked = _key(side[replies] ^ 1, number[replies])
    keys, rows, _ = _grouped(suspects, asks, _key(side[asks], suspects.sequence[asks]), replies, asked)
    found = _last_before(keys, rows, asked, replies, len(side))
    # Data in a SYN may be acknowledged with it (RFC 7413, 4.2.2).
    carrying = np.flatnonzero(suspects.length[rows] > 0)
    if len(carrying):
        ends = keys[carrying] - keys[carrying] % MODULUS
        ends += (keys[carrying] + suspects.length[rows[carrying]]) % MODULUS
        order = np.lexsort((rows[carrying], ends))
        again = _last_before(ends[order], rows[carrying][order], asked, replies, len(side))
        found = np.where((found < 0) & (again >= 0), carrying[order][again], found)
    known = np.flatnonzero(found >= 0)
    early = np.minimum(rows[found[known]], replies[known])
    late = np.maximum(rows[found[known]], replies[known])
    found[known[_reopened(suspects, early, late)]] = -1
    alone = replies[found < 0]
    lone_keys = _key(side[alone], suspects.sequence[alone])
    _, heads, lone = _grouped(suspects, alone, lone_keys, alone, lone_keys)

    opening = found.copy()
    opening[found < 0] = len(rows) + lone
    proven = np.zeros(len(rows) + len(heads), bool)
    proven[found[found >= 0]] = True
    refused = np.zeros(len(proven), bool)
    resets = suspects.refusals()
    asked = _key(side[resets] ^ 1, number[resets])
    met = _last_before(keys, rows, asked, resets, len(side))
    refused[met[met >= 0]] = True
    row = np.concatenate((rows, heads))
    np.minimum.at(row, opening, replies)
    isn = np.concatenate((keys % MODULUS, number[heads] % MODULUS))
    direction = np.concatenate((suspects.direction[rows], 1 - suspects.direction[heads]))
    place = np.argsort(row, kind="stable")
    rank = np.empty(len(place), np.int64)
    rank[place] = np.arange(len(place))
    answers = np.unique(_key(rank[opening], suspects.sequence[replies]))
    return Openings(
        row[place],
        direction[place],
        isn[place],
        proven[place],
        refused[place],
        np.stack((answers // MODULUS, answers % MODULUS), axis=1),
    )


def _grouped(
    suspects: Suspects, rows: Array, keys: Array, replies: Array, asked: Array
) -> tuple[Array, Array, Array]:
    """SYNs of one key, or what of them belongs to one connection: key and first row, and the group of each.

    `replies` answer the keys `asked`.
    """
    order = np.lexsort((rows, keys))
    keys, ordered = keys[order], rows[order]
    begins = first_rows(keys)
    last = np.lexsort((replies, asked))
    index = np.searchsorted(asked[last], keys, side="right") - 1
    safe = np.maximum(index, 0)
    answered = np.zeros(len(keys), bool)
    if len(last):
        answered = (index >= 0) & (asked[last[safe]] == keys) & (replies[last[safe]] >= ordered)
    begins[1:] |= _reopened(suspects, ordered[:-1], ordered[1:], answered[1:])
    group = np.empty(len(rows), np.int64)
    group[order] = np.cumsum(begins) - 1
    return keys[begins], ordered[begins], group


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
    found: Array = np.where(same, index + early, -1)
    return found


def _reopened(suspects: Suspects, before: Array, syn: Array, answered: Array | None = None) -> Array:
    """bool: what began with the SYN `before` was closed, a while before the same SYN came again.

    One FIN is enough where the SYN was `answered` again.
    """
    quiet = suspects.time[syn] - suspects.time[np.maximum(syn - 1, 0)] >= REOPENED_AFTER
    found: Array = (
        (suspects.pair[syn] == suspects.pair[before]) & quiet & suspects.clocked[suspects.pair[syn]]
    )
    rows = np.flatnonzero(found)
    closed = suspects.closed_between(before[rows], syn[rows])
    if answered is not None:
        closed |= answered[rows] & suspects.ended_between(before[rows], syn[rows])
    found[rows] = closed
    return found
