"""The packets of pairs of endpoints that may have carried several connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import ACK, FIN, RST, SYN

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(slots=True)
class Suspects:
    """By pair, in order of time where the pair has a clock, else of arrival."""

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
    time: Array
    """int64, ns"""
    clocked: Array
    """bool for each pair: whether its times differ, so that they give an order"""

    @property
    def side(self) -> Array:
        """Number of the direction: 2 * pair + direction."""
        return self.pair * 2 + self.direction

    @property
    def reset(self) -> Array:
        """bool: RST is set."""
        found: Array = (self.flags & RST) != 0
        return found

    @property
    def acknowledges(self) -> Array:
        """bool: the acknowledgment number means something (a reset's need not)."""
        found: Array = (self.flags & (ACK | RST)) == ACK
        return found

    def syns(self, *, answer: bool) -> Array:
        """Rows of SYNs, or of SYN-ACKs."""
        return np.flatnonzero((self.flags & (SYN | ACK | RST)) == (SYN | ACK if answer else SYN))

    def refusals(self) -> Array:
        """Rows of resets by which a closed port answers a SYN (RFC 9293, 3.10.7.1)."""
        return np.flatnonzero(((self.flags & (RST | ACK)) == (RST | ACK)) & (self.sequence == 0))

    def closed_between(self, first: Array, last: Array) -> Array:
        """bool: between two rows of a pair every side that sent something sent a FIN, or a reset came."""
        fins, resets = (self.flags & (FIN | RST)) == FIN, self.reset
        closed = np.ones(len(first), bool)
        some = np.zeros(len(first), bool)
        for direction in (0, 1):
            mine = self.direction == direction
            ended = _between(mine & fins, first, last)
            closed &= ended | ~_between(mine, first, last)
            some |= ended
        return (closed & some) | _between(resets, first, last)

    def ended_between(self, first: Array, last: Array) -> Array:
        """bool: between two rows of a pair some side sent a FIN."""
        return _between((self.flags & (FIN | RST)) == FIN, first, last)


def _between(chosen: Array, first: Array, last: Array) -> Array:
    """bool: whether a row from `first` up to, not with, `last` is `chosen`."""
    count = np.concatenate(([0], np.cumsum(chosen)))
    found: Array = count[last] > count[first]
    return found
