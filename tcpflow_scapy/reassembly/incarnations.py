"""Pairs of endpoints that were used for more than one connection.

Most pairs carry one connection. The others come here: several ISNs, data before the SYN, or holes wider than
`max_gap`. All of them are split at once, by column, from the *set* of their packets: each packet has a place
on the circle of its own direction (its sequence number) and one on that of the other (its acknowledgment
number); halves that point at each other are a connection. The order of arrival decides only what the
numbers leave open, as when two connections use the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import ACK, RST, SYN
from tcpflow_scapy.reassembly.halves import Halves, find_halves

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(slots=True)
class Suspects:
    """The packets of the pairs in question, in order of arrival."""

    pair: Array
    """int64, compact: 0 .. pairs - 1"""
    direction: Array
    """int64, 0 or 1"""
    sequence: Array
    """uint32"""
    acknowledgment: Array
    """uint32"""
    flags: Array
    length: Array
    """int64, payload on the wire"""

    @property
    def side(self) -> Array:
        """Number of the direction: 2 * pair + direction."""
        return self.pair * 2 + self.direction


def split_pairs(suspects: Suspects, pairs: int, max_gap: int) -> Array:
    """Give each packet the number of its connection.

    Returns
    -------
    ndarray of int64
        Numbers are distinct between pairs, and have no other meaning.
    """
    count = len(suspects.pair)
    side = suspects.side
    reset = (suspects.flags & RST) != 0
    syn = ((suspects.flags & SYN) != 0) & ~reset
    point = (syn | (suspects.length > 0)) & ~reset
    rows = np.flatnonzero(point)
    halves = find_halves(
        side[rows],
        2 * pairs,
        suspects.sequence[rows],
        suspects.length[rows],
        syn[rows],
        max_gap,
    )
    own = np.full(count, -1, np.int64)
    own[rows] = halves.row_half
    rest = np.flatnonzero(~point)
    own[rest] = halves.locate(side[rest], suspects.sequence[rest], before=False)
    peer = np.full(count, -1, np.int64)
    acks = np.flatnonzero(((suspects.flags & ACK) != 0) & ~reset)
    peer[acks] = halves.locate(side[acks] ^ 1, suspects.acknowledgment[acks], before=True)
    ghosts = _ghosts(peer, acks, side, suspects.acknowledgment, halves.count, max_gap)
    match = _Matching(halves, ghosts)
    strong = _handshakes(suspects, syn, own, peer, halves)
    match.handshakes(strong)
    match.weigh(own, peer)
    label = match.labels(own, peer)
    # Bare acknowledgments of bytes that nobody sent are strays: they never are a connection by themselves.
    label[~np.isin(label, match.connection[: halves.count])] = -1
    _early_data(suspects, syn, own, halves, match, label, side, peer)
    _reached_beyond(suspects, syn, own, peer, halves, match, label, rows)
    return _leftovers(label, suspects.pair)


def _ghosts(peer: Array, acks: Array, side: Array, acknowledgment: Array, first: int, max_gap: int) -> int:
    """Acknowledgments of bytes that were not captured at all: cluster them as halves of their own."""
    lost = acks[peer[acks] < 0]
    if not len(lost):
        return first
    number = acknowledgment[lost].astype(np.int64)
    order = np.lexsort((number, side[lost]))
    s, n = side[lost][order], number[order]
    new = np.ones(len(order), bool)
    new[1:] = (s[1:] != s[:-1]) | (n[1:] - n[:-1] > max_gap)
    peer[lost[order]] = first + np.cumsum(new) - 1
    return first + int(new.sum())


def _handshakes(suspects: Suspects, syn: Array, own: Array, peer: Array, halves: Halves) -> Array:
    """(half, half) of each SYN-ACK that acknowledges exactly a SYN seen on the other side."""
    answers = np.flatnonzero(syn & ((suspects.flags & ACK) != 0) & (own >= 0) & (peer >= 0))
    answers = answers[peer[answers] < halves.count]
    asked = (halves.isn[peer[answers]] + 1) & 0xFFFFFFFF
    fits = (halves.isn[peer[answers]] >= 0) & (asked == suspects.acknowledgment[answers])
    return np.unique(np.stack((own[answers[fits]], peer[answers[fits]]), axis=1), axis=0)


class _Matching:
    """Which half belongs to which. A half may belong to several, if both sides of a handshake say so."""

    def __init__(self, halves: Halves, total: int) -> None:
        self.halves = halves
        self.total = total
        self.connection = np.full(total, -1, np.int64)
        self.partner = np.full(total, -1, np.int64)
        self.shared: dict[int, dict[int, int]] = {}
        self.count = 0

    def handshakes(self, edges: Array) -> None:
        """Connections that a SYN and its SYN-ACK prove."""
        for one, two in edges.tolist():
            if self.connection[one] < 0 and self.connection[two] < 0:
                self._join(one, two)
                continue
            # One side used the same ISN again: the half is shared between connections.
            for half, other in ((one, two), (two, one)):
                if self.connection[half] >= 0 and self.connection[other] < 0:
                    known = self.shared.setdefault(half, {})
                    if not known:
                        known[int(self.partner[half])] = int(self.connection[half])
                    known[other] = self.count
                    self.connection[other] = self.count
                    self.partner[other] = half
                    self.count += 1
                    break

    def _join(self, one: int, two: int) -> None:
        self.connection[one] = self.connection[two] = self.count
        self.partner[one], self.partner[two] = two, one
        self.count += 1

    def weigh(self, own: Array, peer: Array) -> None:
        """Pair what is left by how many packets say so, heaviest first."""
        both = np.flatnonzero((own >= 0) & (peer >= 0))
        key = np.minimum(own[both], peer[both]) * self.total + np.maximum(own[both], peer[both])
        edges, weight = np.unique(key, return_counts=True)
        order = np.argsort(-weight, kind="stable")
        for edge in edges[order].tolist():
            one, two = divmod(edge, self.total)
            if self.connection[one] < 0 and self.connection[two] < 0:
                self._join(one, two)
        alone = np.flatnonzero(self.connection < 0)
        self.connection[alone] = self.count + np.arange(len(alone))
        self.count += len(alone)

    def shared_table(self) -> tuple[Array, Array]:
        """``half * total + other half``, ascending, and the connection of each such pair."""
        rows = sorted(
            (half * self.total + other, connection)
            for half, known in self.shared.items()
            for other, connection in known.items()
        )
        table = np.array(rows, np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    def labels(self, own: Array, peer: Array) -> Array:
        """The connection of each packet; -1 where its numbers say nothing."""
        label = np.full(len(own), -1, np.int64)
        label[own >= 0] = self.connection[own[own >= 0]]
        only_peer = np.flatnonzero((own < 0) & (peer >= 0))
        label[only_peer] = self.connection[peer[only_peer]]
        keys, connections = self.shared_table()
        if len(keys):
            both = np.flatnonzero((own >= 0) & (peer >= 0))
            key = own[both] * self.total + peer[both]
            index = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
            hit = keys[index] == key
            label[both[hit]] = connections[index[hit]]
        return label


def _early_data(
    suspects: Suspects,
    syn: Array,
    own: Array,
    halves: Halves,
    match: _Matching,
    label: Array,
    side: Array,
    peer: Array,
) -> None:
    """Data below the first SYN of an arc: the end of an older connection, or before the start of this one.

    A stack never sends below its ISN, so such data is of this connection only if it arrived after the SYN and
    acknowledges what this connection's peer sent.
    """
    arcs = halves.arc
    before = np.flatnonzero((halves.isn[:-1] < 0) & (halves.isn[1:] >= 0) & (arcs[1:] == arcs[:-1]))
    if not len(before):
        return
    first_row = np.full(halves.count, len(own), np.int64)
    known = np.flatnonzero(own >= 0)
    np.minimum.at(first_row, own[known], known)
    first_syn = np.full(halves.count, len(own), np.int64)
    syn_rows = np.flatnonzero(syn)
    np.minimum.at(first_syn, own[syn_rows], syn_rows)
    order = np.argsort(own, kind="stable")
    bounds = np.searchsorted(own[order], np.stack((before, before + 1)))
    for half, low, high in zip(before.tolist(), *bounds.tolist(), strict=True):
        members = order[low:high]
        told = peer[members]
        told = told[told >= 0]
        here = match.connection[half + 1]
        agreeing = int(np.isin(match.connection[told], here).sum())
        late = first_row[half] > first_syn[half + 1]
        same = late and agreeing * 2 >= len(told)
        if same:
            label[members] = here


def _reached_beyond(
    suspects: Suspects,
    syn: Array,
    own: Array,
    peer: Array,
    halves: Halves,
    match: _Matching,
    label: Array,
    rows: Array,
) -> None:
    """Connections whose numbers run past the ISN of a later one.

    The nearest ISN below a segment is then not always its own. Acknowledgments tell, where the other side's
    numbers differ; else the last SYN that arrived before it does, but only where an older connection
    verifiably reaches the newer ISN.
    """
    if halves.count == 0:
        return
    several = np.bincount(halves.arc, minlength=int(halves.arc.max()) + 1)[halves.arc] > 1
    doubtful = rows[several[halves.row_half] & ~syn[rows]]
    if len(doubtful):
        _follow_acknowledgments(doubtful, own, peer, halves, match, label, rows)
    shared = np.zeros(match.total, bool)
    shared[list(match.shared)] = True
    ambiguous = _ambiguous(own, peer, halves, match, shared, rows) & ~syn[rows]
    if ambiguous.any():
        _follow_arrival(suspects, syn, rows[ambiguous], own, halves, match, label, shared)


def _follow_acknowledgments(
    doubtful: Array, own: Array, peer: Array, halves: Halves, match: _Matching, label: Array, rows: Array
) -> None:
    position = np.zeros(len(own), np.int64)
    position[rows] = halves.row_position
    told = peer[doubtful]
    other = np.where(told >= 0, match.partner[told], -1)
    usable = (other >= 0) & (other < halves.count) & (other != own[doubtful])
    safe = np.where(usable, other, 0)
    usable &= halves.arc[safe] == halves.arc[own[doubtful]]
    usable &= halves.direction[safe] == halves.direction[own[doubtful]]
    usable &= halves.start[safe] <= position[doubtful]
    # Only where its own half has a partner of its own do acknowledgments of another one tell anything.
    own_partner = match.partner[own[doubtful]]
    usable &= (own_partner >= 0) & (own_partner != told)
    if match.shared:
        usable &= ~np.isin(told, list(match.shared))
    move = doubtful[usable]
    own[move] = other[usable]
    label[move] = match.connection[own[move]]


def _ambiguous(
    own: Array, peer: Array, halves: Halves, match: _Matching, shared: Array, rows: Array
) -> Array:
    """Points whose numbers fit several connections."""
    mine, told = own[rows], peer[rows]
    beyond = halves.crossed[mine]
    known = (told >= 0) & (told < halves.count)
    safe = np.where(known, told, 0)
    # The other side tells nothing if its half is shared, unknown, or just as doubtful.
    silent = ~known | shared[safe] | halves.crossed[safe]
    return (beyond & silent) | (shared[mine] & ~_told_apart(mine, told, match))


def _told_apart(mine: Array, told: Array, match: _Matching) -> Array:
    """True where a shared half's partner is named by the packet's acknowledgment."""
    keys, _ = match.shared_table()
    if not len(keys):
        return np.ones(len(mine), bool)
    return np.isin(mine * match.total + told, keys) & (told >= 0)


def _follow_arrival(
    suspects: Suspects,
    syn: Array,
    doubtful: Array,
    own: Array,
    halves: Halves,
    match: _Matching,
    label: Array,
    shared: Array,
) -> None:
    """Give doubtful segments to the connection whose SYN arrived last before them."""
    syn_rows = np.flatnonzero(syn)
    order = np.lexsort((syn_rows, suspects.pair[syn_rows]))
    syn_rows = syn_rows[order]
    stride = len(suspects.pair) + 1
    keys = suspects.pair[syn_rows] * stride + syn_rows
    index = np.searchsorted(keys, suspects.pair[doubtful] * stride + doubtful) - 1
    valid = index >= 0
    valid[valid] &= suspects.pair[syn_rows[index[valid]]] == suspects.pair[doubtful[valid]]
    rows, last = doubtful[valid], syn_rows[index[valid]]
    connection = label[last]
    # Only connections of which a half covers this place can claim the segment.
    sides = halves.direction[own[rows]]
    arc = halves.arc[own[rows]]
    claim = _claims(halves, match, shared)
    for row, c, s, a in zip(rows.tolist(), connection.tolist(), sides.tolist(), arc.tolist(), strict=True):
        if (c, s, a) in claim:
            label[row] = c


def _claims(halves: Halves, match: _Matching, shared: Array) -> set[tuple[int, int, int]]:
    connection = match.connection[: halves.count]
    claims = set(zip(connection.tolist(), halves.direction.tolist(), halves.arc.tolist(), strict=True))
    for half, known in match.shared.items():
        claims |= {(c, int(halves.direction[half]), int(halves.arc[half])) for c in known.values()}
    return claims


def _leftovers(label: Array, pair: Array) -> Array:
    """Stray packets without a connection join the one that was active before them, else after them."""
    known = label >= 0
    if known.all():
        return label
    order = np.argsort(pair, kind="stable")
    p = pair[order]
    given = label[order]
    index = np.where(given >= 0, np.arange(len(given)), -1)
    previous = np.maximum.accumulate(index)
    following = np.minimum.accumulate(np.where(given >= 0, np.arange(len(given)), len(given))[::-1])[::-1]
    ok_before = (previous >= 0) & (p[np.maximum(previous, 0)] == p)
    ok_after = (following < len(given)) & (p[np.minimum(following, len(given) - 1)] == p)
    fresh = int(label.max(initial=-1)) + 1
    filled = np.where(
        ok_before,
        given[np.maximum(previous, 0)],
        np.where(ok_after, given[np.minimum(following, len(given) - 1)], fresh + p),
    )
    out = np.empty_like(label)
    out[order] = np.where(given >= 0, given, filled)
    return out
