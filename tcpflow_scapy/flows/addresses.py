"""Address codes to text, many at once: a capture of a scan has as many addresses as packets."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import IPV6_BASE, AddressBook
from tcpflow_scapy.flows.categories import categorical
from tcpflow_scapy.reassembly.columns import first_rows, stable_order

Array = np.ndarray[Any, np.dtype[Any]]


def address_texts(book: AddressBook, codes: Array) -> list[str]:
    """Text of each address code; every distinct half of an IPv4 address is made into text once."""
    four = np.asarray(codes < IPV6_BASE)
    numbers = codes[four].astype(np.int64)
    halves = np.stack((_halves(numbers >> 16, "."), _halves(numbers & 0xFFFF, "\n")), axis=1)
    # One long text with the padding taken out; a million small ones would take three times as long.
    short = halves.tobytes().replace(b"\0", b"").decode("ascii").split("\n")[:-1]
    if len(short) == len(codes):
        return short
    texts = np.empty(len(codes), object)
    texts[four] = short
    texts[~four] = [str(IPv6Address(book.packed(code))) for code in codes[~four].tolist()]
    found: list[str] = texts.tolist()
    return found


def _halves(numbers: Array, end: str) -> Array:
    """Two octets of each address as text of 8 bytes, padded with zero bytes."""
    texts = np.zeros(1 << 16, "S8")
    present = np.flatnonzero(np.bincount(numbers, minlength=1 << 16))
    texts[present] = [f"{number >> 8}.{number & 255}{end}".encode() for number in present.tolist()]
    return np.asarray(texts[numbers])


def address_category(book: AddressBook, codes: Array) -> Any:
    """pandas.Categorical of addresses; the categories are those present, in the order of their numbers."""
    values, rows = _distinct(codes)
    six = int(np.searchsorted(values, IPV6_BASE))
    if six < len(values):
        # Codes of IPv6 addresses count in the order of first sight.
        by_number = sorted(range(six, len(values)), key=lambda i: book.packed(int(values[i])))
        order = np.concatenate((np.arange(six), by_number))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        values, rows = values[order], rank[rows]
    return categorical(rows, address_texts(book, values))


def _distinct(codes: Array) -> tuple[Array, Array]:
    """The distinct codes, ascending, and the place of each code among them; sorted by radix."""
    numbers = codes.astype(np.int64)
    order = stable_order(numbers, int(numbers.max(initial=0)) + 1)
    ordered = numbers[order]
    heads = first_rows(ordered)
    rows = np.empty(len(numbers), np.int64)
    rows[order] = np.cumsum(heads) - 1
    return ordered[heads], rows
