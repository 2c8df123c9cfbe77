"""`Flow.follow`: who said what, in order of time, with everything hostile made visible."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tcpflow_scapy.flows.conversation import _BOX, _CSS
from tcpflow_scapy.flows.conversation import Conversation as View
from tests.helpers.answers import flow_of
from tests.helpers.traffic import Capture, Conversation, play
from tests.render.hostile import HOSTILE, Judge, assert_safe

OPEN = "> SYN\n< SYN ACK\n> ACK\n"


def turns(script: str | Capture | Conversation) -> list[tuple[str, int, int, str]]:
    return [(t.direction, t.offset, t.length, t.gap) for t in flow_of(script).follow()]


def lines(script: str | Capture | Conversation, **options: object) -> list[str]:
    return flow_of(script).follow(**options).text.splitlines()  # type: ignore[arg-type]


def test_turns_are_maximal_runs_of_one_talker() -> None:
    assert turns(OPEN + "> 'ab'\n> 'cd'\n< 'x'\n< 'yz'\n> 'e'") == [
        ("client", 0, 4, ""),
        ("server", 0, 3, ""),
        ("client", 4, 1, ""),
    ]


def test_a_turn_names_its_first_frame_and_time() -> None:
    capture = Capture(play(OPEN + "> 'ab'\n> 'cd'\n< 'x'"), start=10**18, step=10**9)
    one, two = flow_of(capture).follow().turns()
    assert (one.frame, one.time) == (4, 10**18 + 3 * 10**9)
    assert (two.frame, two.time) == (6, 10**18 + 5 * 10**9)


def test_gaps_stand_where_the_bytes_before_them_stood() -> None:
    assert turns(OPEN + "> 'ab'\nx> 'cd'\n< 'x'\n> 'ef'\n< ACK") == [
        ("client", 0, 2, ""),
        ("client", 2, 2, "not_captured"),
        ("server", 0, 1, ""),
        ("client", 4, 2, ""),
    ]


def test_a_gap_at_the_beginning_comes_first() -> None:
    assert turns("> SYN\n< SYN ACK\n< 'x'\nx> 'ab'\n> 'cd'")[0] == ("client", 0, 2, "not_acknowledged")


def test_a_late_segment_holds_up_what_follows() -> None:
    """The answer to both came before the first half was seen again; a reader reads in stream order."""
    c = play(OPEN + "> 2:'cd'\n< 'x'\n> 0:'ab'")
    assert turns(c) == [("server", 0, 1, ""), ("client", 0, 4, "")]
    first, second = flow_of(c).follow().turns()
    # It names the frame that carried its first byte.
    assert (first.frame, second.frame) == (5, 6)


def test_what_was_held_up_keeps_its_own_frame_and_time() -> None:
    c = play(OPEN + "> 2:'cd'\n> 0:'ab'\n< 'x'\n> 10:'kl'\n< 'y'\n> 4:'ef'")
    found = flow_of(c).follow().turns()
    assert {t.offset: t.frame for t in found if t.direction == "client" and not t.gap} == {0: 5, 4: 9, 10: 7}


def test_without_a_clock_the_frames_tell() -> None:
    capture = Capture(play(OPEN + "> 'ab'\n< 'x'\n> 'cd'\n< 'y'")).without_times()
    assert [t[0] for t in turns(capture)] == ["client", "server", "client", "server"]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("isn", [1000, (1 << 32) - 3])
def test_without_clock_and_order_acknowledgments_tell(seed: int, isn: int) -> None:
    c = Conversation(isn=isn, server_isn=isn)
    c.handshake()
    for number in range(4):
        c.client(f"question {number}")
        c.server(f"answer {number}")
    c.close()
    found = turns(Capture(c).shuffle(seed).without_times())
    assert [t[0] for t in found] == ["client", "server"] * 4


def test_the_transcript() -> None:
    capture = Capture(play(OPEN + "> 'GET /\\r\\n'\nx< 'lost'\n< '200\\n'\n> ACK"), start=10**18, step=10**9)
    assert lines(capture) == [
        "[server: 4 bytes missing at 0: not_captured]",
        ">>> client, 7 bytes at 0, frame 4, 2001-09-09T01:46:43.000000Z",
        "> GET /",
        "<<< server, 4 bytes at 4, frame 5, 2001-09-09T01:46:44.000000Z",
        "< 200",
    ]


def test_conflicts_are_pointed_out() -> None:
    text = lines(OPEN + "> 'abcdef'\n> 0:'aXcYef'")
    assert text[1] == "> abcdef"
    assert text[2] == "[conflict at 1, 1 byte: shown 'b' of frame 4; frame 5 says 'X']"
    assert text[3] == "[conflict at 3, 1 byte: shown 'd' of frame 4; frame 5 says 'Y']"
    assert len(text) == 4


def test_in_hexadecimal() -> None:
    text = lines(OPEN + "> 'abc'\n< 'x'\n> 'def'", form="hex")
    assert text[1].split() == [">", "00000000", "61", "62", "63", "|abc|"]
    assert text[5].split() == [">", "00000003", "64", "65", "66", "|def|"]


@pytest.mark.parametrize("form", ["text", "hex"])
def test_a_limit_counts_payload_of_both_sides(form: str) -> None:
    script = OPEN + "> 'abcd'\n< 'efgh'\n> 'ijkl'"
    cut = [line for line in lines(script, form=form, limit=6) if line.startswith("[cut")]
    assert cut == ["[cut after 6 bytes: follow(limit=None) shows all]"]
    text = "\n".join(lines(script, limit=6))
    assert "ef" in text
    assert "efg" not in text
    assert "ijkl" not in text


def test_nothing_is_cut_that_is_not() -> None:
    script = OPEN + "> 'abcd'\n< 'efgh'"
    for limit in (8, 9, None):
        assert not any(line.startswith("[cut") for line in lines(script, limit=limit))
    assert lines(script, limit=0) == ["[cut after 0 bytes: follow(limit=None) shows all]"]
    assert lines(script, limit=4)[-1].startswith("[cut after 4")
    assert lines(OPEN, limit=0) == ["[no payload was captured]"]


def test_what_cannot_be_asked_for() -> None:
    flow = flow_of(OPEN)
    with pytest.raises(ValueError, match="text, hex"):
        flow.follow(form="html")
    with pytest.raises(ValueError, match="limit"):
        flow.follow(limit=-1)


def test_a_long_gap_costs_nothing() -> None:
    c = play(OPEN + "> 'a'")
    c.client(b"z", at=16_000_000)
    assert sum(map(len, lines(c))) < 400


def hostile_view(form: str) -> View:
    c = play(OPEN)
    for item in HOSTILE:
        data = item if isinstance(item, bytes) else item.encode("utf-8", "surrogatepass")
        c.client(data)
        c.server(data)
    return flow_of(c).follow(form=form)


@pytest.mark.parametrize("form", ["text", "hex"])
def test_hostile_payload_reaches_no_terminal(form: str) -> None:
    view = hostile_view(form)
    assert_safe(view.text, lines=True, tabs=True)
    assert repr(view) == view.text
    buffer = io.StringIO()
    Console(file=buffer, force_terminal=False, width=500, soft_wrap=True).print(view, end="")
    assert_safe(buffer.getvalue(), lines=True, tabs=True)
    if form == "text":
        # Markup of rich is text.
        assert "[link=http://evil.example]x[/link] [bold]y" in buffer.getvalue()


@pytest.mark.parametrize("form", ["text", "hex"])
def test_hostile_payload_reaches_no_notebook(form: str) -> None:
    view = hostile_view(form)
    markup = view._repr_html_()
    for style in {*_CSS.values(), _BOX}:
        markup = markup.replace(f'style="{style}"', "")
    judge = Judge(markup)
    assert "".join(judge.texts) == view.text
    # Screen readers are told what it is.
    assert judge.titles == [f"Conversation of flow 0, {view.flow.key}"]


def test_colours_come_from_us_only() -> None:
    buffer = io.StringIO()
    Console(file=buffer, force_terminal=True, color_system="standard", width=500).print(hostile_view("text"))
    escapes = {part.split("m")[0] for part in buffer.getvalue().split("\x1b")[1:]}
    assert escapes <= {"[0", "[2", "[35", "[36", "[1;33", "[7;33"}


class Printer:
    """What IPython hands to ``_repr_pretty_``."""

    def __init__(self) -> None:
        self.shown = ""

    def text(self, text: str) -> None:
        self.shown += text


def test_ipython_shows_colours_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    view = flow_of(OPEN + "> 'abc'").follow()
    printer = Printer()
    view._repr_pretty_(printer, False)
    assert printer.shown + "\n" == view.text
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    coloured = Printer()
    view._repr_pretty_(coloured, False)
    assert "\x1b[36m" in coloured.shown
    assert "abc" in coloured.shown
