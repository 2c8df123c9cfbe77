"""Address codes to text, many at once: a capture of a scan has as many addresses as packets."""

from __future__ import annotations

from functools import cache
from ipaddress import IPv6Address
from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import IPV6_BASE, AddressBook
from tcpflow_scapy.flows.categories import distinct_categorical
from tcpflow_scapy.reassembly.columns import first_rows

Array = np.ndarray[Any, np.dtype[Any]]

_ROW_BITS = 31
"""Flows are fewer, and codes have at most 33 bits: IPv6 addresses are as many as packets at most."""

_LINE = ord("\n")

_WORD = 8
"""Characters that two octets take at most, each with its dot."""


def address_texts(book: AddressBook, codes: Array) -> list[str]:
    """Text of each address code."""
    four = np.asarray(codes < IPV6_BASE)
    text, ends = _ipv4_text(codes[four], 1)
    text[ends - 1] = _LINE
    # One long text is cut; a million small ones would take three times as long to make.
    short = text.tobytes().decode("ascii").split("\n")[:-1]
    if len(short) == len(codes):
        return short
    texts = np.empty(len(codes), object)
    texts[four] = short
    texts[~four] = _ipv6_texts(book, codes[~four])
    found: list[str] = texts.tolist()
    return found


def _ipv6_texts(book: AddressBook, codes: Array) -> list[str]:
    return [str(IPv6Address(book.packed(code))) for code in codes.tolist()]


def _ipv4_text(codes: Array, gap: int) -> tuple[Array, Array]:
    """Texts of IPv4 addresses end to end.

    Parameters
    ----------
    codes : ndarray of int
    gap : int
        1 for one character of no meaning behind each text, 0 for none.

    Returns
    -------
    text : ndarray of uint8
    ends : ndarray of int64
        Where each text ends, the character behind it included.
    """
    words, lengths = _halves()
    halves = codes.astype(">u4").view(">u2").astype(np.intp)
    size = lengths[halves]
    size[1::2] -= np.uint8(1 - gap)
    ends = np.cumsum(size, dtype=np.int64)
    text = np.empty(int(ends[-1] if len(ends) else 0) + _WORD, np.uint8)
    # A whole word is written for each half, and the next half writes over what of it is too much.
    places = np.ndarray((len(text) - _WORD + 1,), "<u8", buffer=text, strides=(1,))
    places[ends - size] = words[halves]
    return text[:-_WORD], ends[1::2]


@cache
def _halves() -> tuple[Array, Array]:
    """For each two octets ``a.b.`` as characters in a word, the first one lowest, and how many they are."""
    octets = [f"{octet}." for octet in range(256)]
    length = np.array([len(text) for text in octets], np.uint8)
    word = np.array([int.from_bytes(text.encode(), "little") for text in octets], np.uint64)
    words = word[:, None] | word[None, :] << (8 * length[:, None]).astype(np.uint64)
    return words.reshape(-1), (length[:, None] + length[None, :]).reshape(-1)


def address_category(book: AddressBook, codes: Array) -> Any:
    """pandas.Categorical of addresses; the categories are those present, in the order of their numbers."""
    values, rows = _distinct(codes)
    six = int(np.searchsorted(values, IPV6_BASE))
    if six < len(values):
        # Codes of IPv6 addresses count in the order of first sight.
        packed = b"".join([book.packed(code) for code in values[six:].tolist()])
        high, low = np.frombuffer(packed, ">u8").reshape(-1, 2).T
        order = np.concatenate((np.arange(six), six + np.lexsort((low, high))))
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order))
        values, rows = values[order], rank[rows]
    return distinct_categorical(rows, _index(book, values[:six], values[six:]))


def _index(book: AddressBook, four: Array, six: Array) -> Any:
    """pandas.Index of the texts of IPv4 and IPv6 addresses.

    Where pandas keeps texts as Arrow does, end to end, they are made like this: no Python object for each.
    """
    import pandas as pd

    kind: Any = pd.Index([""]).dtype
    if getattr(kind, "storage", "") != "pyarrow":
        return pd.Index(address_texts(book, np.concatenate((four, six))))
    import pyarrow as pa

    text, ends = _ipv4_text(four, 0)
    others = [found.encode() for found in _ipv6_texts(book, six)]
    bounds = np.zeros(len(ends) + len(others) + 1, np.int64)
    bounds[1 : len(ends) + 1] = ends
    bounds[len(ends) + 1 :] = len(text) + np.cumsum([len(found) for found in others], dtype=np.int64)
    if others:
        text = np.concatenate((text, np.frombuffer(b"".join(others), np.uint8)))
    array = pa.LargeStringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), pa.py_buffer(text))
    return pd.Index(kind.__from_arrow__(array))


def _distinct(codes: Array) -> tuple[Array, Array]:
    """The distinct codes, ascending, and the place of each code among them."""
    if len(codes) and (codes == codes[0]).all():
        return codes[:1].astype(np.int64), np.zeros(len(codes), np.int32)
    # Code and row in one number: sorting values is several times as fast as sorting places.
    keys = codes.astype(np.uint64)
    keys <<= np.uint64(_ROW_BITS)
    keys |= np.arange(len(codes), dtype=np.uint64)
    keys.sort()
    order = (keys & np.uint64((1 << _ROW_BITS) - 1)).astype(np.intp)
    keys >>= np.uint64(_ROW_BITS)
    heads = first_rows(keys)
    rows = np.empty(len(codes), np.int32)
    rows[order] = np.cumsum(heads, dtype=np.int32) - np.int32(1)
    return keys[heads].astype(np.int64), rows
