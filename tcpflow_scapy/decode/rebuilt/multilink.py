"""Packets that PPP multilink sent in pieces (RFC 1990, 3): put together by sequence number."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.fragments.grouping import far_apart
from tcpflow_scapy.decode.fragments.plan import Plan
from tcpflow_scapy.decode.link.ppp import BEGIN, END, LONG_SIZE, LOOKS_LONG, LOOKS_SHORT, SHORT_SIZE

Array = np.ndarray[Any, np.dtype[Any]]

LONG_MASK, SHORT_MASK, SHORT_SHIFT = 0xFFFFFF, 0xFFF, 16

MAX_PACKET = 65_535


def put_together(table: dict[str, Array], store: Store) -> tuple[dict[str, Array], Plan, Array]:
    """The whole packets among some fragments of kind ``MULTILINK``.

    Parameters
    ----------
    table : dict of str to ndarray
        The fragments, in order of capture.
    store : Store
        Where their bytes are.

    Returns
    -------
    table : dict of str to ndarray
        Fragments of whole packets, without their headers, in order of their packets.
    plan : Plan
        For these.
    left : ndarray of int64
        Rows that wait for others, or contradict each other.
    """
    links = _links(table)
    short = _is_short(links, table["offset"])
    raw = table["identification"].astype(np.int64)
    number = np.where(short, raw >> SHORT_SHIFT & SHORT_MASK, raw & LONG_MASK)
    place = _unwrapped(links, number, np.where(short, SHORT_MASK, LONG_MASK) + 1)
    skip = np.where(short, SHORT_SIZE, LONG_SIZE)
    order = np.lexsort((np.arange(len(links)), place, links))
    usable = (table["length"] == table["wire_length"]) & (table["length"] > skip)
    order, usable = _distinct(order, links, place, table, store, usable)
    new = np.ones(len(order), bool)
    first, second = order[:-1], order[1:]
    new[1:] = (links[second] != links[first]) | (place[second] != place[first] + 1)
    new[1:] |= (raw[second] & BEGIN != 0) | (raw[first] & END != 0)
    new[1:] |= far_apart(table["time"][first], table["time"][second])
    starts = np.flatnonzero(new)
    if not len(starts):
        return table, Plan.empty(), np.arange(len(links))
    last = np.append(starts[1:], len(order)) - 1
    whole = (raw[order[starts]] & BEGIN != 0) & (raw[order[last]] & END != 0)
    size = np.add.reduceat((table["length"] - skip)[order], starts)
    whole &= np.logical_and.reduceat(usable[order], starts) & (size <= MAX_PACKET)
    chosen = order[np.repeat(whole, last + 1 - starts)]
    left = np.ones(len(links), bool)
    left[chosen] = False
    found = {name: column[chosen] for name, column in table.items()}
    for name, change in (("address", 1), ("length", -1), ("wire_length", -1)):
        found[name] = found[name] + change * skip[chosen]
    count = (last + 1 - starts)[whole]
    return found, Plan.of_datagrams(np.cumsum(count) - count, found["length"]), np.flatnonzero(left)


def _links(table: dict[str, Array]) -> Array:
    """A number for each fragment that is the same on the same road in the same direction."""
    columns = (table["state"].astype(np.uint64), table["source"], table["destination"])
    order = np.lexsort(columns)
    new = np.zeros(len(order), bool)
    for column in columns:
        new[1:] |= column[order[1:]] != column[order[:-1]]
    links = np.empty(len(order), np.int64)
    links[order] = np.cumsum(new)
    return links


def _is_short(links: Array, looks: Array) -> Array:
    """Whether the headers of each fragment's link are short: what most beginnings look like."""
    votes = np.bincount(links, (looks == LOOKS_SHORT).astype(np.int64) - (looks == LOOKS_LONG))
    found: Array = votes[links] > 0
    return found


def _unwrapped(links: Array, number: Array, modulus: Array) -> Array:
    """Sequence numbers that do not wrap: each is taken to be near the one before it on its link."""
    order = np.argsort(links, kind="stable")
    value, modulus, link = number[order], modulus[order], links[order]
    step = np.diff(value, prepend=0)
    step = (step + (modulus >> 1)) % modulus - (modulus >> 1)
    starts = np.flatnonzero(np.diff(link, prepend=-1))
    step[starts] = value[starts]
    total = np.cumsum(step)
    before = np.zeros(len(total), np.int64)
    before[starts] = np.diff(np.append(0, (total - step)[starts]))
    place = np.empty(len(total), np.int64)
    place[order] = total - np.cumsum(before)
    return place


def _distinct(
    order: Array, links: Array, place: Array, table: dict[str, Array], store: Store, usable: Array
) -> tuple[Array, Array]:
    """Of copies the first; fragments of one number that differ (two senders) are of no use.

    Parameters
    ----------
    order : ndarray of int64
        Fragments by link and number.
    """
    again = np.zeros(len(order), bool)
    first, second = order[:-1], order[1:]
    again[1:] = (links[second] == links[first]) & (place[second] == place[first])
    if not again.any():
        return order, usable
    usable = usable.copy()
    group = np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))
    at = np.flatnonzero(again)
    one, other = order[group[at]], order[at]
    address, length = table["address"], table["length"]
    ours = store.slices(address[one].tolist(), length[one].tolist())
    theirs = store.slices(address[other].tolist(), length[other].tolist())
    differs = np.array([bytes(a) != bytes(b) for a, b in zip(ours, theirs, strict=True)], bool)
    usable[one[differs]] = False
    return order[~again], usable
