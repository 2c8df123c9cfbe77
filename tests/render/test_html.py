from __future__ import annotations

import html

import pytest

from tcpflow_scapy.render.escape import safe_text
from tcpflow_scapy.render.html import STYLE, escape_all, fragment, table_element
from tcpflow_scapy.render.table import Column, Table

from .hostile import HOSTILE, assert_safe_html


def test_style_reaches_nothing_but_our_own_elements() -> None:
    rules = STYLE.removeprefix("<style>").removesuffix("</style>").split("}")
    for rule in filter(None, rules):
        for selector in rule.split("{")[0].split(","):
            assert selector.startswith((".tfs ", ".tfs-plain")) or selector == ".tfs"


def test_style_takes_its_colours_from_the_page() -> None:
    # Fixed colours would be unreadable in one of the two themes; half-transparent grey is not.
    assert "#" not in STYLE
    assert "color:inherit" in STYLE
    assert "var(--jp-" in STYLE


def test_fragment_escapes_the_plain_copy() -> None:
    made = fragment("<div></div>", "a\n</pre><script>")
    assert "<script" not in made
    assert "a\n&lt;/pre&gt;" in made
    assert_safe_html(made)


def test_table_element() -> None:
    table = Table(
        [Column("a", align="right"), Column("b", align="center")], [("1", "<2>")], total=2, title="t"
    )
    assert table_element(table) == (
        '<div class="tfs-scroll"><table><caption>t</caption>'
        '<thead><tr><th scope="col" class="tfs-r">a</th><th scope="col" class="tfs-c">b</th></tr></thead>'
        '<tbody><tr><td class="tfs-r">1</td><td class="tfs-c">&lt;2&gt;</td></tr></tbody>'
        '<tfoot><tr><td class="tfs-note" colspan="2">… 1 of 2 rows</td></tr></tfoot></table></div>'
    )


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["<", "&", '"', "'"], [safe_text(v) for v in HOSTILE]])
def test_many_texts_at_once(texts: list[str]) -> None:
    assert escape_all(texts) == [html.escape(t, quote=True) for t in texts]
