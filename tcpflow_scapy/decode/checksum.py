"""The Internet checksum (RFC 1071) of many packets at once.

Sums are taken over 16-bit words in the machine's byte order: the ones' complement sum does not care,
except that the result's bytes are swapped with it (RFC 1071, 2B).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from .addresses import packed_ipv6
from .packets import IPV6_BASE, AddressBook

if TYPE_CHECKING:
    from .layers import Items
    from .run import Run

Array = np.ndarray[Any, np.dtype[Any]]

CHUNK = 1 << 22
"""Bytes summed at a time: bounds the working memory."""

_SWAP = sys.byteorder == "little"


def fold(total: Array) -> Array:
    """Ones' complement sums as 16 bits."""
    total = total.astype(np.uint64)
    for _ in range(4):
        total = (total & np.uint64(0xFFFF)) + (total >> np.uint64(16))
    return total


def sums(memory: Array, start: Array, end: Array) -> Array:
    """Folded ones' complement sums of byte ranges, as if read big-endian.

    Parameters
    ----------
    memory : ndarray of uint8
        At least one byte must follow the last range.
    start, end : ndarray of int64
        Half-open ranges; they may overlap.

    Returns
    -------
    ndarray of uint64
        One folded sum for each range; an odd last byte counts as the high byte of a word.
    """
    result = np.zeros(len(start), np.uint64)
    order = np.argsort(start, kind="stable")
    first = 0
    while first < len(order):
        low = int(start[order[first]])
        last = int(np.searchsorted(start, low + CHUNK, sorter=order))
        index = order[first : max(last, first + 1)]
        result[index] = _sums_near(memory, start[index], end[index])
        first += len(index)
    return result


def _sums_near(memory: Array, start: Array, end: Array) -> Array:
    """`sums` of ranges that lie near each other: differences of one running sum."""
    end = np.maximum(start, end)
    low = int(start.min()) & ~1
    high = (int(end.max()) + 1) & ~1
    words = memory[low:high]
    running = np.zeros(len(words) // 2 + 1, np.uint64)
    np.cumsum(words.view(np.uint16), out=running[1:])
    a, b = start - low, end - low
    # Words from the first to the last that the range touches, minus the half words outside of it.
    total = running[(b + 1) >> 1] - running[a >> 1]
    odd_start, odd_end = (a & 1).astype(bool), (b & 1).astype(bool)
    low_shift, high_shift = (np.uint64(0), np.uint64(8)) if _SWAP else (np.uint64(8), np.uint64(0))
    total -= np.where(odd_start & (b > a), memory[start - odd_start].astype(np.uint64) << low_shift, 0)
    total -= np.where(odd_end & (b > a), memory[low + b].astype(np.uint64) << high_shift, 0)
    total = np.where(b > a, fold(total), np.uint64(0))
    # A range that begins at an odd place has its bytes in the other halves of the words.
    return np.where(odd_start != _SWAP, _swapped(total), total)


def _swapped(total: Array) -> Array:
    return (total & np.uint64(0xFF)) << np.uint64(8) | total >> np.uint64(8)


def header_is_bad(run: Run, cursor: Array, length: Array, change: Array | int = 0) -> Array:
    """Whether IPv4 headers have a wrong checksum; one of zero was left to the network card.

    `change` is what was taken from the low byte of a word after the checksum was made.
    """
    start = run.place(cursor)
    total = sums(run.memory, start, start + length)
    if not np.isscalar(change):
        total = fold(total + (np.asarray(change) + 0xFFFF).astype(np.uint64))
    stored = run.read(np.dtype(">u2"), cursor + 10)
    bad: Array = (total != 0xFFFF) & (stored != 0)
    return bad


def tcp_is_bad(run: Run, items: Items) -> Array:
    """Whether TCP checksums are wrong.

    Segments that were not captured whole cannot be judged and are not bad. Neither are those whose
    field holds the sum of the pseudo header: the sender's network card was to complete it.
    """
    bad = np.zeros(len(items), bool)
    whole = np.flatnonzero(items.end >= items.wire)
    if not len(whole):
        return bad
    items = items.pick(whole)
    length = (items.wire - items.cursor).astype(np.uint64)
    book = run.context.addresses
    addresses = address_sum(book, items.source) + address_sum(book, items.destination) + np.uint64(6)
    pseudo = fold(addresses + (length & np.uint64(0xFFFF)) + (length >> np.uint64(16)))
    start = run.place(items.cursor)
    total = fold(pseudo + sums(run.memory, start, start + length.astype(np.int64)))
    stored = run.read(np.dtype(">u2"), items.cursor + 16).astype(np.uint64)
    # With segmentation offload the pseudo header is summed without the length.
    offloaded = (stored == pseudo) | (stored == fold(addresses))
    bad[whole] = (total != 0xFFFF) & ~offloaded
    return bad


def address_sum(book: AddressBook, codes: Array) -> Array:
    """Sum of the 16-bit words of addresses."""
    total = (codes & np.uint64(0xFFFF)) + (codes >> np.uint64(16) & np.uint64(0xFFFF))
    six = np.flatnonzero(codes >= IPV6_BASE)
    if len(six):
        words = packed_ipv6(book, codes[six], IPV6_BASE).view(">u2").reshape(-1, 8)
        total[six] = words.sum(axis=1, dtype=np.uint64)
    return total
