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
from tcpflow_scapy.decode.pieces import kinds

Array = np.ndarray[Any, np.dtype[Any]]

TIMEOUT = 60 * 10**9
"""Nanoseconds after which a fragment belongs to another datagram (RFC 1122, 3.3.2: 60 to 120 s)"""

LINK_TIMEOUT = 10**9
"""The same for fragments of link layers, which are sent one right behind the other: 802.11 numbers its frames
with 12 bits only"""

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

    def put(self, at: Array, places: Array, new: Array) -> None:
        """Move fragments among themselves: the one at ``at[places[i]]`` goes to ``at[i]``."""
        self.new[at] = new
        for column in (self.index, self.offset, self.wire_length, self.length, self.more):
            column[at] = column[at[places]]

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
        Datagrams in the order of their first fragments; those that others came in between are behind them.
    """
    time = table["time"][index]
    if (time[1:] < time[:-1]).any():
        # A shuffled capture still tells by its times which datagram came first.
        order = np.argsort(time, kind="stable")
        index, keys, time = index[order], keys[order], time[order]
    order, new = _by_header(table, index, keys, time)
    chosen = index[order]
    columns = (table[name][chosen] for name in ("offset", "wire_length", "length", "more"))
    lineup = Lineup(chosen, new, *columns)
    # Most fragments come in the order of their places, and need no more sorting.
    down = np.zeros(len(order), bool)
    down[1:] = ~new[1:] & (lineup.offset[1:] <= lineup.offset[:-1])
    if down.any():
        starts = np.flatnonzero(new)
        mixed = np.repeat(np.logical_or.reduceat(down, starts), sizes_of(starts, len(order)))
        part = np.flatnonzero(mixed)
        lineup.put(part, *_by_place(lineup.take(part, new[part]), order[part]))
    return lineup


def _by_header(table: dict[str, Array], index: Array, keys: Array, time: Array) -> tuple[Array, Array]:
    """Bring together fragments that headers and times say belong together, in order of time.

    Returns
    -------
    order : ndarray of int64
        Places in `index`.
    new : ndarray of bool
        Where another datagram begins.
    """
    # Most fragments come right behind those they belong to: such a run is one row to sort.
    new = _differs_from_last(table, index, keys)
    link = kinds(table["source"][index]) > 0
    timeout = np.where(link, LINK_TIMEOUT, TIMEOUT)
    new[1:] |= far_apart(time[:-1], time[1:], timeout[1:])
    starts = np.flatnonzero(new)
    runs, fresh = gathered_rows(*_header_columns(table, index[starts], keys[starts]))
    single = np.append(fresh[1:], True) & fresh
    if single.all():
        return np.arange(len(index)), new
    size = sizes_of(starts, len(index))
    alone = np.zeros(len(starts), bool)
    alone[runs[single]] = True
    rest, fresh = _by_first(runs[~single], fresh[~single])
    begin, size_of_rest = starts[rest], size[rest]
    place = np.cumsum(size_of_rest) - size_of_rest
    split = np.zeros(int(size_of_rest.sum()), bool)
    split[place[fresh]] = True
    others = np.arange(len(split)) + np.repeat(begin - place, size_of_rest)
    later = place[~fresh]
    split[later] = far_apart(time[others[later - 1]], time[others[later]], timeout[others[later]])
    kept = np.flatnonzero(np.repeat(alone, size))
    return np.concatenate([kept, others]), np.concatenate([new[kept], split])


def _differs_from_last(table: dict[str, Array], index: Array, keys: Array) -> Array:
    """Whether each fragment's header makes it part of another datagram than the one before it."""
    new = np.ones(len(index), bool)
    source = table["source"][index]
    protocol = table["protocol"][index]
    differs = protocol[1:] != protocol[:-1]
    # In IPv6 only the first fragment's protocol counts (RFC 8200, 4.5), so it cannot be part of the key.
    differs &= source[1:] < IPV6_BASE
    for column in (source, table["destination"][index], table["identification"][index], keys):
        differs |= column[1:] != column[:-1]
    new[1:] = differs
    return new


def _header_columns(table: dict[str, Array], index: Array, keys: Array) -> tuple[Array, Array, Array]:
    """What tells datagrams apart by their headers, as columns of uint64."""
    source = table["source"][index]
    protocol = np.where(source < IPV6_BASE, table["protocol"][index], 0).astype(np.uint64)
    rest = keys.astype(np.uint64) << np.uint64(40) | protocol << np.uint64(32)
    rest |= table["identification"][index]
    return source, table["destination"][index], rest


def far_apart(earlier: Array, later: Array, timeout: Array | int = TIMEOUT) -> Array:
    """Whether times, both known, are too far apart for fragments of one datagram."""
    # Times of a hostile capture can be as far apart as int64 can say: the distance is unsigned.
    distance = (np.maximum(earlier, later) - np.minimum(earlier, later)).view(np.uint64)
    found: Array = (distance > np.uint64(timeout)) & (earlier != NO_TIME) & (later != NO_TIME)
    return found


def sizes_of(starts: Array, count: int) -> Array:
    """How many of `count` rows each group has that begins at `starts`."""
    return np.diff(np.append(starts, count))


def _by_first(order: Array, new: Array) -> tuple[Array, Array]:
    """Groups in the order of their first members: what follows then walks through memory."""
    starts = np.flatnonzero(new)
    first = order[starts]
    place = np.argsort(first)
    begin, size = starts[place], sizes_of(starts, len(order))[place]
    target = np.cumsum(size) - size
    new = np.zeros(len(order), bool)
    new[target] = True
    return order[np.arange(len(order)) + np.repeat(begin - target, size)], new


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
