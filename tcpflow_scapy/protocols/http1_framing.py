"""Where the body of an HTTP/1.x message ends, rule by rule.

RFC 9112, section 6.3, in its order. A rule looks at header fields, never at bytes of the body; what only
the body can decide (which of two lengths fits, whether it is chunked at all) is left to the parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .http1_fields import Field
from .http1_lines import StartLine

Kind = Literal["none", "length", "chunked", "close", "tunnel"]

NAMES = frozenset({b"content-length", b"transfer-encoding", b"upgrade", b"expect"})
"""The fields that the rules look at."""

HUGE = (1 << 63) - 1
"""What a length of more digits than any file has is taken for."""

_DIGITS = re.compile(rb"[0-9]+")


@dataclass(frozen=True, slots=True)
class Framing:
    """How a body is delimited."""

    kind: Kind
    lengths: tuple[int, ...] = ()
    """stated lengths, without repetition; more than one if they contradict each other"""
    codings: tuple[str, ...] = ()
    """transfer codings other than chunked, in the order they were applied"""
    problems: frozenset[str] = frozenset()


def framing_fields(fields: Iterable[Field]) -> dict[bytes, list[bytes]]:
    """The values of `NAMES` among `fields`, by lower-case name."""
    found: dict[bytes, list[bytes]] = {}
    for field in fields:
        name = field.name.lower()
        if name in NAMES:
            found.setdefault(name, []).append(field.value)
    return found


def stated_lengths(values: Iterable[bytes]) -> tuple[tuple[int, ...], set[str]]:
    """Read Content-Length fields: the distinct lengths in their order, and what is wrong with them."""
    lengths: list[int] = []
    problems: set[str] = set()
    count = 0
    for value in values:
        for part in value.split(b","):
            part = part.strip(b" \t")
            count += 1
            if not _DIGITS.fullmatch(part):
                problems.add("bad_content_length")
                continue
            digits = part.lstrip(b"0") or b"0"
            length = min(int(digits), HUGE) if len(digits) <= 20 else HUGE
            if length not in lengths:
                lengths.append(length)
            if len(lengths) >= 16:
                break
    if len(lengths) > 1:
        problems.add("conflicting_content_length")
    elif count > 1:
        problems.add("repeated_content_length")
    return tuple(lengths), problems


def transfer_codings(values: Iterable[bytes]) -> tuple[tuple[str, ...], bool, set[str]]:
    """Read Transfer-Encoding fields: codings other than chunked, whether it is chunked, what is wrong."""
    names = []
    for value in values:
        for part in value.split(b",")[:16]:
            name = part.partition(b";")[0].strip(b" \t").lower().decode("latin-1")
            if name and name != "identity":
                names.append(name)
    chunked = "chunked" in names
    problems = set()
    if names.count("chunked") > 1 or (chunked and names[-1] != "chunked"):
        problems.add("bad_transfer_encoding")
    return tuple(name for name in names if name != "chunked"), chunked, problems


def request_framing(start: StartLine, fields: dict[bytes, list[bytes]]) -> Framing:
    """How the body of a request is delimited. CONNECT is settled by the response, not here."""
    codings, chunked, problems = transfer_codings(fields.get(b"transfer-encoding", ()))
    lengths, wrong = stated_lengths(fields.get(b"content-length", ()))
    problems |= wrong
    if chunked:
        if lengths:
            problems.add("length_and_chunked")
        return Framing("chunked", lengths, codings, frozenset(problems))
    if codings:
        problems.add("bad_transfer_encoding")  # a request cannot end with the connection
    if lengths:
        return Framing("length", lengths, codings, frozenset(problems))
    return Framing("none", problems=frozenset(problems))


def response_framing(start: StartLine, fields: dict[bytes, list[bytes]], method: bytes | None) -> Framing:
    """How the body of a response is delimited.

    Parameters
    ----------
    start : StartLine
    fields : dict
        See `framing_fields`.
    method : bytes or None
        Method of the request it answers; None if that is not known.
    """
    if start.status == 101 or (method == b"CONNECT" and 200 <= start.status < 300):
        return Framing("tunnel")
    if method == b"HEAD" or start.status < 200 or start.status in (204, 304):
        return Framing("none")
    codings, chunked, problems = transfer_codings(fields.get(b"transfer-encoding", ()))
    lengths, wrong = stated_lengths(fields.get(b"content-length", ()))
    problems |= wrong
    if chunked:
        if lengths:
            problems.add("length_and_chunked")
        return Framing("chunked", lengths, codings, frozenset(problems))
    if codings:
        return Framing("close", lengths, codings, frozenset(problems))
    if lengths:
        return Framing("length", lengths, problems=frozenset(problems))
    return Framing("close", problems=frozenset(problems))
