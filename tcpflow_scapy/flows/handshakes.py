"""Handshakes that two machines answered: an injector and the server, or two that share an address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.info import Problem
from tcpflow_scapy.decode.packets import ACK, RST, SYN

if TYPE_CHECKING:
    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]

_WITHIN = 10_000_000_000
"""Nanoseconds between two answers to one SYN; the same ISN later may be another connection."""
_LISTED = 20


def handshake_problems(evidence: Evidence) -> list[Problem]:
    """One for each SYN that was answered with different sequence numbers, the first of many only."""
    packets, times = evidence.packets, evidence.times
    rows = np.flatnonzero((packets.flags & (SYN | ACK | RST)) == SYN | ACK)
    columns = (packets.source[rows], packets.destination[rows], packets.acknowledgment[rows])
    order = np.lexsort((times[rows], *columns))
    rows = rows[order]
    same = np.ones(max(len(rows) - 1, 0), bool)
    for column in columns:
        same &= column[order][1:] == column[order][:-1]
    sequence, time = packets.sequence[rows], times[rows]
    soon = (time[1:] - time[:-1] <= _WITHIN) | (time[1:] == NO_TIME)
    second = np.flatnonzero(same & soon & (sequence[1:] != sequence[:-1]))
    if not len(second):
        return []
    ends = np.stack([column[order][second] for column in columns], axis=1)
    _, first = np.unique(ends, axis=0, return_index=True)
    second = second[np.sort(first)]
    listed = [_problem(evidence, int(rows[i]), int(rows[i + 1])) for i in second[:_LISTED].tolist()]
    if len(second) > _LISTED:
        more = f"and {len(second) - _LISTED:,} more SYNs were answered with different sequence numbers"
        listed.append(Problem("handshake", more, listed[-1].path))
    return listed


def _problem(evidence: Evidence, one: int, two: int) -> Problem:
    packets = evidence.packets
    server, client = (_endpoint(evidence, int(ends[one])) for ends in (packets.source, packets.destination))
    first, second = sorted((one, two), key=lambda row: int(packets.frame[row]))
    frames = int(packets.frame[first]) + 1, int(packets.frame[second]) + 1
    message = (
        f"a SYN of {client} was answered by {server} with different sequence numbers in frames {frames[0]}"
        f" and {frames[1]}: one of the answers is forged, or two machines have that address"
    )
    _, path, offset = evidence.place(int(packets.header[second]), frames[1] - 1)
    return Problem("handshake", message, path, frames[1], offset)


def _endpoint(evidence: Evidence, code: int) -> str:
    host = evidence.address_text(code >> 16)
    return f"[{host}]:{code & 0xFFFF}" if ":" in host else f"{host}:{code & 0xFFFF}"
