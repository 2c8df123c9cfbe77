"""Connections of which neither data nor a handshake was captured: packets that acknowledge each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.reassembly.sequence import MODULUS
from tcpflow_scapy.reassembly.support import LEAST_WINDOW
from tcpflow_scapy.reassembly.suspects import Suspects

Array = np.ndarray[Any, np.dtype[Any]]


def agreeing(suspects: Suspects, rows: Array, said: Array) -> tuple[Array, Array]:
    """Packets of both sides that know each other's numbers.

    One alone may be forged, or fuzzed.

    Parameters
    ----------
    rows : ndarray of int64
        Packets whose numbers belong to no data.
    said : ndarray of int64
        What of the other side each of them acknowledges: a number for what lies together.

    Returns
    -------
    rows : ndarray of int64
        Those that agree with another one.
    connection : ndarray of int64
        Of each, from 0.
    """
    side = suspects.side[rows]
    told = (side ^ 1) * (2 * MODULUS) + suspects.acknowledgment[rows]
    order = np.argsort(told, kind="stable")
    told = told[order]
    own = side * (2 * MODULUS) + suspects.sequence[rows]
    index = np.searchsorted(told, own)
    mine = np.full(len(rows), -1, np.int64)
    for nearest in (index - 1, index):
        safe = np.clip(nearest, 0, max(len(told) - 1, 0))
        near = (nearest == safe) & (np.abs(told[safe] - own) <= LEAST_WINDOW)
        mine[near] = said[order[safe[near]]]
    both = np.flatnonzero(mine >= 0)
    pair = np.sort(np.stack((mine[both], said[both])), axis=0)
    _, connection = np.unique(pair[0] * (said.max(initial=0) + 1) + pair[1], return_inverse=True)
    ways = np.zeros((len(both), 2), bool)
    ways[connection, suspects.direction[rows[both]]] = True
    good = (ways[:, 0] & ways[:, 1])[connection]
    return rows[both[good]], connection[good]
