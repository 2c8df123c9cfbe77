"""IPv6 addresses become codes: exact, by column."""

from __future__ import annotations

from typing import Any

import numpy as np

from .exact import distinct_rows
from .packets import AddressBook

Array = np.ndarray[Any, np.dtype[Any]]

PACKED = np.dtype("V16")


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
    Python sees each distinct address of a batch once.
    """
    if not len(packed):
        return np.empty(0, np.uint64)
    halves = np.ascontiguousarray(packed).view(np.uint64).reshape(-1, 2)
    if (halves == halves[0]).all():
        return np.full(len(packed), book.code(packed[0].tobytes()), np.uint64)
    index, inverse = distinct_rows(halves[:, 0], halves[:, 1])
    # In order of first sight, so that codes do not depend on the mix.
    sight = np.argsort(index, kind="stable")
    codes = np.empty(len(index), np.uint64)
    codes[sight] = book.codes(packed[index[sight]].tolist())
    return codes[inverse]


def packed_ipv6(book: AddressBook, codes: Array, base: int) -> Array:
    """The packed addresses of codes from `base` up, as V16."""
    distinct, inverse = np.unique(codes, return_inverse=True)
    raw = b"".join(book.ipv6[code - base] for code in distinct.tolist())
    packed: Array = np.frombuffer(raw, PACKED)
    return packed[inverse]
