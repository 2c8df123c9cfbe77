"""Where numbered fragments lie: their headers say which in turn they are, not at which byte.

802.11 counts fragments from the beginning, batman-adv from the end. All but the last of a frame are of the
same length, as a rule (IEEE 802.11, 10.4), so neighbours tell where a fragment lies. What is found here is
found anew whenever fragments are looked at, as another one may have come.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.exact import gathered_rows
from tcpflow_scapy.decode.pieces import COUNTED, COUNTED_FROM_END, kinds

from .grouping import LINK_TIMEOUT, far_apart

Array = np.ndarray[Any, np.dtype[Any]]

TOTAL_SHIFT = 16

ASIDE = 1 << 12
"""Where a fragment waits for its neighbours, by its number: not at a beginning, and where `usable` allows"""


def placed(table: dict[str, Array], keys: Array) -> dict[str, Array]:
    """Give numbered fragments the offsets that follow from those before them.

    Parameters
    ----------
    table : dict of str to ndarray
        Fragments, with the columns of `plan.FRAGMENT_DTYPES`.
    keys : ndarray of int
        For each a number for the road it came by (`StateTable.keys`).

    Returns
    -------
    dict of str to ndarray
        The table, with columns `offset` and `more` of its own where there are such fragments.
    """
    kind = kinds(table["source"])
    if not kind.any():
        return table
    rows = np.flatnonzero(np.isin(kind, (*COUNTED, *COUNTED_FROM_END)))
    if not len(rows):
        return table
    rows = rows[np.argsort(table["time"][rows], kind="stable")]
    mixed = keys[rows].astype(np.uint64) << np.uint64(32) | table["identification"][rows]
    order, fresh = gathered_rows(table["source"][rows], table["destination"][rows], mixed)
    rows = rows[order]
    time = table["time"][rows]
    fresh[1:] |= far_apart(time[:-1], time[1:], LINK_TIMEOUT)
    backward = np.isin(kind[rows], COUNTED_FROM_END)
    number = table["protocol"][rows].astype(np.int64)
    length = table["wire_length"][rows]
    # Every fragment but that at the end of the frame has the common length; from the end, but the highest.
    regular = np.where(backward, number == 0, table["more"][rows])
    distance = _distances(number, length, fresh, regular)
    total = table["identification"][rows].astype(np.int64) >> TOTAL_SHIFT
    offset = np.where(backward, total - distance - length, distance)
    lost = (distance < 0) | (offset < 0)
    offset = np.where(lost, np.maximum(number, 1) * ASIDE, offset)
    changed = {**table, "offset": table["offset"].copy(), "more": table["more"].copy()}
    changed["offset"][rows] = offset
    changed["more"][rows] = np.where(backward, number > 0, table["more"][rows])
    return changed


def _distances(number: Array, length: Array, fresh: Array, regular: Array) -> Array:
    """Bytes between fragment 0's first and each one's, in the direction of counting; -1 where unknown.

    Parameters
    ----------
    number, length : ndarray of int64
        By frame, and time.
    fresh : ndarray of bool
        Where another frame's begin.
    regular : ndarray of bool
        Fragments that have the common length for certain.
    """
    following, again = np.zeros(len(number), bool), np.zeros(len(number), bool)
    following[1:] = ~fresh[1:] & (number[1:] == number[:-1] + 1)
    again[1:] = ~fresh[1:] & (number[1:] == number[:-1])
    step = np.zeros(len(number), np.int64)
    step[1:] = np.where(following[1:], length[:-1], 0)
    ahead = np.cumsum(step)
    starts = np.flatnonzero(~following & ~again)
    run = np.cumsum(~following & ~again) - 1
    common = _common_lengths(length, fresh, regular)[starts]
    begin = np.where(number[starts] == 0, 0, np.where(common > 0, number[starts] * common, -1))
    found: Array = np.where(begin[run] < 0, -1, begin[run] + ahead - ahead[starts][run])
    return found


def _common_lengths(length: Array, fresh: Array, regular: Array) -> Array:
    """The common length of each fragment's frame; 0 where regular ones do not agree, or there are none."""
    starts = np.flatnonzero(fresh)
    most = np.maximum.reduceat(np.where(regular, length, 0), starts)
    least = np.minimum.reduceat(np.where(regular, length, np.iinfo(np.int64).max), starts)
    found: Array = np.where(most == least, most, 0)[np.cumsum(fresh) - 1]
    return found
