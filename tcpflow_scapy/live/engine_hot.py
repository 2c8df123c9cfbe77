"""The pairs of endpoints that had packets lately: a few numbers for each, and when to look at it next.

Times here are seconds of the capture's own progress (`Progress`), which never runs backwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.packets import FIN, RST
from tcpflow_scapy.reassembly.columns import first_rows

Array = np.ndarray[Any, np.dtype[Any]]

FIN_LOW, FIN_HIGH, RESET, SUSPECT = 1, 2, 4, 8
"""What was seen of a pair since it was looked at: FINs of the lower and the higher endpoint, a reset, or that
it had packets long ago of which nothing is at hand."""

PATIENCE = 8
"""Lingering times after which a pair is looked at although it is not quiet."""

GROWTH = 1.25
"""How much a pair must have grown to be looked at again at any price."""

SECONDS_PER_PACKET = 2e-4
"""Or how long ago the last look must be, for each packet of it: a hundredth of the time that a look takes."""

BACK = 60.0
"""Seconds by which times of frames may run backwards before it means that the clock was set."""

MOST_JUMPS = 100
"""Times that the clock may be set within one batch."""

_COLUMNS = {
    "key": np.uint64,
    "last": np.float64,
    "since": np.float64,
    "looked": np.float64,
    "due": np.float64,
    "count": np.int64,
    "seen": np.int64,
    "bits": np.uint8,
}


class Progress:
    """A clock that goes on with the capture's.

    Frames of several interfaces come a little out of order: an earlier time means nothing. Where the times
    jump back by more than `BACK`, the capture's clock was set, and this one goes on from there.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.latest = NO_TIME
        """latest time of a frame since the clock was set, ns"""

    def tick(self, times: Array) -> Array:
        """Take in the times of frames; float64: the clock at each."""
        known = np.flatnonzero(times != NO_TIME)
        clock = np.full(len(times), self.seconds)
        if not len(known):
            return clock
        # As floats: int64 cannot hold every difference of times.
        exact = times[known].astype(np.float64) / 1e9
        passed = np.empty(len(known))
        jumps, low = 0, 0
        latest, seconds = exact[0] if self.latest == NO_TIME else self.latest / 1e9, self.seconds
        while low < len(known):
            peak = np.maximum(np.maximum.accumulate(exact[low:]), latest)
            back = peak - exact[low:] > BACK
            high = low + int(back.argmax()) if back.any() else len(known)
            # In this order: far from zero, floats are coarse.
            passed[low:high] = seconds + (peak[: high - low] - latest)
            if high > low:
                seconds, latest = float(passed[high - 1]), float(peak[high - low - 1])
                self.latest = max(int(times[known[low:high]].max()), self.latest)
            if high < len(known):
                jumps += 1
                if jumps > MOST_JUMPS:
                    # No clock does that: the rest counts as one moment.
                    passed[high:] = seconds
                    break
                latest, self.latest = float(exact[high]), int(times[known[high]])
            low = high
        # Frames without a time have that of the one before.
        place = np.searchsorted(known, np.arange(len(times)), side="right") - 1
        clock = np.where(place >= 0, passed[place], clock)
        self.seconds = seconds
        return clock


def pair_keys(source: Array, destination: Array, salt: int) -> Array:
    """A 64-bit number for each pair of endpoints, the same in both directions.

    Two pairs can share a number. That only means that both are looked at together.

    Parameters
    ----------
    source, destination : ndarray of uint64
        As in the `PacketTable`.
    salt : int
        Makes the numbers unforeseeable.
    """
    mixed = np.minimum(source, destination) ^ np.uint64(salt)
    for factor, other in ((0xBF58476D1CE4E5B9, np.maximum(source, destination)), (0x94D049BB133111EB, None)):
        mixed ^= mixed >> np.uint64(30)
        mixed *= np.uint64(factor)
        if other is not None:
            mixed += other
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0xD6E8FEB86659FD93)
    mixed ^= mixed >> np.uint64(32)
    return mixed


def end_bits(flags: Array, source: Array, destination: Array) -> Array:
    """uint8 for each packet: what it says of the end of its connection."""
    fin = np.where(source <= destination, FIN_LOW, FIN_HIGH).astype(np.uint8)
    reset = (flags & RST) != 0
    bits: Array = np.where((flags & FIN) != 0, fin, 0).astype(np.uint8)
    bits[reset] = RESET
    return bits


