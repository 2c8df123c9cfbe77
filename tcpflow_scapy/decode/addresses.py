"""IPv6 addresses become codes: exact, by column."""

from __future__ import annotations

from typing import Any

import numpy as np

from .packets import AddressBook

Array = np.ndarray[Any, np.dtype[Any]]

PACKED = np.dtype("V16")

_MIX_HIGH = np.uint64(0x9E3779B97F4A7C15)
_MIX_LOW = np.uint64(0xC2B2AE3D27D4EB4F)


def intern_ipv6(book: AddressBook, packed: Array) -> Array:
    """Codes of many packed IPv6 addresses.

    Parameters
    ----------
    book : AddressBook
        Learns the addresses that it does not know.
    packed : ndarray of V16
        Addresses as they stand in the header.

    Returns
    -------
    ndarray of uint64

    Notes
    -----
    Equal addresses are found through a 64-bit mix that is verified against the addresses; where it
    fails (somebody made addresses that collide) the addresses themselves are sorted. Python then sees
    each distinct address of the batch once.
    """
    if not len(packed):
        return np.empty(0, np.uint64)
    halves = np.ascontiguousarray(packed).view(np.uint64).reshape(-1, 2)
    high, low = halves[:, 0], halves[:, 1]
    with np.errstate(over="ignore"):
        mixed = (high * _MIX_HIGH) ^ (low * _MIX_LOW)
    if (mixed == mixed[0]).all() and (halves == halves[0]).all():
        return np.full(len(packed), book.code(packed[0].tobytes()), np.uint64)
    _, index, inverse = np.unique(mixed, return_index=True, return_inverse=True)
    if not (halves[index][inverse] == halves).all():
        order = np.lexsort((low, high))
        new = np.ones(len(order), bool)
        new[1:] = (halves[order[1:]] != halves[order[:-1]]).any(axis=1)
        index = order[new]
        inverse = np.empty(len(order), np.intp)
        inverse[order] = np.cumsum(new) - 1
    # In order of first sight, so that codes do not depend on the mix.
    sight = np.argsort(index, kind="stable")
    codes = np.empty(len(index), np.uint64)
    codes[sight] = list(map(book.code, packed[index[sight]].tolist()))
    return codes[inverse]


def packed_ipv6(book: AddressBook, codes: Array, base: int) -> Array:
    """The packed addresses of codes from `base` up, as V16."""
    distinct, inverse = np.unique(codes, return_inverse=True)
    raw = b"".join(book.ipv6[code - base] for code in distinct.tolist())
    packed: Array = np.frombuffer(raw, PACKED)
    return packed[inverse]
