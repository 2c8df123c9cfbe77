"""Pairs of endpoints that took another tunnel, or VLAN, in each direction.

A pair is its endpoints and the encapsulation. Where one of them carried packets in one direction only, and
another one of the same endpoints only in the other, they are the halves of one conversation if each side
acknowledges what the other one sent. Tunnel endpoint ids of mobile networks differ in each direction as a
rule, and change when a device moves on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import ACK, FIN, RST, SYN, PacketTable
from tcpflow_scapy.reassembly.columns import by_group
from tcpflow_scapy.reassembly.numbering import factorize, factorize_parts
from tcpflow_scapy.reassembly.sequence import distances

Array = np.ndarray[Any, np.dtype[Any]]

NEIGHBOURS = 4
"""Of many tunnels between the same endpoints so many are tried for each, those with the nearest numbers."""

MOST = 64
"""So many tunnels at most are joined to one conversation."""


@dataclass(slots=True)
class _Ways:
    """What pairs with one direction sent."""

    pair: Array
    direction: Array
    endpoints: Array
    """int64: the same for the same endpoints"""
    start: Array
    end: Array
    """int64, ns: first and last time"""
    sequence: Array
    acknowledgment: Array
    """uint32: the last numbers: of the byte after the last one, and what was acknowledged last"""
    sent: Array
    acknowledged: Array
    """int64: so far they moved from the first one"""
    acknowledges: Array
    """bool: whether anything was acknowledged"""


def join_asymmetric(
    packets: PacketTable, times: Array, pair: Array, direction: Array, count: int
) -> tuple[Array, int]:
    """Give both ways of a conversation one number.

    Parameters
    ----------
    packets : PacketTable
    times : ndarray of int64
        Of each packet, ns.
    pair : ndarray of int32
    direction : ndarray of uint8
    count : int
        Of pairs.

    Returns
    -------
    pair : ndarray of int32
    count : int
    """
    if len(packets.encapsulations) < 2 or count < 2:
        return pair, count
    seen = np.zeros((2, count), bool)
    seen[direction, pair] = True
    single = np.flatnonzero(seen[0] != seen[1])
    first = np.zeros(count, np.int64)
    first[pair[::-1]] = np.arange(len(pair) - 1, -1, -1)
    source, destination = packets.source[first[single]], packets.destination[first[single]]
    ends = np.minimum(source, destination), np.maximum(source, destination)
    endpoints, groups = factorize_parts(iter([ends]), len(single))
    way = seen[1, single].astype(np.int64)
    both = np.zeros((2, groups), bool)
    both[way, endpoints] = True
    met: Array = (both[0] & both[1])[endpoints]
    if not met.any():
        return pair, count
    ways = _ways(packets, times, pair, single[met], way[met], endpoints[met])
    label = np.arange(count)
    label[ways.pair] = ways.pair[_joined(ways)]
    codes, joined = factorize(label[pair])
    return codes.astype(np.int32), joined


def _ways(
    packets: PacketTable, times: Array, pair: Array, some: Array, way: Array, endpoints: Array
) -> _Ways:
    """What each of some pairs sent, by column."""
    number = np.full(int(pair.max()) + 1, -1, np.int64)
    number[some] = np.arange(len(some))
    rows = np.flatnonzero(number[pair] >= 0)
    order, starts = by_group(number[pair[rows]].astype(np.int32), len(some))
    rows = rows[order]
    group = np.repeat(np.arange(len(some)), np.diff(starts))
    heads = starts[:-1]
    flags = packets.flags[rows]
    size = packets.wire_length[rows] + ((flags & SYN) != 0) + ((flags & FIN) != 0)
    sequence = packets.sequence[rows]
    place = distances(sequence, sequence[heads][group])
    reset = (flags & RST) != 0
    lowest = np.minimum.reduceat(np.where(reset, 0, place), heads)
    highest = np.maximum.reduceat(np.where(reset, 0, place + size), heads)
    told = (flags & (ACK | RST)) == ACK
    numbers = packets.acknowledgment[rows]
    reference = np.zeros(len(some), np.uint32)
    known = np.flatnonzero(told)[::-1]
    reference[group[known]] = numbers[known]
    at = np.where(told, distances(numbers, reference[group]), 0)
    least, most = np.minimum.reduceat(at, heads), np.maximum.reduceat(at, heads)
    return _Ways(
        pair=some,
        direction=way,
        endpoints=endpoints.astype(np.int64),
        start=np.minimum.reduceat(times[rows], heads),
        end=np.maximum.reduceat(times[rows], heads),
        sequence=(sequence[heads].astype(np.int64) + highest).astype(np.uint32),
        acknowledgment=(reference.astype(np.int64) + most).astype(np.uint32),
        sent=highest - lowest,
        acknowledged=most - least,
        acknowledges=np.logical_or.reduceat(told, heads),
    )


def _joined(ways: _Ways) -> Array:
    """The representative of each: best fits first, none that another one in the same direction rules out."""
    one, two, cost = _fits(ways)
    root = np.arange(len(ways.pair))
    # Most conversations have one tunnel each way.
    number = np.bincount(ways.endpoints)
    simple = number[ways.endpoints[one]] == 2
    first, second = np.minimum(one, two)[simple], np.maximum(one, two)[simple]
    root[second] = first
    one, two, cost = one[~simple], two[~simple], cost[~simple]
    members: dict[int, list[int]] = {}
    for edge in np.argsort(cost, kind="stable").tolist():
        a, b = int(root[one[edge]]), int(root[two[edge]])
        mine, others = members.get(a, [a]), members.get(b, [b])
        if a == b or len(mine) + len(others) > MOST or _rival(ways, mine, others):
            continue
        a, b = min(a, b), max(a, b)
        members[a] = mine + others
        root[members[a]] = a
    return root


def _rival(ways: _Ways, some: list[int], others: list[int]) -> bool:
    """Whether two in the same direction overlap in time: then they are not one conversation."""
    one, two = np.array(some)[:, None], np.array(others)
    together = (ways.start[one] <= ways.end[two]) & (ways.start[two] <= ways.end[one])
    return bool((together & (ways.direction[one] == ways.direction[two])).any())


def _fits(ways: _Ways) -> tuple[Array, Array, Array]:
    """Tunnels each of which acknowledges what came through the other, and how much of it they do not."""
    ahead = np.flatnonzero(ways.direction == 0)
    back = np.flatnonzero(ways.direction == 1)
    # By endpoints, then by the last number of the first direction, as either side knows it.
    width = np.int64(1) << 32
    keys = ways.endpoints[ahead] * width + ways.sequence[ahead]
    order = np.argsort(keys, kind="stable")
    ahead, keys = ahead[order], keys[order]
    wanted = ways.endpoints[back] * width + ways.acknowledgment[back]
    index = np.searchsorted(keys, wanted)
    shift = np.arange(-NEIGHBOURS, NEIGHBOURS)
    nearest = (index[:, None] + shift).reshape(-1)
    two = np.repeat(back, len(shift))
    inside = (nearest >= 0) & (nearest < len(ahead))
    one, two = ahead[nearest[inside]], two[inside]
    same = ways.endpoints[one] == ways.endpoints[two]
    one, two = one[same], two[same]
    there, back_again = _off(ways, one, two), _off(ways, two, one)
    good = (there >= 0) & (back_again >= 0)
    one, two, cost = one[good], two[good], (there + back_again)[good]
    # Several that fit alike: the nearest in time.
    return one, two, cost * 2.0**20 + np.abs(ways.start[one] - ways.start[two]) / 2.0**44


def _off(ways: _Ways, sender: Array, receiver: Array) -> Array:
    """int64: bytes between what was sent last and what was acknowledged last; -1 if these never meet."""
    short = distances(ways.sequence[sender], ways.acknowledgment[receiver])
    meet = (short >= -ways.acknowledged[receiver] - 1) & (short <= ways.sent[sender] + 1)
    off = np.where(meet, np.abs(short), -1)
    return np.where(ways.acknowledges[receiver], off, 0)
