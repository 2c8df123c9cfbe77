"""What an attacker puts on the wire, and independent judges of what comes out."""

from __future__ import annotations

import unicodedata
from html.parser import HTMLParser

from hypothesis import strategies as st

from tcpflow_scapy.render.dataframe import NOT_TYPESET

HOSTILE: tuple[str | bytes, ...] = (
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\",
    "\x9b31m C1 \x85 \x90q",
    "\x07\x08\x0b\x0c\x7f",
    "[/nope] GET",
    "[link=http://evil.example]x[/link] [bold]y",
    ":smile: [red]",
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</pre></div></td></table></details></style><b>",
    "&lt;b&gt; &#x1b;",
    "\u202etxt.exe \u2066a\u2069 \u200f",
    "zero\u200bwidth\ufeff\u2060\u00ad",
    "line\u2028para\u2029end\r\nnext\rover",
    "lone \udc9b \ud800",
    "hidden \ufe0f\u3164\u2800\u115f \U000e0041",
    "nul\0byte\ttab",
    b"\x1b[2J \xff\xfe \xc2\x9b31m \xe2\x80\xae rtl \0",
    b"<script>\x1b]52;c;AAAA\x07</script>",
)

anything = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=40),
    st.binary(max_size=40),
    st.sampled_from(HOSTILE),
)


def assert_safe(text: str, *, lines: bool = False, tabs: bool = False) -> None:
    """Nothing but characters with a glyph, spaces, and line feeds where they are meant."""
    for character in text:
        if (character == "\n" and lines) or (character == "\t" and tabs) or character == " ":
            continue
        category = unicodedata.category(character)
        assert category not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}, ascii(character)
        assert character not in "\u3164\u2800\u115f\u1160\uffa0\u034f\ufe0f", ascii(character)
    text.encode("utf-8")


class Judge(HTMLParser):
    """Every tag and attribute of a fragment must be one that we write ourselves; collects the text."""

    TAGS = frozenset(
        ("style", "pre", "div", "span", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td")
        + ("dl", "dt", "dd", "details", "summary")
    )
    ATTRIBUTES = frozenset(
        ("class", "style", "scope", "title", "colspan", "open", "role", "aria-label", "tabindex")
    )

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.titles: list[str] = []
        self.stack: list[str] = []
        self.feed(markup)
        self.close()
        assert not self.stack, self.stack

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.TAGS, tag
        for name, value in attrs:
            assert name in self.ATTRIBUTES, name
            if name == "style":
                assert value == "display:none"
            if name in ("title", "aria-label"):
                self.titles.append(value or "")
            if name == "class":
                assert all(n.startswith("tfs") or n in NOT_TYPESET.split() for n in (value or "").split())
        self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] == "style":
            assert "url(" not in data
            assert "@import" not in data
        else:
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    handle_decl = handle_comment
    handle_pi = handle_comment
    unknown_decl = handle_comment


def assert_safe_html(markup: str) -> Judge:
    """A fragment of our own tags only, with safe text in it."""
    judge = Judge(markup)
    for text in judge.texts + judge.titles:
        assert_safe(text, lines=True)
    return judge
