"""What Tab offers: files, flows, options and columns behind a magic; columns in a query."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.flows.columns import COLUMN_NAMES
from tcpflow_scapy.notebook.loading import CELL_KEYS, LINE_OPTIONS
from tcpflow_scapy.notebook.magics import (
    EXPORT_OPTIONS,
    FOLLOW_OPTIONS,
    SEARCH_OPTIONS,
    TABLE_OPTIONS,
)
from tcpflow_scapy.reassembly import POLICIES
from tcpflow_scapy.render.escape import safe_text

if TYPE_CHECKING:
    from tcpflow_scapy.notebook.magics import Magics

MOST = 500
"""No list of completions is longer."""

_OPTIONS = {
    "flows": LINE_OPTIONS,
    "follow": FOLLOW_OPTIONS,
    "gaps": TABLE_OPTIONS,
    "conflicts": TABLE_OPTIONS,
    "search": SEARCH_OPTIONS,
    "export": EXPORT_OPTIONS,
}
_LINE = re.compile(
    r"\s*(?:[A-Za-z_]\w*\s*=\s*)?%{1,2}(flows|follow|gaps|conflicts|search|export)\s+(.*)", re.DOTALL
)
_IN_QUERY = re.compile(
    r"""\.(?:query|sort_values)\(\s*\[?(?:by\s*=\s*\[?)?(?:["'][^"']*["']\s*,\s*)*["']([^"']*)$"""
)
_LAST_NAME = re.compile(r"[A-Za-z_]\w*$")
_WORD = re.compile(r"""(?:^|\s)("[^"]*|'[^']*|\S*)$""")


class Completion:
    """The matcher of one shell.

    Parameters
    ----------
    magics : Magics
    """

    def __init__(self, magics: Magics) -> None:
        self.magics = magics

    def offers(self, text: str, cursor_line: int = 0) -> tuple[str, list[str]] | None:
        """The fragment before the cursor and what it may become; None where this is not our line.

        Parameters
        ----------
        text : str
            Everything up to the cursor.
        cursor_line : int
            Its line, from 0; behind the first line of ``%%flows`` stand keys.
        """
        line = text.rpartition("\n")[2]
        if cursor_line and text.lstrip().startswith("%%flows"):
            return self._in_cell(line)
        match = _LINE.fullmatch(line)
        if match:
            magic, rest = match.groups()
            word = _last_word(rest)
            before = rest[: len(rest) - len(word)].split()
            return word, self._limited(self._behind_magic(magic, before, word), word)
        match = _IN_QUERY.search(line)
        if match:
            return _columns(match.group(1))
        return None

    def _behind_magic(self, magic: str, before: list[str], word: str) -> Iterator[str]:
        options = _OPTIONS[magic]
        last = before[-1] if before else ""
        words = _plain_words(before, options)
        if last == "--overlap":
            yield from POLICIES
        elif last == "--in":
            yield from self._tables()
        elif last.startswith("--") and options.get(last[2:]):
            return
        elif word.startswith("-"):
            yield from (f"--{name}" for name in options)
        elif (magic == "flows" and not words) or (magic == "export" and not words):
            yield from files(word, folders_only=magic == "export")
        elif magic in ("follow", "gaps", "conflicts", "export"):
            yield from self._flows()

    def _in_cell(self, line: str) -> tuple[str, list[str]]:
        key, colon, value = line.partition(":")
        if not colon:
            return key.lstrip(), self._limited((f"{name}: " for name in CELL_KEYS), key.lstrip())
        key, word = key.strip().replace("-", "_"), _last_word(value)
        if key == "source":
            return word, self._limited(files(word), word)
        if key == "overlap":
            return word, self._limited(iter(POLICIES), word)
        if key in ("query", "sort"):
            return _columns(value)
        return word, []

    def _tables(self) -> Iterator[str]:
        for name in list(self.magics.shell.user_ns):
            if not name.startswith("_") and self.magics.table(name) is not None:
                yield name

    def _flows(self) -> Iterator[str]:
        table = self.magics.table()
        if table is None:
            return
        shown = table[:MOST]
        yield from map(str, shown.df.index.tolist())
        yield from (flow.key for flow in shown)

    @staticmethod
    def _limited(offers: Iterator[str], word: str) -> list[str]:
        found = [offer for offer in offers if offer.startswith(word) and offer == safe_text(offer)]
        return list(dict.fromkeys(found))[:MOST]

    def __call__(self, context: Any) -> dict[str, Any]:
        """The matcher, as IPython's completer calls it (its matcher interface 2)."""
        from IPython.core.completer import SimpleCompletion

        lines = context.full_text.split("\n")[: context.cursor_line + 1]
        lines[-1] = lines[-1][: context.cursor_position]
        found = self.offers("\n".join(lines), context.cursor_line)
        if found is None:
            return {"completions": [], "suppress": False}
        fragment, offers = found
        return {
            "completions": [SimpleCompletion(text=offer, type="tcpflow") for offer in offers],
            "matched_fragment": fragment,
            "suppress": bool(offers),
            "ordered": True,
        }


def _last_word(text: str) -> str:
    match = _WORD.search(text)
    return match.group(1) if match else ""


def _plain_words(before: list[str], options: dict[str, bool]) -> list[str]:
    """The words that are neither options nor their values."""
    found, skip = [], False
    for word in before:
        if skip:
            skip = False
        elif word.startswith("--"):
            skip = bool(options.get(word[2:]))
        else:
            found.append(word)
    return found


def _columns(text: str) -> tuple[str, list[str]]:
    match = _LAST_NAME.search(text)
    word = match.group() if match else ""
    return word, [name for name in COLUMN_NAMES if name.startswith(word)]


def files(word: str, *, folders_only: bool = False) -> Iterator[str]:
    """Paths that begin with a word; in quotes where they need them."""
    quote = word[0] if word[:1] in ("'", '"') else ""
    begin = word[len(quote) :]
    home = os.path.expanduser(begin)
    pattern = glob.escape(home) + "*"
    for number, path in enumerate(glob.iglob(pattern)):
        if number >= 10 * MOST:
            return
        folder = os.path.isdir(path)
        if folders_only and not folder:
            continue
        name = begin + path[len(home) :] + (os.sep if folder else "")
        if quote or any(c.isspace() for c in name):
            mark = quote or '"'
            # A folder's quote stays open: its name goes on.
            name = f"{mark}{name}" if folder else f"{mark}{name}{mark}"
        yield name
