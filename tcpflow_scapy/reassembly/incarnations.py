"""Pairs of endpoints that were used for more than one connection.

Most pairs carry one connection. The others come here: several ISNs, data before the SYN, or holes. All of
them are split at once, by column, from the *set* of their packets: each packet has a place on the circle of
its own direction (its sequence number) and one on that of the other (its acknowledgment number); halves that
point at each other are a connection. The clock of the capture decides what the numbers leave open, as when
two connections use the same numbers; the order of arrival decides nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import ACK, SYN
from tcpflow_scapy.reassembly.bare import agreeing
from tcpflow_scapy.reassembly.epochs import find_epochs
from tcpflow_scapy.reassembly.forged import amid_data
from tcpflow_scapy.reassembly.halves import Halves, find_halves
from tcpflow_scapy.reassembly.matching import Matching
from tcpflow_scapy.reassembly.sequence import HUGE
from tcpflow_scapy.reassembly.suspects import Suspects
from tcpflow_scapy.reassembly.unwrapping import follow

Array = np.ndarray[Any, np.dtype[Any]]


def split_pairs(suspects: Suspects, max_gap: int) -> Array:
    """Give each packet the number of its connection.

    Returns
    -------
    ndarray of int64
        Numbers are distinct between pairs, and have no other meaning.
    """
    epoch, pair = find_epochs(suspects, max_gap)
    return _split(replace(suspects, pair=epoch, clocked=suspects.clocked[pair]), len(pair), max_gap)


def _split(suspects: Suspects, pairs: int, max_gap: int) -> Array:
    """The same by numbers, for pairs whose times were looked at."""
    count = len(suspects.pair)
    side = suspects.side
    reset = suspects.reset
    syn = ((suspects.flags & SYN) != 0) & ~reset
    forged = amid_data(suspects)
    syn[forged] = False
    point = (syn | (suspects.length > 0)) & ~reset
    rows = np.flatnonzero(point)
    acks = np.flatnonzero(suspects.acknowledges)
    long, walked, acknowledged = _walked(suspects, side, acks, 2 * pairs)
    halves = find_halves(
        side[rows],
        2 * pairs,
        suspects.sequence[rows],
        suspects.length[rows],
        syn[rows],
        max_gap,
        long,
        walked[rows],
    )
    own = np.full(count, -1, np.int64)
    own[rows] = halves.row_half
    point[suspects.refusals()] = True  # their number means nothing
    rest = np.flatnonzero(~point)
    own[rest] = halves.locate(side[rest], suspects.sequence[rest], False, walked[rest])
    peer = np.full(count, -1, np.int64)
    peer[acks] = halves.locate(side[acks] ^ 1, suspects.acknowledgment[acks], True, acknowledged)
    ghosts = _ghosts(peer, acks, side, suspects.acknowledgment, halves.count, max_gap)
    match = Matching(halves, ghosts, own, peer)
    match.handshakes(_handshakes(suspects, syn, own, peer, halves))
    match.weigh()
    match.go_on(suspects, rows)
    # A reset joins nothing, but tells where it belongs.
    told = np.flatnonzero(reset & ((suspects.flags & ACK) != 0))
    peer[told] = halves.locate(side[told] ^ 1, suspects.acknowledgment[told], True)
    label = match.labels()
    # Bare acknowledgments of bytes that nobody sent are strays: they never are a connection by themselves.
    label[~np.isin(label, match.numbers())] = -1
    _early_data(suspects, syn, own, halves, match, label, side, peer)
    _reached_beyond(suspects, syn, own, peer, halves, match, label, rows)
    label[forged] = (
        match.count + np.unique(side[forged] << 32 | suspects.sequence[forged], return_inverse=True)[1]
    )
    strays = acks[(label[acks] < 0) & (peer[acks] >= halves.count)]
    strays, connection = agreeing(suspects, strays, peer[strays])
    label[strays] = label.max(initial=0) + 1 + connection
    return _leftovers(label, suspects.pair, suspects.clocked)


def _walked(suspects: Suspects, side: Array, acks: Array, sides: int) -> tuple[Array, Array, Array]:
    """Sides with a clock whose numbers reach further than signed distances can order.

    Returns
    -------
    long : ndarray of bool
        For each side.
    walked : ndarray of int64
        Position of each packet on its side, by the clock.
    acknowledged : ndarray of int64
        Of each of `acks` on the other side.
    """
    plain = np.flatnonzero(~suspects.reset)
    axis = np.concatenate((side[plain], side[acks] ^ 1))
    number = np.concatenate((suspects.sequence[plain], suspects.acknowledgment[acks]))
    told = (suspects.length[plain] > 1) | ((suspects.flags[plain] & SYN) != 0)
    leads = np.concatenate((told, np.ones(len(acks), bool)))
    place, low, high = follow(axis, np.concatenate((plain, acks)), number, leads, sides)
    long = (high > low) & (high - low > HUGE) & np.repeat(suspects.clocked, 2)
    walked = suspects.sequence.astype(np.int64)
    walked[plain] = place[: len(plain)]
    return long, walked, place[len(plain) :]


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


def _early_data(
    suspects: Suspects,
    syn: Array,
    own: Array,
    halves: Halves,
    match: Matching,
    label: Array,
    side: Array,
    peer: Array,
) -> None:
    """Data below the first SYN of an arc: the end of an older connection, or before the start of this one.

    A stack never sends below its ISN, so such data is of this connection only if it came after the SYN and
    acknowledges what this connection's peer sent, or acknowledges nothing and reaches into the stream.
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
        told = told[(told >= 0) & (told < halves.count)]
        here = match.connection[half + 1]
        agreeing = int(np.isin(match.connection[told], here).sum())
        late = first_row[half] > first_syn[half + 1] or not suspects.clocked[halves.direction[half] >> 1]
        if late and (agreeing * 2 >= len(told) if len(told) else halves.crossed[half + 1]):
            label[members] = here


