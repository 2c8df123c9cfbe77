"""A look at some pairs of endpoints: their connections, and which of them have ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.packets import FIN, RST
from tcpflow_scapy.flows.evidence import Evidence
from tcpflow_scapy.flows.flow import Flow
from tcpflow_scapy.live.engine_hot import FIN_HIGH, FIN_LOW
from tcpflow_scapy.live.engine_rows import Picked
from tcpflow_scapy.reassembly.tables import Reassembly

Array = np.ndarray[Any, np.dtype[Any]]

ENDS = ("", "fin", "reset", "reused", "timeout", "capture")
"""How a connection ended: not yet, closed by both sides, reset, its endpoints were used for another one, idle
for too long, or with the capture."""

OPEN, CLOSED, RESET, REUSED, IDLE, CAPTURE = range(len(ENDS))

_SOON = 1e-3
"""Seconds by which a look that would come a hair too early is put off."""


class ClosedFlow(Flow):
    """A flow that has ended.

    `id` is its number among those it was looked at with, not that in the final table, which nobody knows yet.
    """

    __slots__ = ("again", "ended", "first_frame")

    def __init__(self, evidence: Evidence, number: int, *, ended: str, again: bool, first_frame: int) -> None:
        super().__init__(evidence, number)
        self.ended = ended
        """one of `ENDS`"""
        self.again = again
        """whether it was reported before and had packets since, or was seen differently"""
        self.first_frame = first_frame
        """number of the frame of its first packet: the same in every report of the same flow"""


@dataclass(slots=True)
class Look:
    """What was found. Columns have a row for each connection."""

    evidence: Evidence
    key: Array
    """uint64, of its pair"""
    first: Array
    """int64, frame (from 0) of its first packet"""
    last: Array
    """int64, of its last one"""
    packets: Array
    """int64"""
    idle: Array
    """float64, seconds"""
    end: Array
    """int8, index into `ENDS`"""
    superseded: Array
    """bool: its endpoints were used for another one since"""
    partial: Array
    """uint64, keys of pairs of which not all packets were looked at"""

    def __len__(self) -> int:
        return len(self.key)


@dataclass(slots=True)
class Patience:
    """How long to wait, seconds."""

    linger: float
    park: float
    timeout: float | None


def judge(evidence: Evidence, picked: Picked, keys: Array, idle: Array, patience: Patience) -> Look:
    """Find out which connections have ended.

    Parameters
    ----------
    evidence : Evidence
        Of `picked`.
    picked : Picked
    keys : ndarray of uint64
        The pairs, ascending.
    idle : ndarray of float64
        Seconds since each had a packet.
    patience : Patience
    """
    found = evidence.reassembly
    connections, streams = found.connections, found.streams
    frame = picked.packets.frame
    newest = _newest_rows(found)
    key = picked.key[connections.first]
    pair = np.searchsorted(keys, key)
    quiet = _quiet(picked, keys, pair, newest, idle)
    flags = streams.flags
    both = ((flags[0::2] & flags[1::2]) & FIN) != 0
    acknowledged = (streams.acknowledged >= streams.fin).reshape(-1, 2).all(axis=1)
    lingered = quiet >= patience.linger
    last_of_pair = np.zeros(int(connections.pair.max(initial=-1)) + 1, np.int64)
    last_of_pair[connections.pair] = np.arange(len(connections))
    superseded = last_of_pair[connections.pair] != np.arange(len(connections))
    end = np.zeros(len(connections), np.int8)
    if patience.timeout is not None:
        end[quiet > patience.timeout] = IDLE
    end[superseded & lingered] = REUSED
    end[both & ((acknowledged & lingered) | (quiet >= patience.park))] = CLOSED
    end[((flags[0::2] | flags[1::2]) & RST != 0) & ~both & lingered] = RESET
    packets = streams.packets[0::2] + streams.packets[1::2]
    return Look(
        evidence,
        key,
        frame[connections.first].astype(np.int64),
        frame[newest].astype(np.int64),
        packets,
        quiet,
        end,
        superseded,
        np.empty(0, np.uint64),
    )


def _newest_rows(found: Reassembly) -> Array:
    """int64: the row of each connection's last packet."""
    starts = found.streams.packet_start
    last = np.full(len(starts) - 1, -1, np.int64)
    present = np.flatnonzero(np.diff(starts))
    last[present] = found.order[starts[1:][present] - 1]
    return np.maximum(last[0::2], last[1::2])


def _quiet(picked: Picked, keys: Array, pair: Array, newest: Array, idle: Array) -> Array:
    """Seconds since each connection had a packet: as its pair, and longer if another one was active since."""
    latest = np.zeros(len(keys), np.int64)
    np.maximum.at(latest, pair, newest)
    here, there = picked.time[newest], picked.time[latest[pair]]
    apart = (there.astype(np.float64) - here.astype(np.float64)) / 1e9
    apart[(here == NO_TIME) | (there == NO_TIME)] = 0
    quiet: Array = idle[pair] + np.maximum(apart, 0)
    return quiet


def what_is_open(look: Look, keys: Array, clock: float, patience: Patience) -> tuple[Array, Array, Array]:
    """What is left of pairs that were looked at.

    Returns
    -------
    open : ndarray of bool
        For each of `keys`, whether a connection of it has not ended.
    bits : ndarray of uint8
        FINs of its open connections, as `end_bits` has them.
    due : ndarray of float64
        When to look again if no packet comes; inf: never.
    """
    streams = look.evidence.reassembly.streams
    rest = np.flatnonzero(look.end == OPEN)
    pair = np.searchsorted(keys, look.key[rest])
    still = np.zeros(len(keys), bool)
    still[pair] = True
    client, server = streams.flags[2 * rest], streams.flags[2 * rest + 1]
    low = streams.address[2 * rest] <= streams.address[2 * rest + 1]
    first, second = np.where(low, client, server), np.where(low, server, client)
    bits = np.zeros(len(keys), np.uint8)
    seen = np.where(first & FIN, FIN_LOW, 0) | np.where(second & FIN, FIN_HIGH, 0)
    np.bitwise_or.at(bits, pair, seen.astype(np.uint8))
    due = np.full(len(keys), np.inf)
    # What has ended but has not been quiet for long enough, and what may become too old.
    idle = look.idle[rest]
    over = ((client | server) & RST != 0) | ((client & server & FIN) != 0) | look.superseded[rest]
    wait = np.where(over & (idle < patience.linger), patience.linger - idle, np.inf)
    if patience.timeout is not None:
        wait = np.minimum(wait, np.maximum(patience.timeout - idle, 0))
    np.minimum.at(due, pair, clock + wait + _SOON)
    return still, bits, due
