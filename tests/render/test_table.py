from __future__ import annotations

import io
import math
import subprocess
import sys

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tcpflow_scapy.render.quantity import size
from tcpflow_scapy.render.table import Column, Table, clip, text_width

from .hostile import HOSTILE, anything, assert_safe, assert_safe_html

COLUMNS = [
    Column("client"),
    Column("port", align="right"),
    Column("sent", title="sent", unit="B", align="right", priority=1, help='what the "client" sent'),
    Column("state", priority=2),
    Column("note", priority=1, min_width=8),
]
ROWS = [
    ("10.0.0.1", 40000, 1234, "closed", "GET /index.html HTTP/1.1"),
    ("10.0.0.22", 80, None, "open", b"\x1b[2J"),
]


def shown(table: Table, width: int = 100) -> str:
    """What a terminal gets from rich: no styles, so that every control character is somebody else's."""
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, force_terminal=True, legacy_windows=False).print(table)
    return out.getvalue()


def test_text() -> None:
    assert Table(COLUMNS, ROWS, title="flows").to_text(100) == "\n".join(
        [
            "flows",
            "client      port  sent [B]  state   note",
            "─────────  ─────  ────────  ──────  ────────────────────────",
            "10.0.0.1   40000      1234  closed  GET /index.html HTTP/1.1",
            "10.0.0.22     80            open    \\x1b[2J",
        ]
    )


def test_footer_says_how_many_there_are() -> None:
    table = Table(COLUMNS, ROWS, total=1_000_000)
    for text in (table.to_text(100), shown(table), table.to_html()):
        assert "2 of 1,000,000 rows" in text
    assert " of " not in Table(COLUMNS, ROWS).to_text(100)


def test_no_rows() -> None:
    assert Table(COLUMNS, []).to_text(100).endswith("none")
    assert Table(COLUMNS, [], empty="no gaps").to_text(100).endswith("no gaps")
    assert "none" in shown(Table(COLUMNS, []))
    assert_safe_html(Table(COLUMNS, []).to_html())
    assert "0 of 5 rows" in Table(COLUMNS, [], total=5).to_text(100)
    assert Table([], []).to_text(100) == "none"
    assert "none" in shown(Table([], []))


def test_a_row_must_have_a_value_for_each_column() -> None:
    with pytest.raises(ValueError, match="2 values for 5 columns"):
        Table(COLUMNS, [("a", "b")])


def test_rows_may_come_from_any_iterable() -> None:
    table = Table([Column("n")], ((n,) for n in range(3)))
    assert table.to_text(100) == table.to_text(100)
    assert len(table.rows) == 3


def test_limit_of_text() -> None:
    text = Table([Column("n")], [(n,) for n in range(9)]).to_text(100, limit=2)
    assert text.split("\n")[2:] == ["0", "1", "… 2 of 9 rows"]


@pytest.mark.parametrize("missing", [None, math.nan, pd.NaT, pd.NA, float("nan")])
def test_missing_values_are_empty_and_not_formatted(missing: object) -> None:
    assert Column("x").cell(missing) == ""
    assert Column("x", format=size).cell(missing) == ""


def test_values() -> None:
    assert Column("x").cell(1 / 3) == "0.333333"
    assert Column("x").cell(65535) == "65535"
    assert Column("x").cell(True) == "True"
    assert Column("x", format=size).cell(1400) == "1.4 kB"
    assert Column("x", format=lambda v: f"\x1b{v}").cell(1) == "\\x1b1"
    assert Column("x").cell("y" * 1000) == "y" * 300 + "…"


def test_least_important_columns_go_first() -> None:
    table = Table(COLUMNS, ROWS)
    assert "not shown" not in table.to_text(44)  # the note is cut before anything is dropped
    narrow = table.to_text(43)
    assert "not shown: state" in narrow
    assert "note" in narrow
    narrower = table.to_text(28)
    assert "not shown: state, note" in narrower.replace("\n", " ")
    narrowest = table.to_text(18)
    assert "not shown" in narrowest
    assert narrowest.split("\n")[0] == "client      port"
    for width in range(1, 60):
        assert max(map(text_width, table.to_text(width).split("\n"))) <= width


