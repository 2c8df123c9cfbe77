"""Which fragments belong to the same datagram.

The header says: those with the same addresses, protocol and identification, on the same road. But the
identification has 16 bits in IPv4 and comes again, after a second on a fast line. What lies far apart in
time is told apart by time; datagrams that follow each other whole are told apart by their repetition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.exact import distinct_rows
from tcpflow_scapy.decode.packets import IPV6_BASE

Array = np.ndarray[Any, np.dtype[Any]]

TIMEOUT = 60 * 10**9
"""Nanoseconds after which a fragment belongs to another datagram (RFC 1122, 3.3.2: 60 to 120 s)"""

OFFSET_BITS = 17
_ROOM = 1 << (62 - OFFSET_BITS)


@dataclass(slots=True)
class Lineup:
    """Fragments by datagram, place in it, and time."""

    index: Array
    """int64, which fragment"""
    new: Array
    """bool, whether it is the first of its datagram"""
    offset: Array
    wire_length: Array
    length: Array
    more: Array

    def __len__(self) -> int:
        return len(self.index)

    def end(self) -> Array:
        """Where each fragment ends in its datagram."""
        return self.offset + self.wire_length

    def keep(self, chosen: Array) -> Lineup:
        """Only some fragments (a boolean mask)."""
        # The next one that stays takes over being the first.
        number = np.cumsum(self.new)[chosen]
        new = np.ones(len(number), bool)
        new[1:] = number[1:] != number[:-1]
        index = np.flatnonzero(chosen)
        columns = (self.offset, self.wire_length, self.length, self.more)
        return Lineup(self.index[index], new, *(column[index] for column in columns))


def line_up(table: dict[str, Array], index: Array, keys: Array) -> Lineup:
    """Sort fragments into datagrams.

    Parameters
    ----------
    table : dict of str to ndarray
        Fragments, with the columns of `plan.FRAGMENT_DTYPES`, in capture order.
    index : ndarray of int64
        Which of them, ascending.
    keys : ndarray of int
        For each of these a number for the road it came by (`StateTable.keys`).

    Returns
    -------
    Lineup
    """
    time = table["time"][index]
    rank = np.arange(len(table["time"]))
    if (time[1:] < time[:-1]).any():
        # A shuffled capture still tells by its times which datagram came first.
        order = np.argsort(time, kind="stable")
        rank[index[order]] = np.arange(len(order))
        index, keys, time = index[order], keys[order], time[order]
    number = _split_by_time(_by_header(table, index, keys), time)
    offset = table["offset"][index]
    order = np.argsort(number << OFFSET_BITS | offset, kind="stable")
    number, offset = number[order], offset[order]
    again = np.zeros(len(order), bool)
    again[1:] = (number[1:] == number[:-1]) & (offset[1:] == offset[:-1])
    lineup = _lineup(table, index[order], number, offset)
    if not again.any():
        return lineup
    # How often this place occurred before in its group: the turn.
    position = np.arange(len(order))
    turn = position - np.maximum.accumulate(np.where(again, 0, position))
    turns = _in_turns(table, lineup, number, turn)
    bad = _unsound(turns, number, turn, rank[turns.index])
    if not bad.any():
        return turns
    turn[bad[number]] = 0
    return _in_turns(table, lineup, number, turn)


def _by_header(table: dict[str, Array], index: Array, keys: Array) -> Array:
    """Number fragments by what their headers say."""
    source = table["source"][index]
    # In IPv6 only the first fragment's protocol counts (RFC 8200, 4.5), so it cannot be part of the key.
    protocol = np.where(source < IPV6_BASE, table["protocol"][index], 0).astype(np.uint64)
    rest = keys.astype(np.uint64) << np.uint64(40) | protocol << np.uint64(32)
    rest |= table["identification"][index]
    return distinct_rows(source, table["destination"][index], rest)[1].astype(np.int64)


def _split_by_time(number: Array, time: Array) -> Array:
    """New numbers where fragments of a group lie more than `TIMEOUT` apart."""
    known = time != NO_TIME
    # As floats: times of a hostile capture can be as far apart as int64 can say.
    seconds = time.astype(np.float64)
    count = int(number.max()) + 1
    latest, earliest = np.full(count, -np.inf), np.full(count, np.inf)
    np.maximum.at(latest, number[known], seconds[known])
    np.minimum.at(earliest, number[known], seconds[known])
    index = np.flatnonzero((latest - earliest > TIMEOUT)[number] & known)
    if not len(index):
        return number
    order = index[np.lexsort((time[index], number[index]))]
    gap = np.zeros(len(order), bool)
    gap[1:] = (seconds[order[1:]] - seconds[order[:-1]] > TIMEOUT) & (number[order[1:]] == number[order[:-1]])
    part = np.zeros(len(number), np.int64)
    part[order] = np.cumsum(gap)
    return distinct_rows(number.astype(np.uint64), part.astype(np.uint64))[1].astype(np.int64)


def _lineup(table: dict[str, Array], index: Array, number: Array, offset: Array) -> Lineup:
    new = np.ones(len(index), bool)
    new[1:] = number[1:] != number[:-1]
    columns = (table[name][index] for name in ("wire_length", "length", "more"))
    return Lineup(index, new, offset, *columns)


def _in_turns(table: dict[str, Array], lineup: Lineup, number: Array, turn: Array) -> Lineup:
    """The fragments by group, turn and place."""
    turns = int(turn.max()) + 1
    if (int(number[-1]) + 1) * turns < _ROOM:
        both = number * turns + turn
    else:
        both = _dense(number, turn)
    order = np.argsort(both << OFFSET_BITS | lineup.offset, kind="stable")
    return _lineup(table, lineup.index[order], both[order], lineup.offset[order])


def _dense(number: Array, turn: Array) -> Array:
    """Numbers for pairs, in their order, without gaps."""
    order = np.lexsort((turn, number))
    new = np.ones(len(order), np.int64)
    new[1:] = (number[order[1:]] != number[order[:-1]]) | (turn[order[1:]] != turn[order[:-1]])
    dense = np.empty(len(order), np.int64)
    dense[order] = np.cumsum(new) - 1
    return dense


def _unsound(turns: Lineup, number: Array, turn: Array, rank: Array) -> Array:
    """For each group whether a turn of it (if it has several) is incomplete, or they interleave.

    `rank` is the place of each fragment of `turns` in time.
    """
    starts = np.flatnonzero(turns.new)
    joined = np.where(turns.new, turns.offset == 0, True)
    joined[1:] &= turns.new[1:] | (turns.offset[1:] == turns.end()[:-1])
    joined &= turns.more != np.append(turns.new[1:], True)
    good = np.logical_and.reduceat(joined, starts)
    earliest, latest = np.minimum.reduceat(rank, starts), np.maximum.reduceat(rank, starts)
    # Turns are numbered in the order of their groups; those of one group follow each other.
    several = np.zeros(int(number[-1]) + 1, bool)
    several[number[turn > 0]] = True
    groups = np.flatnonzero(np.diff(number, prepend=-1))
    group = np.repeat(number[groups], np.maximum.reduceat(turn, groups) + 1)
    same = group[1:] == group[:-1]
    good[1:] &= ~same | (earliest[1:] > latest[:-1])
    bad = np.zeros(len(several), bool)
    bad[group[~good]] = True
    return bad & several
