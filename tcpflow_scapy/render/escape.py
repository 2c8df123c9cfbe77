"""Hostile text made safe for terminals, notebooks, file names and spreadsheets.

Payload, names in captures and file names are written by whoever sent the traffic. What could steer a
terminal (ECMA-48 control sequences), reorder or hide text (Unicode TR 36: bidi controls, zero-width
characters), become markup, or leave a folder, is made visible or replaced here, and only here.
Rich does not do this: it passes ESC through, and reads square brackets in strings as markup.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import Any

_INVISIBLE = frozenset(
    # Printable to Python (letters, marks, symbols), and yet nothing to see.
    [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0]
    + [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]
)

_NOT_ASCII = re.compile(r"[^ -~]")
_NOT_ASCII_BYTE = re.compile(rb"[^ -~]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

ELLIPSIS = "…"


@lru_cache(maxsize=4096)
def _visible(character: str) -> str:
    """The character itself if it shows as one, else its escape."""
    code = ord(character)
    if character.isprintable() and code not in _INVISIBLE:
        return character
    if character in _NAMED:
        return _NAMED[character]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def safe_text(
    value: str | bytes | bytearray | memoryview,
    *,
    newlines: bool = False,
    utf8: bool = True,
    limit: int | None = None,
) -> str:
    r"""Text that can be shown on any terminal: what is not plainly visible becomes an escape.

    C0, C1 and DEL, bidirectional controls, zero-width and other invisible characters, line and
    paragraph separators, exotic spaces, lone surrogates, private and unassigned characters turn into
    ``\x1b``, ``\u202e`` and the like. Backslashes stay as they are, for reading, not for reversal.

    Parameters
    ----------
    value : str or bytes
    newlines : bool
        Keep line feeds and tabs; CR LF becomes LF. A lone CR never stays: it overwrites the line.
    utf8 : bool
        For bytes: show valid UTF-8 as characters; False shows ASCII only.
    limit : int, optional
        At most this many characters (or bytes) of `value`; a cut is marked with an ellipsis.

    Returns
    -------
    str
        Without `newlines`, always one line.
    """
    cut = limit is not None and len(value) > limit
    if cut:
        value = value[:limit]
    if isinstance(value, str):
        text = value
    else:
        value = bytes(value)
        text = value.decode("utf-8", "surrogateescape") if utf8 else value.decode("latin-1")
    if not (text.isascii() and text.isprintable()):
        text = _escape(text, newlines, from_bytes=not isinstance(value, str), utf8=utf8)
    return text + ELLIPSIS if cut else text


def _escape(text: str, newlines: bool, *, from_bytes: bool, utf8: bool) -> str:
    if newlines:
        text = text.replace("\r\n", "\n")

    def replace(match: re.Match[str]) -> str:
        character = match.group()
        if newlines and character in "\n\t":
            return character
        code = ord(character)
        if from_bytes and 0xDC80 <= code <= 0xDCFF:
            # A byte that is not UTF-8: surrogateescape hides it in a surrogate.
            return f"\\x{code - 0xDC00:02x}"
        if from_bytes and not utf8 and code > 0x7E:
            return f"\\x{code:02x}"
        return _visible(character)

    return _NOT_ASCII.sub(replace, text)


def one_line(value: Any, limit: int | None = None) -> str:
    """Any value as one safe line: text and bytes escaped, everything else through `str`."""
    if not isinstance(value, (str, bytes, bytearray, memoryview)):
        value = str(value)
    return safe_text(value, limit=limit)


def safe_html(value: Any, *, newlines: bool = False) -> str:
    """Text for an HTML element or a quoted attribute: `safe_text`, then HTML's own escapes."""
    if not isinstance(value, (str, bytes, bytearray, memoryview)):
        value = str(value)
    return html.escape(safe_text(value, newlines=newlines), quote=True)


_DOTS = bytes(b if 0x20 <= b <= 0x7E or b in b"\n\r" else 0x2E for b in range(256))
_LONE_CR = re.compile(rb"\r(?!\n)")


def dots(data: bytes | bytearray | memoryview) -> bytes:
    r"""Bytes as tcpflow prints them to a console: non-printables, tabs too, are dots; LF and CR LF stay.

    A CR without LF is shown as ``\r``: a terminal would go back and overwrite what stands on the line.
    """
    shown = bytes(data).translate(_DOTS)
    return _LONE_CR.sub(rb"\\r", shown) if b"\r" in shown else shown


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula: such text gets an apostrophe in front.

    Numbers and other values that are not text pass unchanged; bytes become safe text.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = safe_text(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


# What Windows forbids in names contains what POSIX forbids; ':' also opens NTFS streams and drives.
_FORBIDDEN = re.compile(r'[\\/:*?"<>|]')
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])[ .]*(?:\.|$)", re.IGNORECASE
)
_LONGEST_SUFFIX = 16


def safe_filename(name: str | bytes, limit: int = 255) -> str:
    """A name for one file, in one folder, on any system; never empty, never a path.

    Separators, control and invisible characters become underscores, as do leading dots, dashes,
    tildes and spaces and trailing dots and spaces; DOS device names get an underscore in front.
    The same name always gives the same result, and a result gives itself; different names may meet.

    Parameters
    ----------
    name : str or bytes
    limit : int
        Longest result, in bytes of UTF-8; the suffix is kept where there is room for it.
    """
    if limit < 1:
        raise ValueError("a file name needs at least one byte")
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else name
    text = _NOT_ASCII.sub(lambda m: m.group() if _visible(m.group()) == m.group() else "_", text)
    text = _FORBIDDEN.sub("_", text)
    text = re.sub(r"^[.\-~ ]+", lambda m: "_" * len(m.group()), text)
    text = _fit(text, limit)
    if _RESERVED.match(text):
        text = _fit("_" + text, limit)
    return text or "_"


def _fit(text: str, limit: int) -> str:
    """Shorten to `limit` bytes, at whole characters, from the stem; no dot or space at the end."""
    if len(text.encode()) > limit:
        stem, dot, suffix = text.rpartition(".")
        tail = dot + suffix
        if not stem or len(tail.encode()) > min(_LONGEST_SUFFIX, limit - 1):
            stem, tail = text, ""
        room = limit - len(tail.encode())
        text = (stem.encode()[:room].decode("utf-8", "ignore") or "_") + tail
    return re.sub(r"[. ]+$", lambda m: "_" * len(m.group()), text)
