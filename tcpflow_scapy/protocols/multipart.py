"""Multipart bodies: their parts, by place and by header fields.

RFC 2046, 5.1 (form uploads, RFC 7578; byte ranges, RFC 9110, 14.6). Tolerant as the HTTP parser is: lines may
end with a bare line feed, the last delimiter may be missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .http1_fields import Headers, parse_fields
from .media_type import essence, parameters

PARTS = 10_000
"""Most parts of one body."""
FIELDS = 200
"""Most header fields of one part."""

_BLANK = re.compile(rb"\n\r?\n")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body."""

    headers: Headers
    """offsets in `raw` are offsets in the multipart body"""
    start: int
    """offset of its content in the multipart body"""
    end: int
    data: bytes
    complete: bool
    """False for a last part that no delimiter ends"""

    @property
    def content_type(self) -> str:
        """Its media type, ``text/plain`` if it states none (RFC 2046, 5.1)."""
        return essence(self.headers.get("Content-Type")) or "text/plain"

    @property
    def name(self) -> str:
        """Name of its form field, as sent."""
        return parameters(self.headers.get("Content-Disposition")).get("name", "")

    @property
    def filename(self) -> str:
        """File name, as sent: not safe to use as one."""
        return parameters(self.headers.get("Content-Disposition")).get("filename", "")

    def __repr__(self) -> str:
        label = f" {self.name[:60]!r}" if self.name else ""
        return f"<Part{label} {self.content_type[:80]!r} {self.end - self.start} bytes>"


def split_parts(body: bytes, content_type: str) -> list[Part]:
    """The parts of a multipart body; none if `content_type` is not multipart or states no boundary.

    Parameters
    ----------
    body : bytes
        Without content coding.
    content_type : str
        The whole field value.
    """
    boundary = parameters(content_type).get("boundary", "")
    if not essence(content_type).startswith("multipart/") or not boundary:
        return []
    delimiter = re.compile(
        rb"(?:\A|\r?\n)--" + re.escape(boundary.encode("latin-1", "replace")) + rb"(--)?[ \t]*(?=\r?\n|\Z)"
    )
    parts: list[Part] = []
    start: int | None = None
    for found in delimiter.finditer(body):
        if start is not None:
            parts.append(_part(body, start, found.start(), True))
        if found[1] or len(parts) >= PARTS:
            return parts
        newline = body.find(b"\n", found.end())
        start = newline + 1 if newline >= 0 else len(body)
    if start is not None and start < len(body):
        parts.append(_part(body, start, len(body), False))
    return parts


def _part(body: bytes, start: int, end: int, complete: bool) -> Part:
    end = max(start, end)
    # The line feed of the delimiter counts: a part without header fields begins with the empty line.
    blank = _BLANK.search(body, start - 1, end)
    content = blank.end() if blank else end
    fields, _ = parse_fields(body[start:content], start, FIELDS)
    return Part(Headers(fields), content, end, body[content:end], complete)
