"""Captures whose header names a wrong link type, recognised by their frames.

`tcpflow -K` writes 6 (Token Ring) whatever the frames are; others convert frames and forget the label.
Another link type is believed only where there can be no doubt: IP headers with right lengths and
checksums where that link type has them, in most of the first frames, and none where the label has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

MAX_FRAMES = 64
"""Frames that are looked at."""

HEAD = 128
"""Bytes of each."""

IPV4, IPV6 = b"\x08\x00", b"\x86\xdd"
TAGS = (b"\x81\x00", b"\x88\xa8")

Test = Callable[[bytes, int], bool]
"""(first bytes, length on the wire) -> is this certainly a frame of that link type"""


def _ip(data: bytes, size: int, *, padded: bool) -> bool:
    """An IP header that agrees with the `size` bytes from it on; `padded`: others may follow the packet."""
    if len(data) >= 20 and data[0] >> 4 == 4:
        header, total = (data[0] & 15) * 4, int.from_bytes(data[2:4], "big")
        if not 20 <= header <= len(data) or total < header or not _fits(total, size, padded):
            return False
        words = sum(int.from_bytes(data[i : i + 2], "big") for i in range(0, header, 2))
        # Without the carries a right header sums up to a multiple of 0xFFFF.
        return words > 0 and words % 0xFFFF == 0
    if len(data) >= 40 and data[0] >> 4 == 6:
        total = 40 + int.from_bytes(data[4:6], "big")
        return _fits(total, size, padded) and data[6] in (0, 6, 17, 43, 44, 58)
    return False


def _fits(total: int, size: int, padded: bool) -> bool:
    return total <= size <= total + 64 if padded else total == size


def _ethernet(data: bytes, size: int) -> bool:
    at = 12
    while data[at : at + 2] in TAGS and at < 24:
        at += 4
    return data[at : at + 2] in (IPV4, IPV6) and _ip(data[at + 2 :], size - at - 2, padded=True)


def _cooked(data: bytes, size: int) -> bool:
    return data[:1] == b"\0" and data[14:16] in (IPV4, IPV6) and _ip(data[16:], size - 16, padded=True)


def _cooked2(data: bytes, size: int) -> bool:
    return data[:2] in (IPV4, IPV6) and _ip(data[20:], size - 20, padded=True)


def _raw(data: bytes, size: int) -> bool:
    return _ip(data, size, padded=False)


def _null(data: bytes, size: int) -> bool:
    family = data[:4].strip(b"\0")
    return len(family) == 1 and _ip(data[4:], size - 4, padded=False)


def _ppp(data: bytes, size: int) -> bool:
    at = 2 if data.startswith(b"\xff\x03") else 0
    return data[at : at + 2] in (b"\x00\x21", b"\x00\x57") and _ip(data[at + 2 :], size - at - 2, padded=True)


def _token_ring(data: bytes, _size: int) -> bool:
    """A frame with IP in LLC behind the addresses and the route; others count for nothing."""
    if len(data) < 17 or data[1] & 0xC0 != 0x40:
        return False
    at = 14 + (data[14] & 0x1F if data[8] & 0x80 else 0)
    return data[at : at + 3] in (b"\xaa\xaa\x03", b"\x06\x06\x03")


TRUE: dict[int, Test] = {1: _ethernet, 113: _cooked, 276: _cooked2, 101: _raw, 0: _null}
"""Link types that are believed in the place of a wrong one"""

LABELS: dict[int, Test] = TRUE | {6: _token_ring, 9: _ppp, 12: _raw, 14: _raw, 50: _ppp, 108: _null}
"""Labels that are doubted"""


def true_linktype(label: int, frames: Iterable[tuple[bytes, int]]) -> int:
    """The link type of a capture's frames.

    Parameters
    ----------
    label : int
        What the file says.
    frames : iterable of (bytes, int)
        First bytes and length on the wire of its first frames.

    Returns
    -------
    int
        `label`, unless it is certainly another.
    """
    own = LABELS.get(label)
    if own is None:
        return label
    counts = dict.fromkeys(TRUE, 0)
    looked = 0
    for data, size in frames:
        looked += 1
        if own(data, size):
            return label
        for number, test in TRUE.items():
            counts[number] += test(data, size)
    best = max(counts, key=lambda number: counts[number])
    return best if counts[best] * 2 > looked else label
