"""Media types: what a Content-Type says, and the file extension that goes with it.

RFC 9110, 8.3. Extensions follow tcpflow's table (`media_extensions`), so that files get the names its
users know.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .media_extensions import EXTENSIONS

_PARAMETER = re.compile(r";\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;\"]*))")
_ESCAPED = re.compile(r"\\(.)")
_EXTENDED = re.compile(r"([!#$%&+^_`{}~0-9A-Za-z-]+)'[^']*'(.*)", re.S)


def essence(content_type: str) -> str:
    """Type and subtype in lower case, without parameters: ``text/html``."""
    return content_type.partition(";")[0].strip(" \t").lower()


def parameters(value: str) -> dict[str, str]:
    """Parameters of a field value such as Content-Type or Content-Disposition, names in lower case.

    The first of several counts. Extended ones (``filename*=UTF-8''...``, RFC 8187) are decoded and named
    without the asterisk; they win over plain ones.
    """
    plain: dict[str, str] = {}
    extended: dict[str, str] = {}
    for name, quoted, token in _PARAMETER.findall(value[:65536]):
        text = _ESCAPED.sub(r"\1", quoted) if quoted else token
        name = name.lower()
        if name.endswith("*"):
            extended.setdefault(name[:-1], _extended(text))
        else:
            plain.setdefault(name, text)
    return plain | extended


def _extended(text: str) -> str:
    from urllib.parse import unquote

    found = _EXTENDED.fullmatch(text)
    if found is None:
        return text
    try:
        return unquote(found[2], encoding=found[1], errors="replace")
    except LookupError:
        return unquote(found[2], errors="replace")


@lru_cache(maxsize=1)
def _table() -> dict[str, str]:
    table = {}
    for kind, rows in EXTENSIONS.items():
        for row in rows.split():
            subtype, _, extension = row.partition("=")
            table[f"{kind}/{subtype}"] = extension or subtype
    return table


def extension_for(content_type: str) -> str:
    """The extension tcpflow gives to a body of that type, without a dot; empty for types it does not know."""
    return _table().get(essence(content_type), "")
