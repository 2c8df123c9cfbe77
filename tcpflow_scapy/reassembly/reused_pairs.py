"""Pairs of endpoints that may have carried more than one connection; most carried one."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.packets import ACK, FIN, RST, SYN, PacketTable
from tcpflow_scapy.reassembly.columns import first_rows, group_reduce
from tcpflow_scapy.reassembly.openings import REOPENED_AFTER
from tcpflow_scapy.reassembly.sequence import HUGE, MODULUS, after_widest_holes, distances, unwrap

Array = np.ndarray[Any, np.dtype[Any]]


def possibly_reused(
    packets: PacketTable, times: Array, side: Array, order: Array, some: slice, max_gap: int
) -> Array:
    """bool: pairs that may hold more than one connection, found without a loop.

    Parameters
    ----------
    packets : PacketTable
    times : ndarray of int64
        Of each packet, ns.
    side : ndarray of int32
        Of each packet: 2 * pair + direction.
    order : ndarray of int32
        Rows of the packets of the pairs to look at, by side.
    some : slice
        The pairs to look at.
    max_gap : int
    """
    bad = np.zeros(some.stop - some.start, bool)
    sides = 2 * len(bad)
    flags = packets.flags[order]
    s = side[order] - 2 * some.start
    sequence = packets.sequence[order]
    reset = (flags & RST) != 0
    syn = np.flatnonzero(((flags & SYN) != 0) & ~reset)
    isn = _isns(sequence, s, syn, sides, bad)
    _syns_again(times[order[syn]], flags, s, syn, bad)
    answers = syn[(flags[syn] & ACK) != 0]
    asked = isn[s[answers] ^ 1]
    wrong = (asked >= 0) & (
        ((asked + 1) & 0xFFFFFFFF) != packets.acknowledgment[order[answers]].astype(np.int64)
    )
    bad[s[answers[wrong]] >> 1] = True
    data = np.flatnonzero((packets.wire_length[order] > 0) & ~reset)
    group = s[data]
    length = packets.wire_length[order[data]].astype(np.int64)
    begin = sequence[data] + ((flags[data] & SYN) >> 1).astype(np.uint32)
    reference = np.zeros(sides, np.uint32)
    heads = np.flatnonzero(first_rows(group))
    reference[group[heads]] = begin[heads]
    known = isn >= 0
    reference[known] = (isn[known] + 1).astype(np.uint32)
    offset = distances(begin, reference[group])
    early = known[group] & (offset + length <= 0) & (length > 1)
    bad[group[early] >> 1] = True
    low = group_reduce(np.minimum, offset, group, sides, 0)
    high = group_reduce(np.maximum, offset + length, group, sides, 0)
    low = np.where(known, np.minimum(low, 0), low)
    bare = np.flatnonzero((packets.wire_length[order] == 0) & ((flags & (SYN | RST)) == 0))
    group_of_bare = s[bare]
    at = distances(sequence[bare], reference[group_of_bare])
    # What is as long as signed distances reach is looked at for holes only.
    short = (high - low < HUGE >> 1) & (known | (high > low))
    least, most = np.where(known, -1, low - max_gap), high + max_gap
    strange = ((at < least[group_of_bare]) | (at > most[group_of_bare])) & short[group_of_bare]
    bad[group_of_bare[strange] >> 1] = True
    wide = high - low > max_gap
    if wide.any():
        _holes(group, offset, length, wide, known, max_gap, bad)
    return bad


def _isns(sequence: Array, side: Array, syn: Array, sides: int, bad: Array) -> Array:
    """int64[sides]: the ISN of each side, -1 without; pairs with several are marked in `bad`."""
    isn = np.full(sides, -1, np.int64)
    numbers = sequence[syn].astype(np.int64)
    low = group_reduce(np.minimum, numbers, side[syn], sides, -1)
    high = group_reduce(np.maximum, numbers, side[syn], sides, -1)
    isn[:] = low
    bad[np.flatnonzero(low != high) >> 1] = True
    return isn


def _syns_again(times: Array, flags: Array, side: Array, syn: Array, bad: Array) -> None:
    """Mark pairs where a SYN came again long after the first, and something was closed."""
    asks = ((flags[syn] & ACK) == 0) & (times != NO_TIME)
    group, when = side[syn[asks]], times[asks]
    if not (group[1:] == group[:-1]).any():
        return
    first = group_reduce(np.minimum, when, group, 2 * len(bad), 0)
    last = group_reduce(np.maximum, when, group, 2 * len(bad), 0)
    long = (last - first >= REOPENED_AFTER).reshape(-1, 2).any(axis=1)
    closed = np.zeros(len(bad), bool)
    closed[side[(flags & (FIN | RST)) != 0] >> 1] = True
    bad |= long & closed


def _holes(
    group: Array, offset: Array, length: Array, wide: Array, known: Array, max_gap: int, bad: Array
) -> None:
    """Mark pairs with a hole wider than `max_gap`.

    More data than signed distances can order is placed on the circle, or, where that is full, followed in the
    order of arrival.
    """
    rows = np.flatnonzero(wide[group])
    g, begin, size = group[rows], offset[rows], length[rows]
    heads = np.flatnonzero(first_rows(g))
    volume = np.add.reduceat(size, heads)
    tails = np.append(heads[1:], len(g))
    bad_sides = np.zeros(len(wide), bool)
    for i in np.flatnonzero(volume > HUGE).tolist():
        members = slice(int(heads[i]), int(tails[i]))
        numbers = begin[members] % MODULUS
        alone = np.zeros(len(numbers), np.int64)
        cut = int(after_widest_holes(alone, numbers, size[members], 1, max_gap)[0])
        if cut < 0:
            begin[members] = unwrap(numbers.astype(np.uint32))
        else:
            begin[members] = numbers if known[g[members][0]] else (numbers - cut) % MODULUS
    order = np.lexsort((begin, g))
    g, begin, size = g[order], begin[order], size[order]
    new = first_rows(g)
    # One axis: sides so far apart that one running maximum serves all.
    reach_of = np.zeros(len(wide), np.int64)
    np.maximum.at(reach_of, g, np.abs(begin) + size)
    reach_of = reach_of[g[new]]
    place = np.cumsum(2 * reach_of + 1) - reach_of
    axis = np.repeat(place, np.diff(np.append(np.flatnonzero(new), len(g)))) + begin
    reach = np.maximum.accumulate(axis + size)
    hole = np.zeros(len(g), bool)
    hole[1:] = axis[1:] - reach[:-1] > max_gap
    hole &= ~new
    # Nothing but the SYN before a first segment far away is a hole, too.
    hole |= new & known[g] & (begin > max_gap)
    bad_sides[g[hole]] = True
    bad[np.flatnonzero(bad_sides) >> 1] = True
