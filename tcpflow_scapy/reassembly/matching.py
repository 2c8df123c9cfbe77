"""Which halves are a connection: what one side sent, and what the other side acknowledged."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import FIN, RST
from tcpflow_scapy.reassembly.halves import Halves
from tcpflow_scapy.reassembly.sequence import distance
from tcpflow_scapy.reassembly.suspects import Suspects

Array = np.ndarray[Any, np.dtype[Any]]


class Matching:
    """Which half belongs to which. A half may belong to several, if both sides of a handshake say so.

    Parameters
    ----------
    halves : Halves
    total : int
        Halves, and what is known of others from acknowledgments alone.
    own, peer : ndarray of int64
        Of each packet: the half that its sequence number lies in, and the one that it acknowledges; -1
        where there is none.
    """

    def __init__(self, halves: Halves, total: int, own: Array, peer: Array) -> None:
        self.halves = halves
        self.total = total
        self.connection = np.full(total, -1, np.int64)
        self.partner = np.full(total, -1, np.int64)
        self.shared: dict[int, dict[int, int]] = {}
        self.count = 0
        self._own, self._peer = own, peer
        self._proven = np.zeros(total, bool)

    def handshakes(self, edges: Array) -> None:
        """Connections that a SYN and its SYN-ACK prove.

        Of several SYN-ACKs to one SYN the one counts that is acknowledged most.
        """
        if not len(edges):
            return
        self._proven[edges.reshape(-1)] = True
        told = self._own * self.total + self._peer
        told = np.sort(told[(self._own >= 0) & (self._peer >= 0)])
        answered = edges[:, 1] * self.total + edges[:, 0]
        votes = np.searchsorted(told, answered, side="right") - np.searchsorted(told, answered)
        for one, two in edges[np.argsort(-votes, kind="stable")].tolist():
            if self.connection[one] < 0 and self.connection[two] < 0:
                self._join(one, two)
                continue
            # One side used the same ISN again: the half is shared between connections.
            for half, other in ((one, two), (two, one)):
                if self.connection[half] >= 0 and self.connection[other] < 0:
                    self._share(half, other, self.count)
                    self.connection[other] = self.count
                    self.count += 1
                    break

    def _join(self, one: int, two: int) -> None:
        self.connection[one] = self.connection[two] = self.count
        self.partner[one], self.partner[two] = two, one
        self.count += 1

    def weigh(self) -> None:
        """Pair what is left by how many packets say so, heaviest first."""
        self._edges = self._weighted()
        for one, two in self._edges.tolist():
            if self.connection[one] < 0 and self.connection[two] < 0:
                self._join(one, two)
        alone = np.flatnonzero(self.connection < 0)
        self.connection[alone] = self.count + np.arange(len(alone))
        self.count += len(alone)

    def _weighted(self) -> Array:
        """Pairs of halves of which packets say that they belong together, most packets first."""
        own, peer = self._own, self._peer
        both = np.flatnonzero((own >= 0) & (peer >= 0))
        key = np.minimum(own[both], peer[both]) * self.total + np.maximum(own[both], peer[both])
        edges, weight = np.unique(key, return_counts=True)
        edges = edges[np.argsort(-weight, kind="stable")]
        return np.stack((edges // self.total, edges % self.total), axis=1)

    def go_on(self, suspects: Suspects, rows: Array) -> None:
        """Halves behind a hole wider than `max_gap` that go on what another one began.

        The other side's half, which is the same, proves it: it acknowledged what lies behind the hole, or,
        where nothing of it was captured, more of what it sent is acknowledged there, and nothing below came
        later.

        Parameters
        ----------
        suspects : Suspects
        rows : ndarray of int64
            The packets that are points of the halves.
        """
        halves = self.halves
        unpaired = self.partner[: halves.count] < 0
        alone = unpaired & ~self._proven[: halves.count] & (halves.isn < 0)
        if not unpaired.any():
            return
        first, last = self._seen(rows, suspects.length > 0)
        acknowledged = self._acknowledged()
        ends = np.flatnonzero(((suspects.flags & (FIN | RST)) != 0) & (self._own >= 0))
        ended = np.unique(self._own[ends] * (len(self._own) + 1) + ends)
        done = np.zeros(halves.count, bool)
        for one, two in self._edges.tolist():
            for half, other in ((one, two), (two, one)):
                if half >= halves.count or not unpaired[half] or done[half] or other in self.shared:
                    continue
                begun = int(self.partner[other])
                if not 0 <= begun < halves.count or halves.direction[begun] != halves.direction[half]:
                    continue
                done[half] = True
                known = (half * self.total + other) in acknowledged
                if known and (
                    halves.isn[half] >= 0 or self._closed(suspects, ended, (begun, half, other), first)
                ):
                    self._share(other, half, int(self.connection[half]))
                elif alone[half] and (
                    known
                    or (
                        other >= halves.count
                        and 0 <= last[begun] < first[half] < len(self._own)
                        and _more(suspects, last[begun], first[half])
                    )
                ):
                    self.connection[half] = self.connection[begun]

    def _closed(self, suspects: Suspects, ended: Array, halves: tuple[int, int, int], first: Array) -> bool:
        """Whether one of two halves of a side was over before the other began.

        Parameters
        ----------
        ended : ndarray of int64
            ``half * (packets + 1) + packet``, ascending, of FINs and resets.
        halves : tuple of int
            The two, and the half of the other side that acknowledges both.
        first : ndarray of int64
            First packet with data of each half.
        """
        one, two, other = halves
        if not suspects.clocked[self.halves.direction[one] >> 1]:
            return False
        one, two = (one, two) if first[one] < first[two] else (two, one)
        stride = len(self._own) + 1
        low = np.searchsorted(ended, np.array((one, other)) * stride + [0, first[one]])
        high = np.searchsorted(ended, np.array((one, other)) * stride + first[two])
        return bool((high > low).any())

    def _share(self, half: int, other: int, connection: int) -> None:
        """`half` belongs to the connection of `other`, too: its side used the same numbers again."""
        known = self.shared.setdefault(half, {})
        if not known:
            known[int(self.partner[half])] = int(self.connection[half])
        known[other] = connection
        self.partner[other] = half

    def _seen(self, rows: Array, data: Array) -> tuple[Array, Array]:
        """First and last packet with data of each half."""
        mine = rows[data[rows]]
        half = self._own[mine]
        first = np.full(self.halves.count, len(self._own), np.int64)
        last = np.full(self.halves.count, -1, np.int64)
        np.minimum.at(first, half, mine)
        np.maximum.at(last, half, mine)
        return first, last

    def _acknowledged(self) -> set[int]:
        """``half * total + other half`` where packets of the other half acknowledge the half."""
        known = (self._own >= 0) & (self._peer >= 0)
        return set(np.unique(self._peer[known] * self.total + self._own[known]).tolist())

    def shared_table(self) -> tuple[Array, Array]:
        """``half * total + other half``, ascending, and the connection of each such pair."""
        rows = sorted(
            (half * self.total + other, connection)
            for half, known in self.shared.items()
            for other, connection in known.items()
        )
        table = np.array(rows, np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    def numbers(self) -> Array:
        """The connections that have a half of their own."""
        connections = [np.fromiter(x.values(), np.int64) for x in self.shared.values()]
        return np.concatenate((self.connection[: self.halves.count], *connections))

    def labels(self) -> Array:
        """The connection of each packet; -1 where its numbers say nothing."""
        own, peer = self._own, self._peer
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


def _more(suspects: Suspects, before: int, after: int) -> bool:
    """Whether one packet acknowledges more than another."""
    number = suspects.acknowledgment
    return distance(int(number[after]), int(number[before])) > 0
