"""Bytes that come after later ones: overtaken on the way, or lost before the capture and sent again?

What was sent again was sent after what overtook it. The sender's clock in the segment says so (RFC 7323), or
its counter of IP datagrams; where neither does, the capture's clock: nothing comes again sooner than a round
trip after what came in its place, for the receiver has to ask for it first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.packets import ACK, FIN, RST, SYN, PacketTable
from tcpflow_scapy.decode.sender_marks import sender_marks
from tcpflow_scapy.reassembly.columns import first_rows, group_reduce, rows_of_groups
from tcpflow_scapy.reassembly.offsets import Offsets
from tcpflow_scapy.reassembly.probes import Probes
from tcpflow_scapy.reassembly.sequence import distances

Array = np.ndarray[Any, np.dtype[Any]]

_PATIENCE = 3_000_000
"""ns: where no round trip is known, what comes this much later was sent again (Wireshark's value)."""

_NEAR_IDS = 256
"""Datagrams that a sender sends between two segments, where its counter says something."""


def sent_again(
    packets: PacketTable,
    times: Array,
    order: Array,
    offsets: Offsets,
    probes: Probes,
    late: Array,
    store: Store,
) -> Array:
    """Those of some late segments that were sent again.

    Parameters
    ----------
    times : ndarray of int64
        Of all packets, ns.
    late : ndarray of int64
        Index in `order` of segments with bytes that were not seen before, behind which others were.
    """
    if not len(late):
        return late
    overtaker = _overtakers(offsets, probes, late)
    row, other = order[late], order[overtaker]
    # One packet overtakes many; and what it overtook mostly lies near it in the file.
    new = first_rows(other)
    stamps, numbers = sender_marks(packets, np.concatenate((row, other[new])), store)
    count, which = len(row), np.cumsum(new) - 1
    said = _by_timestamp(stamps[:count], stamps[count:][which])
    said = np.where(said == 0, _by_counter(numbers[:count], numbers[count:][which]), said)
    open_ = np.flatnonzero(said == 0)
    if len(open_):
        patience = _round_trips(times, order, offsets, offsets.stream[late[open_]] >> 1)
        now, then = times[row[open_]], times[other[open_]]
        timed = (now != NO_TIME) & (then != NO_TIME)
        said[open_[timed]] = np.where(now[timed] - then[timed] >= patience[timed], 1, -1)
    found: Array = late[said > 0]
    return found


def _overtakers(offsets: Offsets, probes: Probes, late: Array) -> Array:
    """For each late segment the first packet of its stream that came before it and reached beyond it.

    What was reached before each packet ascends, so it is found by bisection.
    """
    goal = np.maximum(probes.at, probes.place)[late]
    found: Array = np.searchsorted(probes.before, goal, side="right") - 1
    bare = np.flatnonzero(((offsets.flags & (FIN | RST)) == FIN) & (offsets.wire == 0))
    if len(bare):
        # A FIN may say any number: no stream has so many bytes.
        reach, goal = (
            (offsets.stream[rows].astype(np.int64) << 40) + np.maximum(offsets.start[rows], 0)
            for rows in (bare, late)
        )
        index = np.searchsorted(np.maximum.accumulate(reach), goal, side="right")
        found = np.minimum(found, np.append(bare, len(offsets.wire))[index])
    return found


def _by_timestamp(sent: Array, before: Array) -> Array:
    """1 sent later than the other, -1 sent before it, 0 not known: by TSval (RFC 7323, 3)."""
    known = (sent >= 0) & (before >= 0)
    passed = distances(sent.astype(np.uint32), before.astype(np.uint32))
    found: Array = np.where(known, np.sign(passed), 0)
    return found


def _by_counter(sent: Array, before: Array) -> Array:
    """The same by IPv4 identification, where it counts: near, but not the same."""
    step = (sent - before + (1 << 15)) % (1 << 16) - (1 << 15)
    counts = (sent > 0) & (before > 0) & (np.abs(step) <= _NEAR_IDS)
    found: Array = np.where(counts, np.sign(step), 0)
    return found


def _round_trips(times: Array, order: Array, offsets: Offsets, connection: Array) -> Array:
    """ns for each of some connections: from its last SYN to the answer to the SYN-ACK.

    `_PATIENCE` where that is not known.
    """
    streams, far = len(offsets.base), np.iinfo(np.int64).max
    wanted = np.zeros(streams, bool)
    wanted[2 * connection] = True
    rows = rows_of_groups(offsets.stream, wanted)
    when = times[order[rows]]
    rows, when = rows[when != NO_TIME], when[when != NO_TIME]
    kind = offsets.flags[rows] & (SYN | RST | ACK)

    def extreme(ufunc: np.ufunc, wanted: int, empty: int) -> Array:
        some = np.flatnonzero(kind == wanted)
        return group_reduce(ufunc, when[some], offsets.stream[rows[some]], streams, empty)[0::2]

    asked, third = extreme(np.maximum, SYN, -1), extreme(np.minimum, ACK, far)
    known = (asked >= 0) & (third < far) & (third > asked)
    found: Array = np.where(known, third - asked, _PATIENCE)[connection]
    return found
