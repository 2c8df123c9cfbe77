"""The round trip of each handshake (Wireshark's iRTT), measured as Karn would: from what was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.options import tcp_options
from tcpflow_scapy.decode.packets import ACK, RST, SYN
from tcpflow_scapy.reassembly.connections import connection_parts
from tcpflow_scapy.reassembly.pairs import PART_PACKETS

if TYPE_CHECKING:
    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]


def round_trips(evidence: Evidence) -> Array:
    """SYN to SYN-ACK, and SYN-ACK to the ACK that answers it, ms; NaN where one was not seen.

    Only handshakes whose packets came in this order, by their times and numbers, are used. Of several SYNs
    the one counts that was answered: its timestamp is echoed (RFC 7323, 4.1). Without timestamps it is the
    last one before the answer (RFC 6298, 3). The same goes for several SYN-ACKs and the ACK.
    """
    found = evidence.reassembly
    starts = found.streams.packet_start
    parts = []
    for some, rows in connection_parts(starts, PART_PACKETS):
        bounds = starts[2 * some.start : 2 * some.stop + 1] - rows.start
        parts.append(_some_round_trips(evidence, found.order[rows], bounds))
    return np.concatenate(parts) if parts else np.empty(0)


def _some_round_trips(evidence: Evidence, rows: Array, starts: Array) -> Array:
    """Those of some connections, given the packets of their streams and where each stream begins in them."""
    count = len(starts) // 2
    out = np.full(count, np.nan)
    if not len(rows):
        return out
    flags = evidence.packets.flags[rows]
    syn = np.flatnonzero((flags & (SYN | RST)) == SYN)
    if not (flags[syn] & ACK).any():
        return out
    owner = np.searchsorted(starts, syn, side="right") - 1
    asks = (owner & 1 == 0) & ((flags[syn] & ACK) == 0)
    answers = (owner & 1 == 1) & ((flags[syn] & ACK) != 0)
    asked, asked_row, asked_often = _first(evidence, rows, syn[asks], owner[asks] >> 1, count)
    answered, answered_row, answered_often = _first(evidence, rows, syn[answers], owner[answers] >> 1, count)
    # The client's first packet that is not a SYN comes right behind its SYNs.
    plain = np.flatnonzero((flags & (SYN | RST | ACK)) == ACK)
    at = np.searchsorted(plain, starts[:-1:2])
    inside = at < len(plain)
    third_row = np.full(count, -1, np.int64)
    third_row[inside] = plain[at[inside]]
    third_row[third_row >= starts[1::2]] = -1
    both = np.flatnonzero((asked_row >= 0) & (answered_row >= 0) & (third_row >= 0))
    third = np.full(count, NO_TIME, np.int64)
    third[both] = evidence.times[rows[third_row[both]]]
    accepted = answered.copy()
    for often, asking, answer, when, time in (
        (asked_often, asks, answered_row, answered, asked),
        (answered_often, answers, third_row, third, accepted),
    ):
        again = both[often[both]]
        if len(again):
            pick = np.zeros(count, bool)
            pick[again] = True
            some = syn[asking & pick[owner >> 1]]
            time[again] = _answered(evidence, rows, starts, some, answer, when)[again]
    times = (asked, answered, accepted, third)
    good = both[np.logical_and.reduce([t[both] != NO_TIME for t in times])]
    good = good[(answered >= asked)[good] & (third >= accepted)[good]]
    out[good] = ((answered - asked) + (third - accepted))[good] / 1e6
    return out


def _first(
    evidence: Evidence, rows: Array, packets: Array, connection: Array, count: int
) -> tuple[Array, Array, Array]:
    """Of some packets the earliest of each connection: its time, its index, and whether there are more."""
    when = evidence.times[rows[packets]]
    time, row = np.full(count, NO_TIME, np.int64), np.full(count, -1, np.int64)
    time[connection], row[connection] = when, packets
    often = np.bincount(connection, minlength=count) > 1
    # The last assignment stays: latest first.
    some = np.flatnonzero(often[connection])
    some = some[np.argsort(-when[some], kind="stable")]
    time[connection[some]], row[connection[some]] = when[some], packets[some]
    return time, row, often


def _answered(
    evidence: Evidence, rows: Array, starts: Array, asking: Array, answer: Array, when: Array
) -> Array:
    """Time of that one of several packets to which another is the answer: NO_TIME where none is.

    Parameters
    ----------
    asking : ndarray of int64
        Index in `rows`.
    answer, when : ndarray of int64
        For each connection the index of the answer, and its time.
    """
    connection = (np.searchsorted(starts, asking, side="right") - 1) >> 1
    time = evidence.times[rows[asking]]
    known = (time != NO_TIME) & (time <= when[connection]) & (answer[connection] >= 0)
    asking, connection, time = asking[known], connection[known], time[known]
    both = np.concatenate((asking, answer[connection]))
    options = tcp_options(evidence.packets, rows[both], evidence.store)
    said, echoed = options["tsval"][: len(asking)], options["tsecr"][len(asking) :]
    # Where one is echoed, it counts before all others; else the last one.
    order = np.lexsort((time, (said == echoed) & (said >= 0), connection))
    out = np.full(len(when), NO_TIME, np.int64)
    out[connection[order]] = time[order]
    return out
