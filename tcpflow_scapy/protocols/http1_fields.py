"""Header fields: a tolerant reader, and the mapping people hold.

RFC 9112, section 5. Nothing is refused: what a strict reader would choke on is kept as well as can be
and named in the problems. Bytes stay available; text is for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Field(NamedTuple):
    """One header field, in the bytes of the wire."""

    name: bytes
    value: bytes
    """without the blanks around it; folded lines joined by one space"""
    start: int
    """stream offset of the field line"""
    end: int
    """stream offset after its line feed"""


def parse_fields(block: bytes, offset: int, limit: int) -> tuple[list[Field], set[str]]:
    """Read a block of field lines.

    Parameters
    ----------
    block : bytes
        The lines after the start line (the empty line at the end may be there).
    offset : int
        Stream offset of the block.
    limit : int
        Most fields to read; the rest is left alone and ``too_many_headers`` reported.

    Returns
    -------
    fields : list of Field
    problems : set of str
        Words of `PROBLEMS`.
    """
    fields: list[Field] = []
    problems: set[str] = set()
    folded: list[bytes] = []
    at = offset
    lines = block.split(b"\n", limit + 1)
    if len(lines) > limit + 1:
        problems.add("too_many_headers")
        del lines[-1]
    elif not lines[-1]:
        del lines[-1]
    for line in lines:
        start, at = at, at + len(line) + 1
        if line[-1:] == b"\r":
            line = line[:-1]
        if not line:
            continue
        if line[0] in b" \t":
            problems.add("folded_header" if fields else "junk_header")
            if fields:
                folded.append(line.strip(b" \t"))
                fields[-1] = fields[-1]._replace(end=at)
            continue
        if folded:
            _unfold(fields, folded)
        name, colon, value = line.partition(b":")
        stripped = name.rstrip(b" \t")
        if not colon or not stripped:
            problems.add("junk_header")
            continue
        if stripped != name:
            problems.add("space_before_colon")
        if not _TOKEN.fullmatch(stripped):
            problems.add("bad_header_name")
        if b"\r" in value or b"\0" in value:
            problems.add("bad_header_value")
        fields.append(Field(stripped, value.strip(b" \t"), start, at))
    if folded:
        _unfold(fields, folded)
    return fields, problems


def _unfold(fields: list[Field], folded: list[bytes]) -> None:
    """Join continuation lines once, not line by line: a hostile header has very many."""
    last = fields[-1]
    fields[-1] = last._replace(value=b" ".join([last.value, *folded]).strip(b" "))
    folded.clear()


def text(raw: bytes) -> str:
    """Header bytes as text: UTF-8 where it is that, else Latin-1 (RFC 9110, 5.5)."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


class Headers:
    """Header fields in their order; looked up by name in any case.

    ``headers["Host"]`` is the first value (KeyError if absent), `get_all` every one. `raw` holds the
    `Field` tuples with bytes and stream offsets.
    """

    __slots__ = ("raw",)

    def __init__(self, fields: list[Field]) -> None:
        self.raw = fields

    def get_all(self, name: str) -> list[str]:
        """Every value of a field, in order."""
        wanted = name.lower().encode("utf-8", "replace")
        return [text(field.value) for field in self.raw if field.name.lower() == wanted]

    def get(self, name: str, default: str = "") -> str:
        """The first value of a field."""
        values = self.get_all(name)
        return values[0] if values else default

    def items(self) -> list[tuple[str, str]]:
        """Names and values as text, in order."""
        return [(text(field.name), text(field.value)) for field in self.raw]

    def __getitem__(self, name: str) -> str:
        values = self.get_all(name)
        if not values:
            raise KeyError(name)
        return values[0]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.get_all(name))

    def __iter__(self) -> Iterator[str]:
        return iter(text(field.name) for field in self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __eq__(self, other: object) -> bool:
        return self.items() == other.items() if isinstance(other, Headers) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        # repr() of a string escapes control characters; long headers are cut.
        shown = ", ".join(f"{name[:60]!r}: {value[:80]!r}" for name, value in self.items()[:20])
        return f"<Headers {{{shown}{', ...' if len(self) > 20 else ''}}}>"
