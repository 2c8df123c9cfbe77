"""HTTP/1.x start lines: reading one where it is expected, finding the next one where it is not.

RFC 9112, sections 2.2, 3 and 4. Where a message is expected, much is forgiven (bare LF, tabs, several
spaces, no reason phrase, ``ICY 200``). Where we have lost our place, a line must look exactly right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .stream_bytes import ByteWindow

Side = Literal["request", "response"]

_STATUS = re.compile(rb"(HTTP/\d{1,3}(?:\.\d{1,3})?|ICY) +(\d{3})(?: +(.*))?", re.S)
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}(?= )")
_VERSION = re.compile(rb"HTTP/\d{1,3}(?:\.\d{1,3})?")
_PREFACE = b"PRI * HTTP/2.0"

METHODS = (
    b"GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE|PROPFIND|PROPPATCH|MKCOL|COPY|MOVE|LOCK|UNLOCK|"
    b"REPORT|SEARCH|SUBSCRIBE|UNSUBSCRIBE|NOTIFY|M-SEARCH|MERGE|CHECKOUT|PURGE|BIND|LINK|UNLINK|SOURCE|"
    b"RPC_IN_DATA|RPC_OUT_DATA|BITS_POST|CCM_POST|QUERY"
)
"""Methods that make a request believable in the middle of other bytes (RFC 9110, WebDAV, UPnP, RPC, BITS)."""

_ODD_METHOD = re.compile(METHODS)
_ODD_VERSION = re.compile(_VERSION.pattern, re.I)
_ODD_STATUS = re.compile(_STATUS.pattern, re.I | re.S)

_TARGET = rb"(?:/|\*(?= )|[A-Za-z][A-Za-z0-9+.-]{0,15}://|[0-9A-Za-z.\[\]:-]{1,255}:\d{1,5}(?= ))"
_KNOWN = re.compile(rb"(?:" + METHODS + rb")[ ](?=" + _TARGET + rb")")
_ANY_METHOD = re.compile(rb"[A-Z][A-Z0-9_-]{1,31}[ ](?=" + _TARGET + rb")")

_FOUND_STATUS = re.compile(rb"HTTP/1\.[01] [1-5]\d\d(?=[ \r\n])")
_FOUND_REQUEST_END = re.compile(rb" HTTP/1\.[01]\r?\n(?=[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*:|\r?\n|\Z)")
_ICY = re.compile(rb"ICY \d{3}(?=[ \r\n])")
_NEWLINE = re.compile(rb"\n")

_SHORTEST = 13
"""Bytes of ``HTTP/1.1 200`` and the one behind it: in fewer nothing is found."""

LINE_LIMIT = 1 << 16
"""Longest start line that is looked for."""
LONGEST_LINE = 1 << 20
"""Longest start line where one is expected. Servers stop at 8 KiB; some trackers and exploits do not."""
_BACK = 1 << 13
"""Longest request line that is found when the place was lost."""


@dataclass(frozen=True, slots=True)
class StartLine:
    """A start line, in the words of the wire."""

    version: bytes
    """``HTTP/1.1``, ``HTTP/1.0``, ``ICY`` ..."""
    method: bytes = b""
    target: bytes = b""
    status: int = 0
    reason: bytes = b""


def parse_start_line(side: Side, line: bytes) -> StartLine | None:
    """Read a start line (without its line feed); None where it is none."""
    # Cut by hand where a regular expression would go back and forth over a hostile line of blanks.
    line = line.replace(b"\t", b" ").rstrip(b" \r")
    if side == "response":
        found = _STATUS.fullmatch(line)
        return StartLine(found[1], status=int(found[2]), reason=found[3] or b"") if found else None
    rest, _, version = line.rpartition(b" ")
    method = _TOKEN.match(rest)
    if method is None or not _VERSION.fullmatch(version):
        return None
    target = rest[method.end() :].strip(b" ")
    return StartLine(version, method=method[0], target=target) if target else None


def parse_odd_line(side: Side, line: bytes) -> StartLine | None:
    """Read a start line that real servers and clients accept: only where nothing else can be expected."""
    line = line.replace(b"\t", b" ").rstrip(b" \r")
    if side == "response":
        found = _ODD_STATUS.fullmatch(line)
        return StartLine(found[1], status=int(found[2]), reason=found[3] or b"") if found else None
    method, _, rest = line.partition(b" ")
    if not _ODD_METHOD.fullmatch(method):
        return None
    target, _, version = (b" " + rest.strip(b" ")).rpartition(b" ")
    if not _ODD_VERSION.fullmatch(version):
        target, version = rest, b""
    return StartLine(version, method=method, target=target.strip(b" "))


def parse_cut_line(side: Side, line: bytes) -> StartLine | None:
    """Read what is there of a start line that a gap or the end of the capture cut off."""
    if side == "response":
        found = re.match(rb"(HTTP/\d\.\d|ICY) (\d{3})(?: (.*))?", line, re.S)
        return StartLine(found[1], status=int(found[2]), reason=found[3] or b"") if found else None
    found = re.match(rb"(" + METHODS + rb") (\S+)", line)
    return StartLine(b"", method=found[1], target=found[2]) if found else None


def is_preface(line: bytes) -> bool:
    """Whether a request line opens HTTP/2 with prior knowledge (RFC 9113, 3.4)."""
    return line.startswith(_PREFACE)


def could_start(side: Side, head: bytes) -> bool:
    """Whether a few bytes may begin a start line: spares the search for a line end in binary data."""
    if side == "response":
        return head[:5].upper() in (b"HTTP/", b"HTTP/"[: len(head)]) or head[:4] == b"ICY "[: len(head)]
    return bool(head) and (head[:1].isalpha() or head[0] in b"!#$%&'*+.^_`|~-" or head[:1].isdigit())


def begins_message(side: Side, window: ByteWindow, offset: int) -> bool:
    """Whether an unmistakable start line stands at `offset`."""
    if side == "response":
        head = window.peek(offset, 16)
        return bool(_FOUND_STATUS.match(head) or _ICY.match(head))
    head = window.peek(offset, 48)
    if not _KNOWN.match(head):
        return False
    line = window.search(_NEWLINE, offset, LINE_LIMIT)
    if line is None:
        return False
    return parse_start_line("request", window.peek(offset, line[1] - offset - 1)) is not None


def find_message(side: Side, window: ByteWindow, offset: int, end: int | None = None) -> int:
    """Offset of the next believable start line from `offset` on; `end` (of the stream) if there is none.

    Linear in the captured bytes passed over, whatever they are; gaps cost nothing.
    """
    search = _find_response if side == "response" else _find_request
    end = window.end if end is None else min(end, window.end)
    for start, stop in window.runs(offset):
        if start >= end:
            break
        if stop - start < _SHORTEST:
            continue
        found = search(window, start, min(stop, end))
        if found is not None:
            return min(found, end)
    return end


def _find_response(window: ByteWindow, start: int, stop: int) -> int | None:
    at = start
    while at < stop:
        index = window.fill(at, 16)
        hit = window.data.find(b"HTTP/1.", index)
        if hit >= 0:
            at = window.base + hit
            if _FOUND_STATUS.match(window.peek(at, 16)):
                return at
            at += 7
            continue
        edge = window.base + len(window.data)
        if edge >= stop:
            break
        at = max(edge - 6, at + 1)  # the last bytes may be the first half of what we look for
    return None


def _find_request(window: ByteWindow, start: int, stop: int) -> int | None:
    """Look for the end of a request line, then back for its beginning, never twice over the same bytes."""
    at = floor = start
    while at < stop:
        index = window.fill(floor, at - floor + 16)
        hit = window.data.find(b" HTTP/1.", index + at - floor)
        if hit < 0:
            edge = window.base + len(window.data)
            if edge >= stop:
                break
            at = max(edge - 7, at + 1)
            floor = max(floor, at - _BACK)
            continue
        at = window.base + hit
        # The next line must look like a header field or be empty.
        index = window.fill(floor, at - floor + 256)
        if _FOUND_REQUEST_END.match(window.data, index + at - floor):
            begin = _line_begin(window.data, index, index + at - floor)
            if begin is not None:
                return window.base + begin
        at += 8
        floor = at
    return None


def _line_begin(data: bytes, floor: int, end: int) -> int | None:
    """Where in ``data[floor:end]`` the request line begins that ends at `end`."""
    floor = max(floor, end - _BACK)
    newline = data.rfind(b"\n", floor, end)
    line = max(newline + 1, floor)
    if newline >= 0 and _ANY_METHOD.match(data, line, end + 1):
        return line
    # No line break before it: the body of the message before ended without one.
    begin = None
    for found in _KNOWN.finditer(data, line, end + 1):
        begin = found.start()
    return begin
