from __future__ import annotations

import csv
import html
import io
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tcpflow_scapy.render.escape import csv_cell, dots, one_line, safe_filename, safe_html, safe_text

from .hostile import HOSTILE, anything, assert_safe


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain text, [brackets] {and} \\ more ~", "plain text, [brackets] {and} \\ more ~"),
        ("Grüße 日本 😀", "Grüße 日本 😀"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("\x7f\0\a", "\\x7f\\x00\\x07"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\u202e\u2066\u200b\ufeff", "\\u202e\\u2066\\u200b\\ufeff"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\xa0\u3000", "\\xa0\\u3000"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("\udc80", "\\udc80"),
        (b"GET / \xff\x1b\xc3\xbc", "GET / \\xff\\x1bü"),
        (b"\xc2\x9b31m", "\\x9b31m"),
        (bytearray(b"a\0"), "a\\x00"),
        (memoryview(b"a\0"), "a\\x00"),
        ("", ""),
        (b"", ""),
    ],
)
def test_safe_text(value: str | bytes, shown: str) -> None:
    assert safe_text(value) == shown


def test_bytes_as_ascii_only() -> None:
    assert safe_text("ü\x1b".encode(), utf8=False) == "\\xc3\\xbc\\x1b"
    assert safe_text(bytes(range(0x20, 0x7F)), utf8=False) == bytes(range(0x20, 0x7F)).decode()
    for byte in [*range(0x20), *range(0x7F, 0x100)]:
        shown = safe_text(bytes([byte]), utf8=False)
        assert shown == {9: "\\t", 10: "\\n", 13: "\\r"}.get(byte, f"\\x{byte:02x}")


def test_newlines_are_kept_only_when_asked() -> None:
    assert safe_text("a\r\nb\nc\td", newlines=True) == "a\nb\nc\td"
    assert safe_text("safe\revil", newlines=True) == "safe\\revil"
    assert safe_text(b"a\r\r\nb\x0b\x0c", newlines=True) == "a\\r\nb\\x0b\\x0c"


def test_limit_marks_the_cut() -> None:
    assert safe_text("abcdef", limit=3) == "abc…"
    assert safe_text("abc", limit=3) == "abc"
    assert safe_text(b"\x1b" * 10, limit=2) == "\\x1b\\x1b…"
    # A million bytes are not looked at for the sake of two.
    assert safe_text(memoryview(bytes(10**6)), limit=2) == "\\x00\\x00…"


def test_one_line_of_any_value() -> None:
    assert one_line(None) == "None"
    assert one_line(5) == "5"
    assert one_line(b"\n") == "\\n"

    class Rude:
        def __str__(self) -> str:
            return "\x1b[2J"

    assert one_line(Rude()) == "\\x1b[2J"
    assert safe_html(Rude()) == "\\x1b[2J"


@settings(deadline=None)
@given(anything, st.booleans(), st.booleans())
def test_nothing_dangerous_survives(value: str | bytes, newlines: bool, utf8: bool) -> None:
    assert_safe(safe_text(value, newlines=newlines, utf8=utf8), lines=newlines, tabs=newlines)


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA1), *range(0x2000, 0x2070), 0xFEFF, 0x61C])
def test_every_control_character(code: int) -> None:
    assert_safe(safe_text(chr(code)))


@settings(deadline=None)
@given(anything)
def test_html_is_text_and_nothing_else(value: str | bytes) -> None:
    markup = safe_html(value)
    assert not set(markup) & set("<>\"'")
    assert html.unescape(markup) == safe_text(value)


@given(st.binary())
def test_dots_as_tcpflow_does_but_no_lone_cr(data: bytes) -> None:
    expected = b""
    for at, byte in enumerate(data):
        if byte == 13 and data[at + 1 : at + 2] != b"\n":
            expected += b"\\r"
        else:
            expected += bytes([byte]) if 32 <= byte < 127 or byte in (10, 13) else b"."
    assert dots(data) == expected


@pytest.mark.parametrize(
    "value", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "=cmd|' /C calc'!A0", "＝1", b"=1"]
)
def test_formulas_are_defused(value: str | bytes) -> None:
    cell = csv_cell(value)
    assert cell.startswith("'")
    text = io.StringIO()
    csv.writer(text).writerow([cell, "x"])
    assert next(csv.reader(io.StringIO(text.getvalue(), newline="")))[0] == cell


@pytest.mark.parametrize("value", ["", "a=b", "10.0.0.1", -5, 1.5, None, True])
def test_other_cells_pass(value: object) -> None:
    assert csv_cell(value) is value


def test_bytes_in_csv_become_text() -> None:
    assert csv_cell(b"\x1bx") == "\\x1bx"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.txt", "report.txt"),
        ("Grüße 日本.txt", "Grüße 日本.txt"),
        ("../../etc/passwd", "___.._etc_passwd"),
        ("..\\..\\boot.ini", "___.._boot.ini"),
        ("C:\\x", "C__x"),
        ("a:stream", "a_stream"),
        ("..", "__"),
        (".", "_"),
        ("", "_"),
        (".bashrc", "_bashrc"),
        ("-rf", "_rf"),
        ("~root", "_root"),
        ("  x", "__x"),
        ("x. . ", "x____"),
        ("a\0b", "a_b"),
        ("\u202etxt.exe", "_txt.exe"),
        ("\ud800", "_"),
        ("con", "_con"),
        ("CON.txt", "_CON.txt"),
        ("nul .tar.gz", "_nul .tar.gz"),
        ("Com¹.log", "_Com¹.log"),
        ("lpt9", "_lpt9"),
        ("console", "console"),
        ("com10", "com10"),
        (b"a\xffb", "a\ufffdb"),
        ('a*?<>|"b', "a______b"),
    ],
)
def test_safe_filename(name: str | bytes, safe: str) -> None:
    assert safe_filename(name) == safe


def test_long_names_keep_their_suffix_and_whole_characters() -> None:
    assert safe_filename("x" * 300 + ".tar") == "x" * 251 + ".tar"
    assert safe_filename("x" * 10 + "." + "y" * 300) == "x" * 10 + "." + "y" * 244
    assert safe_filename("日" * 100) == "日" * 85
    assert safe_filename("日" * 3 + ".txt", limit=9) == "日.txt"
    assert safe_filename("日", limit=1) == "_"
    assert safe_filename("日.txt", limit=5) == "_.txt"
    assert safe_filename("console", limit=3) == "_co"
    assert safe_filename("aux.xyz", limit=7) == "_au.xyz"
    with pytest.raises(ValueError, match="one byte"):
        safe_filename("x", limit=0)


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(
        anything,
        st.text("./\\:~- \0conCON123.txt¹日\u202e", max_size=20),
        st.text("ab.日 ", min_size=240, max_size=300),
    ),
    st.one_of(st.just(255), st.integers(1, 40)),
)
@example("con .", 4)
@example("xcon.a", 5)
@example("aaaa.....", 5)
def test_any_name_becomes_one_file_in_one_folder(name: str | bytes, limit: int) -> None:
    safe = safe_filename(name, limit)
    assert_safe(safe)
    assert 1 <= len(safe.encode()) <= limit
    assert not set(safe) & set('/\\:*?"<>|')
    assert safe[0] not in ".-~ "
    assert safe[-1] not in ". "
    assert not re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)[ .]*(\..*)?", safe)
    assert safe_filename(safe, limit) == safe


def test_hostile_list_is_what_it_says() -> None:
    for value in HOSTILE:
        assert_safe(safe_text(value))
        assert_safe(safe_text(value, newlines=True), lines=True, tabs=True)