def finished(bits: Array) -> Array:
    """bool: whether a connection may have ended."""
    both = FIN_LOW | FIN_HIGH
    found: Array = ((bits & both) == both) | ((bits & (RESET | SUSPECT)) != 0)
    return found


@dataclass(slots=True)
class News:
    """What some packets say of their pairs, one row for each pair, by key."""

    key: Array
    last: Array
    count: Array
    bits: Array

    def pick(self, chosen: Array) -> News:
        """Some of the pairs (a boolean mask)."""
        return News(self.key[chosen], self.last[chosen], self.count[chosen], self.bits[chosen])


def news_of(keys: Array, clock: Array, bits: Array) -> News:
    """Put packets together by pair."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    heads = np.flatnonzero(first_rows(ordered))
    if not len(heads):
        return News(ordered, np.empty(0), np.empty(0, np.int64), np.empty(0, np.uint8))
    return News(
        ordered[heads],
        np.maximum.reduceat(clock[order], heads),
        np.diff(np.append(heads, len(keys))),
        np.bitwise_or.reduceat(bits[order], heads),
    )


class HotPairs:
    """Pairs that had packets lately, ordered by key.

    Parameters
    ----------
    linger : float
        Seconds of quiet after which a pair that seems to have ended is looked at.
    timeout : float or None
        Seconds of quiet after which any pair has ended.
    """

    def __init__(self, linger: float, timeout: float | None) -> None:
        self._linger = linger
        self._timeout = timeout
        self.rows: dict[str, Array] = {name: np.empty(0, dtype) for name, dtype in _COLUMNS.items()}

    def __len__(self) -> int:
        return len(self.rows["key"])

    def unknown(self, keys: Array) -> Array:
        """bool for each key: whether it is none of these."""
        if not len(self):
            return np.ones(len(keys), bool)
        place = np.minimum(np.searchsorted(self.rows["key"], keys), len(self) - 1)
        found: Array = self.rows["key"][place] != keys
        return found

    def add(self, new: News, counts: Array) -> None:
        """Pairs become hot; `counts` packets were seen of them before."""
        if not len(new.key):
            return
        none = np.full(len(new.key), np.inf)
        part = {
            "key": new.key,
            "last": new.last,
            "since": none,
            "looked": new.last,
            "due": none,
            "count": counts,
            "seen": counts,
            "bits": np.where(counts > 0, SUSPECT, 0).astype(np.uint8),
        }
        place = np.searchsorted(self.rows["key"], new.key)
        self.rows = {name: np.insert(column, place, part[name]) for name, column in self.rows.items()}

    def update(self, news: News) -> None:
        """More packets of pairs that are hot."""
        rows = self.rows
        place = np.searchsorted(rows["key"], news.key)
        rows["last"][place] = np.maximum(rows["last"][place], news.last)
        rows["count"][place] += news.count
        rows["bits"][place] |= news.bits
        last = rows["last"][place]
        ended = finished(rows["bits"][place])
        rows["since"][place[ended]] = np.minimum(rows["since"][place], last)[ended]
        patience = rows["since"][place] + PATIENCE * self._linger
        due = np.where(ended, np.minimum(last + self._linger, patience), np.inf)
        if self._timeout is not None:
            due = np.minimum(due, last + self._timeout)
        rows["due"][place] = due

    def looked_at(self, keys: Array, clock: float, bits: Array, due: Array) -> None:
        """Pairs were looked at: what is still open of them, and when to look again (inf: when news come)."""
        rows = self.rows
        place = np.searchsorted(rows["key"], keys)
        rows["seen"][place] = rows["count"][place]
        rows["since"][place] = np.inf
        rows["looked"][place] = clock
        rows["bits"][place] = bits
        rows["due"][place] = due

    def forget(self, chosen: Array) -> None:
        """Pairs (a boolean mask) are hot no more."""
        if chosen.any():
            self.rows = {name: column[~chosen] for name, column in self.rows.items()}

    def grown(self, clock: float) -> Array:
        """bool: pairs that gained so much since the last look that another one is worth its price."""
        rows = self.rows
        age = clock - rows["looked"]
        dear = np.maximum(rows["count"] * SECONDS_PER_PACKET, 1.0)
        first: Array = (rows["seen"] == 0) | (rows["count"] >= GROWTH * rows["seen"]) & (age >= 1.0)
        return (rows["count"] > rows["seen"]) & (first | (age >= dear))
