"""Text of many rows by column: characters in a matrix, a row for each, padded with zero bytes.

A million lines of twenty fields are twenty million small objects if each is formatted for itself. Here each
field is a few array operations for thousands of rows, and the padding is taken out of all of them at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import IPV6_BASE, AddressBook
from tcpflow_scapy.flows.addresses import address_texts

Array = np.ndarray[Any, np.dtype[Any]]

_ZERO = ord("0")
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def decimals(numbers: Array, width: int | None = None) -> Array:
    """Decimal digits.

    Parameters
    ----------
    numbers : ndarray of int, shape (n,)
        None of them negative.
    width : int, optional
        Digits that each has, zeros in front included. None: as few as each needs.

    Returns
    -------
    ndarray of uint8, shape (n, width)
    """
    most = int(numbers.max()) if len(numbers) else 0
    places = len(str(most)) if width is None else width
    left: Array = numbers.astype(np.uint32 if most < 1 << 32 else np.uint64)
    chars = np.empty((len(numbers), places), np.uint8)
    for place in range(places - 1, -1, -1):
        rest: Array = left // 10
        digit = (left - rest * 10).astype(np.uint8) + np.uint8(_ZERO)
        if width is None and place < places - 1:
            digit[left == 0] = 0
        chars[:, place] = digit
        left = rest
    return chars


def hexadecimals(octets: Array) -> Array:
    """Octets as MAC addresses have them: uint8 (n, k) to uint8 (n, 3 k - 1)."""
    chars = np.full((len(octets), octets.shape[1], 3), ord(":"), np.uint8)
    chars[:, :, 0] = _HEX[octets >> 4]
    chars[:, :, 1] = _HEX[octets & 15]
    return chars.reshape(len(octets), -1)[:, :-1]


def characters(texts: Sequence[str]) -> Array:
    """Texts without zero bytes, as UTF-8: uint8 (n, length of the longest)."""
    if not len(texts):
        return np.empty((0, 0), np.uint8)
    try:
        found = np.array(texts, "S")
    except UnicodeEncodeError:
        found = np.array([text.encode() for text in texts])
    return found.view(np.uint8).reshape(len(texts), -1)


def picked(rows: Array, texts: Sequence[str]) -> Array:
    """For each row the text of its number: uint8 (n, length of the longest)."""
    if len(texts) > len(rows):
        # A capture may have a million encapsulations, and some thousand rows at a time are made.
        distinct, rows = np.unique(rows, return_inverse=True)
        texts = [texts[number] for number in distinct.tolist()]
    return np.asarray(characters(texts)[rows])


def addresses(book: AddressBook, codes: Array) -> Array:
    """Address codes as text: uint8 (n, length of the longest)."""
    distinct, rows = np.unique(codes, return_inverse=True)
    return picked(rows, address_texts(book, distinct))


def padded_addresses(codes: Array) -> Array:
    """IPv4 addresses as tcpflow's names have them, ``010.000.000.001``: uint8 (n, 15)."""
    if len(codes) and int(codes.max()) >= IPV6_BASE:
        raise ValueError("not an IPv4 address")
    chars = np.full((len(codes), 4, 4), ord("."), np.uint8)
    octets = codes.astype(">u4").view(np.uint8)
    chars[:, :, :3] = decimals(octets, 3).reshape(-1, 4, 3)
    return chars.reshape(-1, 16)[:, :15]


def beside(*parts: str | Array, present: Array | None = None) -> Array:
    """Parts one after the other, in each row; nothing at all in rows that are not `present`.

    Parameters
    ----------
    parts : str or ndarray of uint8, shape (n, any)
        Text that is the same in all rows, or characters. At least one has to be characters.
    present : ndarray of bool, shape (n,), optional
    """
    count = next(len(part) for part in parts if not isinstance(part, str))
    joined = np.concatenate(
        [
            np.broadcast_to(np.frombuffer(part.encode(), np.uint8), (count, len(part.encode())))
            if isinstance(part, str)
            else part
            for part in parts
        ],
        axis=1,
    )
    if present is not None:
        joined[~present] = 0
    return joined


def together(chars: Array) -> str:
    """All rows one after the other, without the padding."""
    return chars.tobytes().translate(None, b"\0").decode()


def same_length(chars: Array) -> list[str]:
    """ASCII texts that fill their rows: one for each."""
    if not chars.size:
        return [""] * len(chars)
    wide = np.ascontiguousarray(chars, np.uint32).view(f"U{chars.shape[1]}")
    texts: list[str] = wide.reshape(-1).tolist()
    return texts
