from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from rich.console import Console

from tcpflow_scapy.render.card import Block, Card, Section
from tcpflow_scapy.render.hexdump import hexdump
from tcpflow_scapy.render.table import Column, Table, text_width

from .hostile import HOSTILE, anything, assert_safe, assert_safe_html

GAPS = Table([Column("start", align="right"), Column("cause")], [(0, "truncated"), (99, "not_captured")])


def card() -> Card:
    return Card(
        "Flow 3",
        [
            ("client", "10.0.0.1:4000"),
            Section("gaps", GAPS, open=False),
            ("bytes", 1234),
            ("absent", None),
            ("first bytes", Block("\n".join(hexdump(bytes(range(65, 97)))), "first 32 B of 1.2 MB")),
        ],
        subtitle="closed",
    )


def shown(value: Card, width: int = 100) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, force_terminal=True, legacy_windows=False).print(value)
    return out.getvalue()


TEXT = """\
Flow 3  closed
  client  10.0.0.1:4000
  bytes   1234
  gaps
    start  cause
    ─────  ────────────
        0  truncated
       99  not_captured
  first bytes
  00000000  41 42 43 44 45 46 47 48  49 4a 4b 4c 4d 4e 4f 50  |ABCDEFGHIJKLMNOP|
  00000010  51 52 53 54 55 56 57 58  59 5a 5b 5c 5d 5e 5f 60  |QRSTUVWXYZ[\\]^_`|
  first 32 B of 1.2 MB"""


def test_text() -> None:
    assert card().to_text(100) == TEXT


def test_a_hexdump_fits_a_terminal() -> None:
    assert card().to_text(80) == TEXT
    assert "|QRSTUVWXYZ[\\]^_`|" in shown(card(), 80)


def test_rich_says_the_same() -> None:
    lines = [line.strip() for line in shown(card()).split("\n")]
    for line in TEXT.split("\n"):
        assert "───" in line or line.strip() in lines


def test_html_says_the_same() -> None:
    html = card().to_html()
    judge = assert_safe_html(html)
    for text in ("Flow 3", "closed", "client", "10.0.0.1:4000", "1234", "gaps", "not_captured"):
        assert text in judge.texts
    assert judge.texts[0] == card().to_text(160)
    assert html.count("<details>") == 1
    assert html.count("<details open>") == 1
    assert "absent" not in html


def test_nothing_but_a_title() -> None:
    empty = Card("t")
    assert empty.to_text(80) == "t"
    assert shown(empty).strip() == "t"
    assert "<dl>" not in empty.to_html()


def test_limit_cuts_tables_and_blocks() -> None:
    value = Card(
        "t", [("rows", Table([Column("n")], [(n,) for n in range(9)])), ("text", Block("a\nb\nc", "x"))]
    )
    text = value.to_text(80, limit=2)
    assert "… 2 of 9 rows" in text
    assert "… 2 of 3 lines; x" in text


def test_block_keeps_lines_and_expands_tabs() -> None:
    assert Block(b"a\tb\r\nc\x1b").lines() == ["a       b", "c\\x1b"]


def test_long_values_are_cut_but_in_html_whole() -> None:
    value = Card("t", [("url", "x" * 500)])
    assert text_width(value.to_text(80).split("\n")[1]) == 80
    assert "x" * 500 in value.to_html()
    assert shown(value, 80).count("x") == 500
    assert "x" * 1000 + "…" in Card("t", [("url", "x" * 5000)]).to_html()


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_everywhere(value: str | bytes) -> None:
    text = value if isinstance(value, str) else value.decode("latin-1")
    made = Card(
        text,
        [
            (text, value),
            (text, Block(value, text)),
            (text, Table([Column(text)], [(value,)], title=text)),
        ],
        subtitle=text,
    )
    for width in (10, 80):
        assert_safe(made.to_text(width), lines=True)
        assert_safe(shown(made, width), lines=True)
    assert_safe_html(made.to_html())
    assert_safe(repr(made), lines=True)
    assert_safe_html(made._repr_html_())


@settings(deadline=None, max_examples=60)
@given(anything, anything)
def test_hostile_text_of_any_kind(first: str | bytes, second: str | bytes) -> None:
    made = Card("t", [("a", first), ("b", Block(second)), ("c", Table([Column("x")], [(first,)]))])
    assert_safe(made.to_text(60), lines=True)
    assert_safe(shown(made, 60), lines=True)
    assert_safe_html(made.to_html())