def test_rich_drops_the_same_columns() -> None:
    table = Table(COLUMNS, ROWS)
    for width in (20, 28, 43, 44, 60, 100):
        text, rich = table.to_text(width), shown(table, width)
        for column in COLUMNS:
            head = text.split("\n")[0]
            assert (column.heading in head) == (column.heading in rich.split("\n")[0]), (width, column)
        assert max(map(text_width, rich.split("\n"))) <= width


def test_wide_characters_line_up() -> None:
    text = Table([Column("a"), Column("b")], [("日本", "x"), ("ab", "y"), ("e\u0301", "z")]).to_text(100)
    assert text.split("\n")[2:] == ["日本  x", "ab    y", "e\u0301     z"]
    assert text_width("日本e\u0301") == 5
    assert clip("日本語", 5) == "日本…"
    assert clip("日本語", 4) == "日…"
    assert clip("abc", 3) == "abc"


def test_center() -> None:
    assert Table([Column("wide", align="center")], [("ab",)]).to_text(10).split("\n")[2] == " ab"


def test_html_has_the_same_cells_as_text() -> None:
    table = Table(COLUMNS, ROWS, total=7, title="a <b> title")
    judge = assert_safe_html(table.to_html())
    for column, cells in zip(COLUMNS, table.cells(), strict=True):
        for cell in [column.heading, *cells]:
            assert not cell or cell in judge.texts
    assert "a <b> title" in judge.texts
    assert judge.titles == ['what the "client" sent']
    assert judge.texts[0] == table.to_text(160)


def test_html_shows_plain_text_where_styles_are_stripped() -> None:
    html = Table(COLUMNS, ROWS).to_html()
    style, rest = html.split("</style>")
    assert ".tfs-plain{display:none}" in style
    assert "display:block!important" in style
    assert rest.startswith('<pre class="tfs-plain tex2jax_ignore mathjax_ignore">client')
    assert '<div class="tfs tex2jax_ignore mathjax_ignore" style="display:none">' in rest
    for word in ("http", "url(", "@import", "<script", "javascript"):
        assert word not in html


def test_html_of_many_rows_stays_small() -> None:
    rows = [(f"10.0.0.{n % 256}", n, n * 1000, "closed", "") for n in range(1000)]
    html = Table(COLUMNS, rows, total=10**6).to_html()
    assert html.count("<tr>") == 1002
    assert len(html) < 150_000
    # The plain copy is for emergencies.
    assert html.split("</pre>")[0].count("closed") == 60


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_cells_titles_and_names(value: str | bytes) -> None:
    text = value if isinstance(value, str) else value.decode("latin-1")
    columns = [Column(text, title=text, unit=text, help=text, priority=1), Column("b", format=lambda v: v)]
    table = Table(columns, [(value, value)] * 2, total=3, title=text, empty=text)
    for width in (10, 30, 200):
        assert_safe(table.to_text(width), lines=True)
        assert_safe(shown(table, width), lines=True)
    assert_safe_html(table.to_html())
    assert_safe(repr(table), lines=True)
    assert_safe_html(table._repr_html_())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(anything, anything), max_size=5), st.integers(1, 90))
def test_hostile_rows_of_any_kind(rows: list[tuple[str | bytes, str | bytes]], width: int) -> None:
    table = Table([Column("a"), Column("b", align="right", priority=3)], rows, total=9)
    text = table.to_text(width)
    assert_safe(text, lines=True)
    assert max(map(text_width, text.split("\n"))) <= width
    assert text.count("\n") == len(rows) + 2
    assert_safe(shown(table, max(width, 20)), lines=True)
    assert_safe_html(table.to_html())


def test_importing_render_brings_no_heavy_package() -> None:
    code = (
        "import sys\n"
        "from tcpflow_scapy.render import card, escape, hexdump, html, quantity, table\n"
        "table.Table([table.Column('a')], [('b',)]).to_html()\n"
        "print(sorted({'rich', 'pandas', 'numpy', 'IPython', 'scapy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
