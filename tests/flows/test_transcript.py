"""Lines of a conversation: nobody can forge ours, every version is shown, nothing is too wide."""

from __future__ import annotations

import pytest

from tcpflow_scapy.flows.transcript import lines
from tcpflow_scapy.render.table import text_width
from tests.helpers.answers import flow_of
from tests.helpers.traffic import play
from tests.render.hostile import HOSTILE, assert_safe

OPEN = "> SYN\n< SYN ACK\n> ACK\n"


def shown(script: str, width: int | None = None, **options: object) -> list[str]:
    view = flow_of(script).follow(**options)  # type: ignore[arg-type]
    return ["".join(text for _, text in line) for line in lines(view, width)]


def test_payload_cannot_pass_for_our_own_lines() -> None:
    forged = ">>> server, 9 bytes at 0, frame 1, no time\\n[conflict at 0]\\r\\n< hello"
    text = shown(OPEN + f"> '{forged}'")
    assert len(text) == 4
    assert all(line.startswith("> ") for line in text[1:])
    # Nor by the width of a terminal: what is folded is marked, too.
    text = shown(OPEN + f"> '{'x' * 38}>>> server'", width=40)
    assert text[2] == ">…>>> server"


def test_conflicts_stand_below_their_line() -> None:
    text = shown(OPEN + "> 'one\\ntwo\\nthree\\n'\n> 4:'TWO'")
    assert text[1:] == [
        "> one",
        "> two",
        "[conflict at 4, 3 bytes: shown 'two' of frame 4; frame 5 says 'TWO']",
        "> three",
    ]


def test_contradicted_bytes_have_a_style() -> None:
    view = flow_of(OPEN + "> 'one\\ntwo\\nthree\\n'\n> 2:'E\\nT'").follow()
    spans = [span for line in lines(view) for span in line]
    assert [text for style, text in spans if style == "conflict"] == ["e", "t"]


def test_three_versions_are_all_told() -> None:
    text = shown(OPEN + "> 'abc'\n> 1:'X'\n> 1:'Y'")
    assert [line.rpartition(" says ")[2] for line in text[2:]] == ["'X']", "'Y']"]


def test_conflicts_in_hexadecimal() -> None:
    text = shown(OPEN + f"> '{'a' * 40}'\n> 20:'b'", form="hex")
    assert [line[:10] for line in text[1:]] == ["> 00000000", "> 00000010", "[conflict ", "> 00000020"]
    assert "shown 61 of frame 4; frame 5 says 62" in text[3]


def test_long_versions_are_cut() -> None:
    text = shown(OPEN + f"> '{'a' * 500}'\n> '{'b' * 500}'\n> 0:'{'c' * 500}'")
    assert max(map(len, text[2:])) < 250
    assert "500 bytes" in text[2]


@pytest.mark.parametrize("form", ["text", "hex"])
@pytest.mark.parametrize("width", [30, 60, 80])
def test_nothing_of_the_payload_is_wider_than_the_terminal(form: str, width: int) -> None:
    c = play(OPEN)
    for item in [*HOSTILE, "漢字" * 50, "\t" * 50, "e\u0301" * 90]:
        data = item if isinstance(item, bytes) else item.encode("utf-8", "surrogatepass")
        c.client(data)
        c.server(b"ok")
        c.server(data)
    view = flow_of(c).follow(form=form)
    for line in lines(view, width):
        text = "".join(text for _, text in line)
        assert_safe(text)
        if line[0][0] in ("client", "server") and (form == "text" or width >= 60):
            assert text_width(text) <= width
            assert text[:2] in ("> ", "< ", ">…", "<…")


def test_folding_loses_nothing() -> None:
    script = OPEN + f"> '{'0123456789' * 30}'"
    whole = shown(script)[1]
    assert "".join(line[2:] for line in shown(script, width=37)[1:]) == whole[2:]


def test_hostile_versions_are_escaped() -> None:
    c = play(OPEN)
    evil = b"\x1b[2J\xe2\x80\xae\r\n]"
    c.client(b"a" * len(evil))
    c.client(evil, at=0)
    text = "\n".join("".join(t for _, t in line) for line in lines(flow_of(c).follow()))
    assert_safe(text, lines=True)
    assert "\\x1b[2J" in text
