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
from tcpflow_scapy.decode.exact import gathered_rows
from tcpflow_scapy.decode.packets import IPV6_BASE

Array = np.ndarray[Any, np.dtype[Any]]

TIMEOUT = 60 * 10**9
"""Nanoseconds after which a fragment belongs to another datagram (RFC 1122, 3.3.2: 60 to 120 s)"""

OFFSET_BITS = 17


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
        return self.take(np.flatnonzero(chosen), new)

    def select(self, chosen: Array, starts: Array) -> Lineup:
        """Only some datagrams (a boolean mask), which begin at `starts`."""
        if chosen.all():
            return self
        places = np.flatnonzero(np.repeat(chosen, sizes_of(starts, len(self))))
        return self.take(places, self.new[places])

    def take(self, places: Array, new: Array) -> Lineup:
        """Fragments by their places, with a new column `new`."""
        columns = (self.offset, self.wire_length, self.length, self.more)
        return Lineup(self.index[places], new, *(column[places] for column in columns))


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
        Datagrams in the order of their first fragments.
    """
    time = table["time"][index]
    if (time[1:] < time[:-1]).any():
        # A shuffled capture still tells by its times which datagram came first.
        order = np.argsort(time, kind="stable")
        index, keys, time = index[order], keys[order], time[order]
    order, new = gathered_rows(*header_columns(table, index, keys))
    _split_by_time(new, time, order)
    order, new = _by_first(order, new)
    chosen = index[order]
    columns = (table[name][chosen] for name in ("offset", "wire_length", "length", "more"))
    lineup = Lineup(chosen, new, *columns)
    # Most fragments come in the order of their places, and need no more sorting.
    down = np.zeros(len(order), bool)
    down[1:] = ~new[1:] & (lineup.offset[1:] <= lineup.offset[:-1])
    if not down.any():
        return lineup
    starts = np.flatnonzero(new)
    part = np.flatnonzero(np.repeat(np.logical_or.reduceat(down, starts), sizes_of(starts, len(order))))
    places, part_new = _by_place(lineup.take(part, new[part]), order[part])
    whole = np.arange(len(order))
    whole[part], new[part] = part[places], part_new
    return lineup.take(whole, new)


def header_columns(table: dict[str, Array], index: Array | slice, keys: Array) -> tuple[Array, Array, Array]:
    """What tells datagrams apart by their headers, as columns of uint64."""
    source = table["source"][index]
    # In IPv6 only the first fragment's protocol counts (RFC 8200, 4.5), so it cannot be part of the key.
    protocol = np.where(source < IPV6_BASE, table["protocol"][index], 0).astype(np.uint64)
    rest = keys.astype(np.uint64) << np.uint64(40) | protocol << np.uint64(32)
    rest |= table["identification"][index]
    return source, table["destination"][index], rest


def far_apart(earlier: Array, later: Array) -> Array:
    """Whether times, both known, are too far apart for fragments of one datagram."""
    # Times of a hostile capture can be as far apart as int64 can say: the distance is unsigned.
    distance = (np.maximum(earlier, later) - np.minimum(earlier, later)).view(np.uint64)
    found: Array = (distance > TIMEOUT) & (earlier != NO_TIME) & (later != NO_TIME)
    return found


def sizes_of(starts: Array, count: int) -> Array:
    """How many of `count` rows each group has that begins at `starts`."""
    return np.diff(np.append(starts, count))


def _split_by_time(new: Array, time: Array, order: Array) -> None:
    """Begin another datagram where fragments of a group, in order of time, lie too far apart."""
    later = np.flatnonzero(~new)
    new[later] = far_apart(time[order[later - 1]], time[order[later]])


def _by_first(order: Array, new: Array) -> tuple[Array, Array]:
    """Groups in the order of their first members, which makes what follows a walk through memory."""
    count = len(order)
    if new.all():
        return np.arange(count), new
    starts = np.flatnonzero(new)
    first = order[starts]
    seen = np.zeros(count, np.int64)
    seen[first] = 1
    place = np.cumsum(seen)[first] - 1
    begin, size = np.empty(len(starts), np.int64), np.empty(len(starts), np.int64)
    begin[place], size[place] = starts, sizes_of(starts, count)
    target = np.cumsum(size) - size
    new = np.zeros(count, bool)
    new[target] = True
    return order[np.arange(count) + np.repeat(begin - target, size)], new


def _by_place(lineup: Lineup, rank: Array) -> tuple[Array, Array]:
    """Sort groups whose fragments come out of order, or repeat places.

    Parameters
    ----------
    lineup : Lineup
        Groups in order of time.
    rank : ndarray of int64
        Place of each fragment in time.

    Returns
    -------
    places : ndarray of int64
        The fragments by datagram and place.
    new : ndarray of bool
        Whether each is the first of its datagram.
    """
    number = np.cumsum(lineup.new) - 1
    places = _stable_order(number << OFFSET_BITS | lineup.offset)
    offset = lineup.offset[places]
    again = np.zeros(len(offset), bool)
    again[1:] = ~lineup.new[1:] & (offset[1:] == offset[:-1])
    if not again.any():
        return places, lineup.new
    # How often this place occurred before in its group: the turn.
    position = np.arange(len(offset))
    turn = position - np.maximum.accumulate(np.where(again, 0, position))
    turn[~_may_be_turns(lineup, turn)[number]] = 0
    while turn.any():
        most = np.maximum.reduceat(turn, np.flatnonzero(lineup.new))
        both = (np.cumsum(most + 1) - most - 1)[number] + turn
        order = _stable_order(both << OFFSET_BITS | offset)
        new = np.ones(len(order), bool)
        new[1:] = np.diff(both[order]) != 0
        chosen = places[order]
        bad = _unsound(lineup.take(chosen, new), most, rank[chosen])
        if not bad.any():
            return chosen, new
        turn[bad[number]] = 0
    return places, lineup.new


def _stable_order(key: Array) -> Array:
    """The order of keys that are not negative; equal ones keep theirs."""
    bits = (len(key) - 1).bit_length()
    if int(key.max()).bit_length() + bits > 63:
        return np.argsort(key, kind="stable")
    packed = key << bits | np.arange(len(key))
    packed.sort()
    packed &= (1 << bits) - 1
    return packed


def _may_be_turns(lineup: Lineup, turn: Array) -> Array:
    """Whether each group has as many beginnings and ends as its places have turns."""
    starts = np.flatnonzero(lineup.new)
    turns = np.maximum.reduceat(turn, starts) + 1
    beginnings = np.add.reduceat((lineup.offset == 0).astype(np.int64), starts)
    ends = np.add.reduceat((~lineup.more).astype(np.int64), starts)
    found: Array = (beginnings == turns) & (ends == turns)
    return found


def _unsound(turns: Lineup, most: Array, rank: Array) -> Array:
    """For each group whether a turn of it (if it has several) is incomplete, or they interleave.

    Parameters
    ----------
    turns : Lineup
        By group and turn.
    most : ndarray of int64
        The last turn of each group, counted from 0.
    rank : ndarray of int64
        Place of each fragment in time.
    """
    starts = np.flatnonzero(turns.new)
    joined = np.where(turns.new, turns.offset == 0, True)
    joined[1:] &= turns.new[1:] | (turns.offset[1:] == turns.end()[:-1])
    joined &= turns.more != np.append(turns.new[1:], True)
    good = np.logical_and.reduceat(joined, starts)
    earliest, latest = np.minimum.reduceat(rank, starts), np.maximum.reduceat(rank, starts)
    group = np.repeat(np.arange(len(most)), most + 1)
    same = group[1:] == group[:-1]
    good[1:] &= ~same | (earliest[1:] > latest[:-1])
    bad = np.zeros(len(most), bool)
    bad[group[~good]] = True
    return bad & (most > 0)
