"""Periods of time in which one connection of a pair of endpoints was open.

A pair that was used again may leave no part of the circle of sequence numbers empty, or use the same numbers
twice. Where it has a clock, its packets are cut, in the order of time, at each handshake. A packet whose
numbers do not fit the handshake before it, but those of a neighbour, goes there: it was late, or early.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import FIN, RST, SYN
from tcpflow_scapy.reassembly.columns import first_rows
from tcpflow_scapy.reassembly.openings import Openings, find_openings
from tcpflow_scapy.reassembly.sequence import MODULUS
from tcpflow_scapy.reassembly.support import LEAST_WINDOW
from tcpflow_scapy.reassembly.suspects import Suspects

Array = np.ndarray[Any, np.dtype[Any]]

LIFETIME = 120_000_000_000
"""Nanoseconds that a segment may be on its way (RFC 9293, 3.4.1)."""

# How well a number fits what a side sent in an epoch. What is far beyond it fits only where the other number
# is proven.
_STRANGE, _BEYOND, _NEAR, _AMONG, _PROVEN = 0, 1, 2, 3, 4


def find_epochs(suspects: Suspects, max_gap: int) -> tuple[Array, Array]:
    """The epoch of each packet.

    Parameters
    ----------
    suspects : Suspects
    max_gap : int
        Numbers up to so far beyond those of an epoch may still belong to it.

    Returns
    -------
    epoch : ndarray of int64
        Pairs without a clock have one each.
    pair : ndarray of int64
        Of each epoch.
    """
    heads = first_rows(suspects.pair)
    openings = find_openings(suspects)
    if not len(openings):
        return suspects.pair, suspects.pair[heads]
    chosen = _cuts(suspects, openings)
    cut = heads.copy()
    cut[openings.row[chosen]] = True
    epoch = np.cumsum(cut) - 1
    begins = np.flatnonzero(cut)
    if len(begins) == np.count_nonzero(heads):
        return epoch, suspects.pair[begins]
    opening = np.full(len(begins), -1, np.int64)
    opening[epoch[openings.row[chosen]]] = chosen
    axes = _Axes.of(suspects, epoch, opening, openings, max_gap)
    pair = suspects.pair[begins]
    return _by_numbers(suspects, epoch, pair, axes), pair


def _cuts(suspects: Suspects, openings: Openings) -> Array:
    """Openings at which a new epoch begins.

    Those that were answered or refused, those after the end of what was before, and those that something
    follows if they begin far from what was before, or one side had ended that. Any other SYN may be forged:
    whether anything begins with it is for the numbers to say.
    """
    pair = suspects.pair[openings.row]
    # What was closed began with the last opening before that was followed by anything but SYNs.
    silent = (suspects.flags & SYN) != 0
    loud = np.concatenate(([0], np.cumsum(~silent)))
    following = np.append(openings.row[1:], len(suspects.pair))
    index = np.arange(len(openings))
    busy = np.maximum.accumulate(np.where(loud[following] > loud[openings.row], index, -1))
    before = np.concatenate(([-1], busy[:-1]))
    same = (before >= 0) & (pair[np.maximum(before, 0)] == pair)
    starts = np.searchsorted(suspects.pair, pair)
    since = np.where(same, openings.row[np.maximum(before, 0)], starts)
    far, follows = _neighbours(suspects, openings)
    ended = suspects.ended_between(since, openings.row)
    step = _steps(suspects, openings)
    follows &= (step > 0) & (step <= LEAST_WINDOW)
    good = openings.proven | (openings.refused & ~follows) | (follows & (far | ended))
    # Who goes on at the number of a SYN knows of none there.
    good |= suspects.closed_between(since, openings.row) & (step != 0)
    return np.flatnonzero(good & suspects.clocked[pair] & ~_simultaneous(suspects, openings, pair))


def _neighbours(suspects: Suspects, openings: Openings) -> tuple[Array, Array]:
    """bool, bool: openings far from what was sent before; those from which the side that asked goes on."""
    plain = np.flatnonzero((suspects.flags & (SYN | RST)) == 0)
    first = openings.isn + 1
    far, follows = np.ones(len(openings), bool), np.zeros(len(openings), bool)
    answers = openings.answers[:, 0] * MODULUS + openings.answers[:, 1]
    for direction in (0, 1):
        mine = plain[suspects.direction[plain] == direction]
        asked = np.flatnonzero(openings.direction == direction)
        at = np.searchsorted(mine, openings.row[asked])
        pair = suspects.pair[openings.row[asked]]
        if not len(mine):
            continue
        last, following = mine[np.maximum(at - 1, 0)], mine[np.minimum(at, len(mine) - 1)]
        known = (at > 0) & (suspects.pair[last] == pair)
        end = suspects.sequence[last].astype(np.int64) + suspects.length[last]
        far[asked] = ~known | (np.abs(_signed(first[asked] - end)) > LEAST_WINDOW)
        # What is acknowledged is an answer's, and was not before.
        told = suspects.acknowledgment.astype(np.int64)
        jump = np.abs(_signed(told[following] - told[last])) > LEAST_WINDOW
        far[asked] |= jump & np.isin(asked * MODULUS + (told[following] - 1) % MODULUS, answers)
        step = _signed(suspects.sequence[following].astype(np.int64) - first[asked])
        more = (at < len(mine)) & (suspects.pair[following] == pair)
        follows[asked] = more & (step >= 0) & (step <= LEAST_WINDOW)
    return far, follows


def _signed(difference: Array) -> Array:
    """Differences of sequence numbers, the shorter way around the circle."""
    found: Array = (difference + (MODULUS >> 1)) % MODULUS - (MODULUS >> 1)
    return found


def _steps(suspects: Suspects, openings: Openings) -> Array:
    """int64: from the number of each SYN to that of the next packet of its side; 1 without any."""
    plain = np.flatnonzero((suspects.flags & (SYN | RST)) == 0)
    side, count = suspects.side, len(suspects.pair)
    keys = np.append(np.sort(side[plain] * count + plain), -1)
    index = np.searchsorted(keys[:-1], side[openings.row] * count + openings.row)
    after = keys[index] % count
    step = _signed(suspects.sequence[after].astype(np.int64) - suspects.sequence[openings.row])
    same = (keys[index] >= 0) & (side[after] == side[openings.row])
    found: Array = np.where(same, step, 1)
    return found


def _simultaneous(suspects: Suspects, openings: Openings, pair: Array) -> Array:
    """bool: openings that are the other half of one that began before (RFC 9293, 3.5, figure 8)."""
    asked = (pair * 2 + openings.direction) * MODULUS + openings.isn
    opening, isn = openings.answers.T
    answered = (pair[opening] * 2 + 1 - openings.direction[opening]) * MODULUS + isn
    order = np.argsort(answered, kind="stable")
    answered, opening = answered[order], opening[order]
    index = np.searchsorted(answered, asked)
    safe = np.minimum(index, max(len(answered) - 1, 0))
    if not len(answered):
        return np.zeros(len(openings), bool)
    found: Array = (answered[safe] == asked) & (opening[safe] < np.arange(len(openings)))
    return found


@dataclass(slots=True)
class _Axes:
    """What each side of each epoch sent; side ``2 * epoch + direction``."""

    reference: Array
    """int64: ISN + 1, else the first number seen"""
    anchored: Array
    """bool: the ISN is known"""
    known: Array
    """bool: some number is"""
    low: Array
    high: Array
    """int64: positions, counted from the reference, between which its data lie"""
    limit: Array
    """int64: position up to which more may have been sent"""
    closed: Array
    """bool: a FIN says that nothing is beyond that"""
    behind: Array
    """int64: so far below the reference positions reach; the rest of the circle is above"""
    max_gap: int

    @classmethod
    def of(cls, suspects: Suspects, epoch: Array, opening: Array, openings: Openings, max_gap: int) -> _Axes:
        sides = 2 * len(opening)
        own = 2 * epoch + suspects.direction
        plain = np.flatnonzero(~suspects.reset)[::-1]
        acks = np.flatnonzero(suspects.acknowledges)[::-1]
        reference = np.zeros(sides, np.int64)
        known, anchored = np.zeros(sides, bool), np.zeros(sides, bool)
        for side, number, rows in (
            (own ^ 1, suspects.acknowledgment, acks),
            (own, suspects.sequence, plain),
        ):
            reference[side[rows]] = number[rows]
            known[side[rows]] = True
        some = np.flatnonzero(opening >= 0)
        asked = 2 * some + openings.direction[opening[some]]
        winner = _answers(suspects, epoch, opening, openings, max_gap)
        for side, isn in ((asked, openings.isn[opening[some]]), (asked ^ 1, winner[some])):
            given = isn >= 0
            reference[side[given]] = isn[given] + 1
            known[side[given]] = anchored[side[given]] = True
        data = np.flatnonzero((suspects.length > 0) & ~suspects.reset)
        side, length = own[data], suspects.length[data]
        volume = np.bincount(side, weights=length, minlength=sides).astype(np.int64) + max_gap
        low, high = np.zeros(sides, np.int64), np.zeros(sides, np.int64)
        behind = np.where(anchored | (volume >= MODULUS >> 2), MODULUS >> 4, MODULUS >> 1)
        closed = np.zeros(sides, bool)
        axes = cls(reference, anchored, known, low, high, high, closed, behind, max_gap)
        at = axes.position(side, suspects.sequence[data])
        inside = (at <= volume[side]) & (at >= np.where(anchored[side], -1, -volume[side]))
        np.maximum.at(axes.high, side[inside], (at + length)[inside])
        np.minimum.at(axes.low, side[inside], at[inside])
        axes.low[anchored] = 0
        axes.limit = axes.high + max_gap
        fins = np.flatnonzero((suspects.flags & (FIN | RST)) == FIN)
        side = own[fins]
        end = axes.position(side, suspects.sequence[fins]) + suspects.length[fins] + 1
        believed = end <= axes.limit[side]
        axes.limit[side[believed]] = np.maximum(axes.high[side], end)[believed]
        axes.closed[side[believed]] = True
        return axes

    def position(self, side: Array, number: Array) -> Array:
        """Distance of sequence numbers from the reference."""
        behind = self.behind[side]
        found: Array = (number.astype(np.int64) - self.reference[side] + behind) % MODULUS - behind
        return found

    def fit(self, side: Array, number: Array, first: int) -> Array:
        """How well numbers fit a side. None is below position `first` of a side whose ISN is known."""
        at = self.position(side, number)
        anchored = self.anchored[side]
        above = at >= np.where(anchored, first, self.low[side] - self.max_gap)
        grade = np.where(above, np.where(self.closed[side], _STRANGE, _BEYOND), _STRANGE)
        grade[above & (at <= self.limit[side])] = _NEAR
        among = (at <= self.high[side] + 1 - first) & (at >= self.low[side] + np.where(anchored, first, -1))
        grade[among] = np.where(anchored, _PROVEN, _AMONG)[among]
        grade[~self.known[side]] = _NEAR
        return grade


def _answers(suspects: Suspects, epoch: Array, opening: Array, openings: Openings, max_gap: int) -> Array:
    """The ISN of the side that answered, of several the one that the other side acknowledges; -1 without."""
    out = np.full(len(opening), -1, np.int64)
    if not len(openings.answers):
        return out
    keys = openings.answers[:, 0] * MODULUS + openings.answers[:, 1]
    votes = np.zeros(len(keys), np.int64)
    asked = opening[epoch]
    rows = np.flatnonzero(suspects.acknowledges & (asked >= 0))
    rows = rows[suspects.direction[rows] == openings.direction[asked[rows]]]
    number = suspects.acknowledgment[rows].astype(np.int64)
    query = asked[rows] * MODULUS + number - 1
    index = np.searchsorted(keys, query, side="right") - 1
    index = np.maximum(index, 0)
    good = (openings.answers[index, 0] == asked[rows]) & (query - keys[index] <= max_gap)
    np.add.at(votes, index[good], 1)
    order = np.lexsort((votes, openings.answers[:, 0]))
    best = np.full(len(openings), -1, np.int64)
    best[openings.answers[order, 0]] = openings.answers[order, 1]
    some = opening >= 0
    out[some] = best[opening[some]]
    return out


def _by_numbers(suspects: Suspects, epoch: Array, pair: Array, axes: _Axes) -> Array:
    """Move packets to neighbours whose numbers they fit better. `pair` is that of each epoch."""
    epoch = epoch.copy()
    rows = np.arange(len(epoch))
    best = _grade(suspects, rows, epoch, axes)
    home = epoch.copy()
    doubtful = np.flatnonzero(best < 2 * _AMONG)
    ends = np.maximum.reduceat(suspects.time, np.flatnonzero(first_rows(home)))
    for shift in (-1, -2, 1):
        target = home[doubtful] + shift
        there = (target >= 0) & (target < len(pair))
        there[there] = pair[target[there]] == suspects.pair[doubtful[there]]
        rows, target = doubtful[there], target[there]
        grade = _grade(suspects, rows, target, axes)
        late = (shift < 0) & (suspects.time[rows] - ends[target] <= LIFETIME)
        better = (grade > best[rows]) & (late | (best[rows] == _STRANGE))
        epoch[rows[better]], best[rows[better]] = target[better], grade[better]
    _before_the_handshake(suspects, epoch, home, pair, axes)
    return epoch


def _before_the_handshake(suspects: Suspects, epoch: Array, home: Array, pair: Array, axes: _Axes) -> None:
    """Where nothing but packets of a connection was seen before its handshake, clocks or taps differ."""
    count = len(pair)
    open_ended = np.zeros(count, bool)
    open_ended[:-1] = pair[1:] == pair[:-1]
    open_ended &= ~(axes.anchored[0::2] | axes.anchored[1::2])
    rows = np.flatnonzero(open_ended[home])
    if not len(rows):
        return
    grade = _grade(suspects, rows, home[rows] + 1, axes)
    all_fit = np.bincount(home[rows], weights=grade < 2 * _PROVEN, minlength=count) == 0
    moved = rows[all_fit[home[rows]]]
    epoch[moved] = home[moved] + 1


def _grade(suspects: Suspects, rows: Array, epoch: Array, axes: _Axes) -> Array:
    """How well packets fit an epoch, both numbers together; `_STRANGE` if one does not at all."""
    side = 2 * epoch + suspects.direction[rows]
    own = axes.fit(side, suspects.sequence[rows], -1)
    peer = axes.fit(side ^ 1, suspects.acknowledgment[rows], 0)
    # What resets acknowledge need not mean anything, but tells where it does.
    reset = suspects.reset[rows]
    silent = ~suspects.acknowledges[rows] & ~(reset & (suspects.acknowledgment[rows] != 0))
    peer[silent] = _PROVEN
    bare = (suspects.flags[rows] & (SYN | RST)) != 0
    own[silent & bare & (own == _BEYOND)] = _STRANGE
    # Data lost are likelier than acknowledgments of what was never sent.
    far = ((own == _BEYOND) & (peer == _PROVEN)) | ((own == _PROVEN) & (peer == _BEYOND))
    fits = far | (np.minimum(own, peer) >= _NEAR)
    return np.where(fits, own + peer - (peer == _BEYOND), _STRANGE)
