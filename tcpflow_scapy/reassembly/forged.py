"""SYNs that neither end sent: amid the data of a connection that goes on as if nothing had been."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import RST, SYN
from tcpflow_scapy.reassembly.sequence import MODULUS
from tcpflow_scapy.reassembly.suspects import Suspects

Array = np.ndarray[Any, np.dtype[Any]]


def amid_data(suspects: Suspects) -> Array:
    """SYNs that no packet of the other side knows of, whose number is one of the data around them.

    A stack answers a SYN, or begins to send behind it; here the stream goes on as if it had not been there
    (RFC 5961, 4). What is acknowledged proves the same.

    Returns
    -------
    ndarray of int64
        Rows.
    """
    asks, replies = suspects.syns(answer=False), suspects.syns(answer=True)
    known = _fitting(suspects, asks, replies)
    doubtful = ~known[len(asks) :] | _of_several(suspects, replies)
    unknown = np.concatenate((asks[~known[: len(asks)]], replies[doubtful]))
    data = np.flatnonzero((suspects.length > 0) & ((suspects.flags & (SYN | RST)) == 0))
    if not len(unknown) or not len(data):
        return np.empty(0, np.int64)
    side = suspects.side
    start = side[data] * (4 * MODULUS) + suspects.sequence[data]
    order = np.argsort(start, kind="stable")
    start = start[order]
    reach = np.maximum.accumulate(start + suspects.length[data][order])
    begins = np.ones(len(data), bool)
    begins[1:] = start[1:] > reach[:-1]
    run = np.flatnonzero(begins)
    first, end = start[run], reach[np.append(run[1:], len(data)) - 1]
    number = side[unknown] * (4 * MODULUS) + suspects.sequence[unknown]
    index = np.searchsorted(first, number, side="right") - 1
    inside = (index >= 0) & (number <= end[np.maximum(index, 0)])
    found: Array = unknown[inside]
    return found


def _of_several(suspects: Suspects, replies: Array) -> Array:
    """bool for SYN-ACKs: there is another one to the same SYN, and nobody acknowledges this one."""
    asked = suspects.side[replies] * MODULUS + suspects.acknowledgment[replies]
    number = suspects.sequence[replies]
    order = np.lexsort((number, asked))
    group, at = asked[order], number[order]
    other = (group[1:] == group[:-1]) & (at[1:] != at[:-1])
    several = np.isin(asked, group[1:][other])
    if not several.any():
        return several
    acks = np.flatnonzero(suspects.acknowledges & ((suspects.flags & SYN) == 0))
    told = (suspects.side[acks] ^ 1) * MODULUS + suspects.acknowledgment[acks]
    found: Array = several & ~np.isin(
        suspects.side[replies] * MODULUS + (number.astype(np.int64) + 1) % MODULUS, told
    )
    return found


def _fitting(suspects: Suspects, asks: Array, replies: Array) -> Array:
    """bool for SYNs, then for SYN-ACKs: whether there is one of the other kind that fits."""
    side = suspects.side
    number = suspects.acknowledgment.astype(np.int64) - 1
    asked = (side[replies] ^ 1) * MODULUS + number[replies] % MODULUS
    first = side[asks] * MODULUS + suspects.sequence[asks]
    # Data in a SYN may be acknowledged with it (RFC 7413, 4.2.2).
    last = side[asks] * MODULUS + (suspects.sequence[asks] + suspects.length[asks]) % MODULUS
    answered = np.isin(first, asked) | np.isin(last, asked)
    return np.concatenate((answered, np.isin(asked, first) | np.isin(asked, last)))
