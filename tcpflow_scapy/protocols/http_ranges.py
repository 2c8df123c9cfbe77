"""Partial content: what a Content-Range says, and whole objects from their ranges.

RFC 9110, 14.4 and 15.3.7. Players and download managers fetch a file in many ranges, over several
connections; here the ranges of one object are put together again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tcpflow_scapy.errors import StreamTooSparse
from tcpflow_scapy.render.escape import safe_text

from .content_coding import DecodeLimits, Outcome, coding_names, decode_pieces
from .http_body import SPARSE_LIMIT
from .stream_bytes import Range

if TYPE_CHECKING:
    from .http import HttpExchange
    from .http_message import HttpMessage

_CONTENT_RANGE = re.compile(r"\s*bytes\s+(\d{1,18})\s*-\s*(\d{1,18})\s*/\s*(?:(\d{1,18})|\*)\s*", re.I)


def parse_content_range(value: str) -> tuple[int, int, int | None] | None:
    """Start, end (half open) and size of the whole if stated; None where it says nothing usable."""
    found = _CONTENT_RANGE.fullmatch(value)
    if found is None or int(found[2]) < int(found[1]):
        return None
    start, end, total = int(found[1]), int(found[2]) + 1, int(found[3]) if found[3] else None
    return None if total is not None and end > total else (start, end, total)


@dataclass(slots=True)
class RangedObject:
    """An object that was fetched in ranges."""

    url: str
    total: int | None
    """its size, if any response stated it"""
    codings: list[str]
    """content codings: ranges are cut from the coded object (RFC 9110, 14.1)"""
    pieces: list[tuple[int, bytes]] = field(default_factory=list)
    """(offset in the object, bytes), as they came"""
    exchanges: list[HttpExchange] = field(default_factory=list)

    @property
    def missing(self) -> list[Range]:
        """What no range covers, up to `total` or the end of the last range."""
        missing = []
        reached = 0
        for start, data in sorted(self.pieces, key=lambda piece: piece[0]):
            if start > reached:
                missing.append((reached, start))
            reached = max(reached, start + len(data))
        if self.total is not None and reached < self.total:
            missing.append((reached, self.total))
        return missing

    @property
    def complete(self) -> bool:
        """Whether its size is known and ranges cover all of it."""
        return self.total is not None and not self.missing

    @property
    def raw_body(self) -> bytes:
        """The ranges in their places, the first that came wins, missing ones as zeros.

        Raises
        ------
        StreamTooSparse
            If that would be more than 1 GiB of zeros.
        """
        zeros = sum(end - start for start, end in self.missing)
        if zeros > SPARSE_LIMIT:
            raise StreamTooSparse(
                f"{zeros:,} bytes are missing, more than are filled with zeros; use .pieces"
            )
        size = max([self.total or 0, *(start + len(data) for start, data in self.pieces)])
        body = bytearray(size)
        for start, data in reversed(self.pieces):
            body[start : start + len(data)] = data
        return bytes(body)

    def body(self, limits: DecodeLimits | None = None) -> bytes:
        """`raw_body` without its codings; ends before the first missing byte if there are any codings."""
        raw = self.raw_body
        if not self.codings:
            return raw
        whole = raw[: self.missing[0][0]] if self.missing else raw
        return b"".join(decode_pieces([whole], self.codings, Outcome(), limits))

    def __repr__(self) -> str:
        size = "unknown size" if self.total is None else f"{self.total} bytes"
        state = "complete" if self.complete else f"{len(self.missing)} ranges missing"
        return f"<RangedObject {safe_text(self.url, limit=120)} {size}, {len(self.pieces)} ranges, {state}>"


def join_ranges(exchanges: Iterable[HttpExchange]) -> list[RangedObject]:
    """Objects that were fetched in ranges, over any number of flows.

    Ranges belong together if URL, size, validator (ETag, else Last-Modified) and codings are the same.
    Only bodies that were captured completely and are as long as their range says are used.

    Parameters
    ----------
    exchanges : iterable of HttpExchange
    """
    objects: dict[tuple[object, ...], RangedObject] = {}
    for exchange in exchanges:
        response = exchange.response
        if response is None or response.status != 206 or not response.captured:
            continue
        for place, data in _ranges_of(response):
            start, end, total = place
            if len(data) != end - start:
                continue
            codings = coding_names(response.headers.get_all("Content-Encoding"))
            validator = response.headers.get("ETag") or response.headers.get("Last-Modified")
            key = (exchange.url, total, validator, tuple(codings))
            found = objects.setdefault(key, RangedObject(exchange.url, total, codings))
            found.pieces.append((start, data))
            if exchange not in found.exchanges[-1:]:
                found.exchanges.append(exchange)
    return list(objects.values())


def _ranges_of(response: HttpMessage) -> list[tuple[tuple[int, int, int | None], bytes]]:
    """The ranges in one response: one, or the parts of a multipart/byteranges body."""
    if response.content_range is not None:
        return [(response.content_range, response.raw_body)]
    if response.content_type != "multipart/byteranges":
        return []
    places = [(parse_content_range(part.headers.get("Content-Range")), part.data) for part in response.parts]
    return [(place, data) for place, data in places if place is not None]