def _reached_beyond(
    suspects: Suspects,
    syn: Array,
    own: Array,
    peer: Array,
    halves: Halves,
    match: Matching,
    label: Array,
    rows: Array,
) -> None:
    """Connections whose numbers run past the ISN of a later one.

    The nearest ISN below a segment is then not always its own. Acknowledgments tell, where the other side's
    numbers differ; else the last SYN before it by the clock does, but only where an older connection
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
    ambiguous &= suspects.clocked[suspects.pair[rows]]
    if ambiguous.any():
        _follow_clock(suspects, syn, rows[ambiguous], own, halves, match, label, shared)


def _follow_acknowledgments(
    doubtful: Array, own: Array, peer: Array, halves: Halves, match: Matching, label: Array, rows: Array
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


def _ambiguous(own: Array, peer: Array, halves: Halves, match: Matching, shared: Array, rows: Array) -> Array:
    """Points whose numbers fit several connections."""
    mine, told = own[rows], peer[rows]
    beyond = halves.crossed[mine]
    known = (told >= 0) & (told < halves.count)
    safe = np.where(known, told, 0)
    # The other side tells nothing if its half is shared, unknown, or just as doubtful.
    silent = ~known | shared[safe] | halves.crossed[safe]
    return (beyond & silent) | (shared[mine] & ~_told_apart(mine, told, match))


def _told_apart(mine: Array, told: Array, match: Matching) -> Array:
    """True where a shared half's partner is named by the packet's acknowledgment."""
    keys, _ = match.shared_table()
    if not len(keys):
        return np.ones(len(mine), bool)
    return np.isin(mine * match.total + told, keys) & (told >= 0)


def _follow_clock(
    suspects: Suspects,
    syn: Array,
    doubtful: Array,
    own: Array,
    halves: Halves,
    match: Matching,
    label: Array,
    shared: Array,
) -> None:
    """Give doubtful segments to the connection whose SYN was the last before them."""
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


def _claims(halves: Halves, match: Matching, shared: Array) -> set[tuple[int, int, int]]:
    connection = match.connection[: halves.count]
    claims = set(zip(connection.tolist(), halves.direction.tolist(), halves.arc.tolist(), strict=True))
    for half, known in match.shared.items():
        claims |= {(c, int(halves.direction[half]), int(halves.arc[half])) for c in known.values()}
    return claims


def _leftovers(label: Array, pair: Array, clocked: Array) -> Array:
    """Stray packets without a connection join the one that was active before them, else after them.

    Without a clock they join the connection of the pair that the numbers put first.
    """
    known = label >= 0
    if known.all():
        return label
    order = np.lexsort((np.where(clocked[pair] | ~known, 0, label), pair))
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
