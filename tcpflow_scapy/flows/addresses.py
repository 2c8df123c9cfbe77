"""Address codes to text, many at once: a capture of a scan has as many addresses as packets."""

from __future__ import annotations

from ipaddress import IPv6Address
from operator import add
from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import IPV6_BASE, AddressBook
from tcpflow_scapy.flows.categories import categorical

Array = np.ndarray[Any, np.dtype[Any]]


def address_texts(book: AddressBook, codes: Array) -> list[str]:
    """Text of each address code; every distinct half of an IPv4 address is made into text once."""
    texts = np.empty(len(codes), object)
    four = np.asarray(codes < IPV6_BASE)
    numbers = codes[four].astype(np.int64)
    texts[four] = list(map(add, _halves(numbers >> 16, "."), _halves(numbers & 0xFFFF, "")))
    texts[~four] = [str(IPv6Address(book.packed(code))) for code in codes[~four].tolist()]
    found: list[str] = texts.tolist()
    return found


def _halves(numbers: Array, end: str) -> list[str]:
    """Two octets of each address as text."""
    distinct, index = np.unique(numbers, return_inverse=True)
    texts = np.array([f"{number >> 8}.{number & 255}{end}" for number in distinct.tolist()], object)
    found: list[str] = texts[index].tolist()
    return found


def address_category(book: AddressBook, codes: Array) -> Any:
    """pandas.Categorical of addresses; the categories are those present, in the order of their numbers."""
    import pandas as pd

    rows, distinct = pd.factorize(codes)
    values = np.asarray(distinct)
    order = np.argsort(values, kind="stable")
    six = np.searchsorted(values[order], IPV6_BASE)
    # Codes of IPv6 addresses count in the order of first sight.
    by_number = sorted(range(six, len(order)), key=lambda i: book.packed(int(values[order[i]])))
    order = np.concatenate((order[:six], order[np.array(by_number, np.intp)]))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return categorical(rank[rows], address_texts(book, values[order]))
