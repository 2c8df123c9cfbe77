"""What each segment was: one script for each class, judged in the order of arrival."""

from __future__ import annotations

import pytest

from tests.helpers.answers import flow_of
from tests.helpers.traffic import ACK, FIN, RST, SYN, Capture, Conversation, play

OPEN = "> SYN\n< SYN ACK\n> ACK\n"


def classes(script: str | Conversation | Capture, side: str = "client") -> list[str]:
    """Classes of one side's segments after its part of the handshake."""
    flow = flow_of(script)
    return (flow.client if side == "client" else flow.server).segments["class"].tolist()


def after_open(script: str, side: str = "client") -> list[str]:
    return classes(OPEN + script, side)[2 if side == "client" else 1 :]


def test_handshake_and_close() -> None:
    script = OPEN + "> FIN\n< FIN\n> ACK"
    assert classes(script) == ["syn", "ack", "fin", "ack"]
    assert classes(script, "server") == ["syn", "fin"]


def test_a_repeated_syn_is_a_retransmission() -> None:
    script = "> SYN\n> SYN\n< SYN ACK\n< SYN ACK"
    assert classes(script) == classes(script, "server") == ["syn", "retransmission"]


def test_new_data() -> None:
    assert after_open("> 'abc'\n> 'def'\n> 'g'") == ["new"] * 3


def test_data_with_a_fin_is_data() -> None:
    assert after_open("> 'abc' FIN") == ["new"]


def test_new_data_behind_a_gap_is_new() -> None:
    assert after_open("> 'abc'\nx> 'lost'\n> 'def'") == ["new", "new"]


def test_all_bytes_seen_before() -> None:
    assert after_open("> 'abcdef'\n> 0:'abcdef'\n> 2:'cd'\n> 0:'abc'") == ["new"] + ["retransmission"] * 3


def test_bytes_of_several_segments_sent_again_in_one() -> None:
    assert after_open("> 'abc'\n> 'def'\n> 0:'abcdef'") == ["new", "new", "retransmission"]


def test_some_bytes_seen_before() -> None:
    assert after_open("> 'abcd'\n> 2:'cdef'\n> 20:'x'\n> 5:'fgh'\n> 7:'h'") == [
        "new",
        "partial_overlap",
        "new",
        "partial_overlap",
        "retransmission",
    ]


def test_earlier_bytes_arriving_later() -> None:
    assert after_open("> 3:'def'\n> 0:'abc'\n> 9:'j'\n> 6:'ghi'") == [
        "new",
        "out_of_order",
        "new",
        "out_of_order",
    ]


@pytest.mark.parametrize("byte", ["'\\0'", "'o'", "'?'"])
def test_a_keep_alive_with_a_byte(byte: str) -> None:
    assert after_open(f"> 'hello'\n< ACK\n> 4:{byte}\n> ' you'") == ["new", "keep_alive", "new"]


def test_a_keep_alive_without_a_byte() -> None:
    """Linux sends none: a bare ACK with the number before the next."""
    assert after_open("> 'hello'\n< ACK\n> ACK seq=1005\n< ACK") == ["new", "keep_alive"]


def test_an_ordinary_acknowledgment_is_no_keep_alive() -> None:
    assert after_open("> 'hello'\n> ACK\n< 'x'\n> ACK") == ["new", "ack", "ack"]


def test_keep_alives_before_any_data() -> None:
    c = play(OPEN)
    c.keep_alive("client")
    c.client(b"data")
    flow = flow_of(c)
    assert flow.client.segments["class"].tolist()[2:] == ["keep_alive", "new"]
    assert flow.client.data == b"data"


def test_one_byte_of_earlier_data_is_no_keep_alive() -> None:
    assert after_open("> 'hello'\n> 2:'l'") == ["new", "retransmission"]


def test_a_byte_sent_into_a_closed_window() -> None:
    script = "> 'abc'\n< ACK window=0\n> 'd'\n< ACK window=0\n> 3:'d'\n< ACK window=99\n> 'efg'"
    assert after_open(script) == ["new", "zero_window_probe", "keep_alive", "new"]


def test_one_byte_into_an_open_window_is_data() -> None:
    assert after_open("> 'abc'\n< ACK window=0\n< ACK window=5\n> 'd'") == ["new", "new"]


def test_two_bytes_into_a_closed_window_are_data() -> None:
    assert after_open("> 'abc'\n< ACK window=0\n> 'de'") == ["new", "new"]


def test_the_own_window_has_nothing_to_do_with_probes() -> None:
    assert after_open("> 'abc' window=0\n> 'd' window=0") == ["new", "new"]


def test_a_reset() -> None:
    assert after_open("> 'abc'\n> RST") == ["new", "rst"]
    assert after_open("> 'abc'\n< RST", "server") == ["rst"]


def test_a_reset_with_an_explanation() -> None:
    c = play(OPEN + "> 'abc'")
    c.reset("client", b"go away")
    assert classes(c)[2:] == ["new", "rst_payload"]


def test_a_reset_with_syn_or_fin_is_a_reset() -> None:
    c = play(OPEN)
    c.send("client", flags=RST | FIN | ACK)
    c.send("client", flags=RST | SYN)
    assert classes(c)[2:] == ["rst", "rst"]


def test_bytes_before_offset_0() -> None:
    assert after_open("> 'abc'\n> -9:'xxxx'\n> -2:'xxab'") == ["new", "before_start", "retransmission"]


def test_bytes_after_the_fin() -> None:
    assert after_open("> 'abc' FIN\n> 3:'more'\n> 7:'x'\n> 3:'more'") == [
        "new",
        "after_fin",
        "after_fin",
        "after_fin",
    ]


def test_data_before_the_fin_that_comes_after_it_is_data() -> None:
    assert after_open("> 'abc'\nx> 'def'\n> FIN\n> 3:'def'\n> 0:'abc'") == [
        "new",
        "fin",
        "out_of_order",
        "retransmission",
    ]


def test_a_fin_sent_again() -> None:
    script = "> 'abc' FIN\n> 0:'abc' FIN\n> ACK FIN seq=1004"
    assert after_open(script) == ["new", "retransmission", "retransmission"]
    assert after_open("> 'abc'\n> FIN\n> FIN seq=1004") == ["new", "fin", "retransmission"]


def test_streams_are_judged_apart() -> None:
    """The same numbers on both sides, and neighbours in the table."""
    c = Conversation(isn=1000, server_isn=1000)
    play(OPEN + "> 'abc'\n< 'abc'\n> 0:'abc'\n< 'def'", c)
    assert classes(c)[2:] == ["new", "retransmission"]
    assert classes(c, "server")[1:] == ["new", "new"]


def test_an_acknowledgment_of_the_synack_alone() -> None:
    c = Conversation()
    c.client(flags=ACK)
    assert classes(c) == ["ack"]


def test_no_flags_at_all() -> None:
    c = play(OPEN)
    c.send("client", flags=0)
    c.send("client", b"abc", flags=0)
    assert classes(c)[2:] == ["ack", "new"]
