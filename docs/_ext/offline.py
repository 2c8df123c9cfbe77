"""Is the site whole without a network? What a page loads from elsewhere is a warning, and so an error."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sphinx.util import logging

LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}
"""elements that load something, and the attribute that says what"""
_HARMLESS = {"canonical", "next", "prev", "search", "index"}
"""kinds of <link> that load nothing"""


class Loads(HTMLParser):
    """Everything that a page loads from another place."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element loads."""
        found = dict(attrs)
        if tag not in LOADED or set((found.get("rel") or "").split()) & _HARMLESS:
            return
        address = found.get(LOADED[tag]) or ""
        if address.startswith(("http:", "https:", "//")):
            self.foreign.append(address)


def check(app: Any, error: Exception | None) -> None:
    """Look through the finished site."""
    if error is not None or app.builder.format != "html":
        return
    logger = logging.getLogger(__name__)
    for page in sorted(Path(app.outdir).rglob("*.html")):
        parser = Loads()
        parser.feed(page.read_text(encoding="utf-8"))
        for address in parser.foreign:
            logger.warning("%s loads %s from elsewhere", page.relative_to(app.outdir), address)


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
