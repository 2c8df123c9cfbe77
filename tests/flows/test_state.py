"""conn_state and history: facts of Zeek, one script each."""

from __future__ import annotations

import pytest

from tcpflow_scapy.flows.state import STATES
from tests.helpers.answers import flow_of, flows_of
from tests.helpers.traffic import ACK, FIN, RST, SYN, Capture, Conversation, play

OPEN = "> SYN\n< SYN ACK\n> ACK\n"

STATE_SCRIPTS = [
    ("S0", "> SYN"),
    ("S0", "> SYN\n> SYN\n> SYN"),
    ("S0", "> SYN\n< ACK"),
    ("S1", OPEN),
    ("S1", OPEN + "> 'a'\n< 'b'"),
    ("S1", "> SYN\n< SYN ACK"),
    ("SF", OPEN + "> FIN\n< FIN\n> ACK"),
    ("SF", OPEN + "< FIN\n> FIN"),
    ("SF", "> FIN\n< FIN"),
    ("SF", OPEN + "> FIN\n< FIN\n> RST"),
    ("REJ", "> SYN\n< RST"),
    ("REJ", "> SYN\n< RST\n> SYN\n< RST"),
    ("REJ", OPEN + "> RST\n< RST"),
    ("S2", OPEN + "> FIN"),
    ("S2", OPEN + "> FIN\n< ACK\n< 'more'"),
    ("S3", OPEN + "< FIN"),
    ("RSTO", OPEN + "> 'a'\n> RST"),
    ("RSTO", OPEN + "> FIN\n> RST"),
    ("RSTR", OPEN + "> 'a'\n< RST"),
    ("RSTR", OPEN + "> FIN\n< RST"),
    ("RSTR", OPEN + "> 'a'\n> RST\n< RST"),
    ("RSTOS0", "> SYN\n> RST"),
    ("RSTRH", "< SYN ACK\n< RST"),
    ("SH", "> SYN\n> FIN"),
    ("SHR", "< SYN ACK\n< FIN"),
    ("OTH", "> 'a'\n< 'b'"),
    ("OTH", "> ACK"),
    ("OTH", "> 'a'\n> RST"),
    ("OTH", "> SYN\n< 'data without a handshake'"),
]


@pytest.mark.parametrize(("state", "script"), STATE_SCRIPTS)
def test_state(state: str, script: str) -> None:
    c = play(script, Conversation("10.0.0.1:40000", "10.0.0.2:80"))
    assert flow_of(c).state == state
    # What was seen decides, not when.
    assert flow_of(Capture(c).shuffle(1)).state == state


def test_every_state_has_a_script_and_a_meaning() -> None:
    assert {state for state, _ in STATE_SCRIPTS} == set(STATES)
    assert all(STATES.values())


HISTORY_SCRIPTS = [
    ("S", "> SYN"),
    ("S", "> SYN\n> SYN"),
    ("Sr", "> SYN\n< RST"),
    ("ShA", OPEN),
    ("ShADadFf", OPEN + "> 'a'\n< ACK\n< 'b'\n> 'c'\n> FIN\n< FIN"),
    # A bare ACK, data, and odd flags are noted once for each side.
    ("ShADd", OPEN + "> 'a'\n< 'b'\n> 'c'\n< 'd'\n> ACK\n> ACK"),
    # Data on a FIN is no letter of its own.
    ("ShAFf", OPEN + "> 'bye' FIN\n< 'bye' FIN"),
    # The same FIN again is none, another one is.
    ("ShAF", OPEN + "> FIN\n> FIN seq=1001"),
    ("ShADFF", OPEN + "> 'abc' \n> FIN\n> FIN seq=1009"),
    ("ShAR", OPEN + "> RST\n> RST"),
    # T: payload that ends at or below what was sent.
    ("ShADT", OPEN + "> 'abc'\n> 0:'abc'\n> 1:'b'"),
    ("ShAD", OPEN + "> 'abc'\n> 1:'bcd'"),
    ("ShAdD", OPEN + "< 'x'\n> 'abc'"),
    # W: a closed window, at the 1st and the 10th time.
    ("ShADaw", OPEN + "> 'a'\n< ACK\n< ACK window=0"),
    ("ShAdWW", OPEN + "< 'a'" + "\n> ACK window=0" * 10),
    # Nobody waits for a window after the other side's FIN, or after an own reset.
    ("ShAfR", OPEN + "< FIN\n> RST window=0\n> ACK window=0"),
]


@pytest.mark.parametrize(("letters", "script"), HISTORY_SCRIPTS)
def test_history(letters: str, script: str) -> None:
    assert flow_of(script).history == letters


def test_ten_retransmissions() -> None:
    assert flow_of(OPEN + "> 'abc'" + "\n> 0:'abc'" * 9).history == "ShADT"
    assert flow_of(OPEN + "> 'abc'" + "\n> 0:'abc'" * 10).history == "ShADTT"


def test_flags_that_do_not_go_together() -> None:
    c = play(OPEN)
    c.send("client", flags=FIN | RST | ACK)
    c.send("server", flags=SYN | FIN)
    assert flow_of(c).history == "ShAIq"


def test_both_open_at_once() -> None:
    """SYN and SYN-ACK of one side share a place: only the first is noted."""
    c = Conversation()
    for side, flags in (("client", SYN), ("server", SYN), ("client", SYN | ACK), ("server", SYN | ACK)):
        c.send(side, flags=flags)
    assert flow_of(c).history == "Ss"


def test_no_flags_and_no_data_is_no_letter() -> None:
    c = play(OPEN)
    c.send("client", flags=0)
    c.send("client", flags=RST)
    assert flow_of(c).history == "ShAR"


def test_history_of_one_flow_among_others() -> None:
    one = play(OPEN + "> 'a'")
    two = play("> SYN\n< RST", Conversation("10.0.0.9:9"))
    capture = Capture(one.frames[:2], two.frames, one.frames[2:])
    assert [f.history for f in flows_of(capture)] == ["ShAD", "Sr"]
