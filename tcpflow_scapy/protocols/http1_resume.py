"""A head with a gap in it: does it go on behind the gap?

Long cookies make heads of several segments, and one of them can be lost. If what follows the gap looks
like the rest of a head up to its empty line, then the body behind it can be found.
"""

from __future__ import annotations

import re

from .stream_bytes import ByteWindow, Range

GAP_LIMIT = 1 << 16
"""No head is believed to go on behind a larger gap."""

_BLANK = re.compile(rb"\n\r?\n")
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}[ \t]*:[^\x00]*|[ \t][^\x00]*")
_TEXT = re.compile(rb"[\t\r\x20-\x7e\x80-\xff]*")


def rest_of_head(window: ByteWindow, gap_start: int, limit: int) -> Range | None:
    """Where the rest of a head lies that breaks off at `gap_start`: from the end of the gap to the body.

    Parameters
    ----------
    window : ByteWindow
    gap_start : int
        Where the gap begins.
    limit : int
        Most bytes of a head.

    Returns
    -------
    (start, end) or None
        None if what follows the gap does not look like it, or if it has a gap itself.
    """
    start = window.gaps.after(gap_start)
    if start - gap_start > GAP_LIMIT or start >= window.end:
        return None
    blank = window.search(_BLANK, start, limit)
    if blank is None:
        return None
    text = window.peek(start, blank[1] - start)
    first, *lines = text.rstrip(b"\r\n").split(b"\n")
    # A line that the gap cut can begin anywhere; whole ones must be fields, and no start line.
    if not _TEXT.fullmatch(first) or b"HTTP/1." in first:
        return None
    if not all(_FIELD.fullmatch(line) for line in lines):
        return None
    return start, blank[1]
