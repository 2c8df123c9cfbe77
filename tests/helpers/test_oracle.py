"""The oracle is judged by vectors that are not ours: those of Novak and Sturges, as other tools give them."""

from __future__ import annotations

import pytest

from tests.helpers.oracle import POLICIES, expect
from tests.helpers.traffic import Capture, Conversation, play

NOVAK = [
    "2:AAA 6:BB 8:CCC 12:D 15:EE 17:FFF 20:GG 22:HH 24:I",
    "3:JJJJ 8:KKK 11:LLL 14:MMM 18:N 21:O 22:P 24:QQ 1:0",
]
NOVAK_RESULTS = {
    "first": "0AAAJBBCCCLDLMEEFFFGGHHIQ",
    "last": "0AJJJJBKKKLLLMMMFNFGOPHQQ",
    "bsd": "0AAAJJBCCCLLLMMMFFFGGHHIQ",
    "linux": "0AAAJJBCCCLLLMMMFFFGGHHQQ",
    "old_linux": "0AAAJJBKKKLLLMMMFFFGGHHQQ",
    "solaris": "0AJJJBBKKKLLLMMMFFFGGHHQQ",
}


def novak() -> Conversation:
    c = Conversation()
    c.handshake()
    for piece in " ".join(NOVAK).split():
        at, _, letters = piece.partition(":")
        c.client(letters, at=int(at) - 1)
    return c


@pytest.mark.parametrize("policy", NOVAK_RESULTS)
def test_novak_vector(policy: str) -> None:
    (flow,) = expect(Capture(novak()))
    assert flow.client.data(policy).decode() == NOVAK_RESULTS[policy]


@pytest.mark.parametrize("policy", [p for p in POLICIES if p != "last"])
def test_a_short_segment_inside_a_long_one_never_hides_it(policy: str) -> None:
    flow = expect(Capture(play("> SYN\n> 1:'AAAAAAAA'\n> 2:'BB'\n> 5:'CC'\n> 0:'^'")))[0]
    assert flow.client.data(policy) == b"^AAAAAAAA"


def test_lost_bytes_are_a_gap_and_a_late_retransmission_fills_it() -> None:
    c = play("> SYN\n< SYN ACK\n> 'aaaa'\nx> 'bbbb'\n> 'cccc'")
    stream = expect(Capture(c))[0].client
    assert (stream.data(), stream.gaps(), stream.captured) == (b"aaaa\0\0\0\0cccc", [(4, 8)], 8)
    c.client("bbbb", at=4)
    assert expect(Capture(c))[0].client.data() == b"aaaabbbbcccc"


def test_without_a_syn_the_lowest_byte_is_the_start() -> None:
    c = play("x> 'lost'\n> 8:'late'\n> 4:'soon'")
    stream = expect(Capture(c))[0].client
    assert (stream.data(), stream.base) == (b"soonlate", 4)


def test_bytes_before_the_stream_are_trimmed() -> None:
    stream = expect(Capture(play("> SYN\n> -2:'xxab'\n> 2:'cd'")))[0].client
    assert stream.data() == b"abcd"


def test_a_keep_alive_never_replaces_data_but_conflicts() -> None:
    c = play("> SYN\n< SYN ACK\n> 'hello'")
    c.keep_alive()
    stream = expect(Capture(c))[0].client
    assert stream.data("last") == b"hello"
    assert stream.conflicts() == [(4, 5)]


def test_snaplen_leaves_a_gap() -> None:
    c = play("> SYN\n> 'abcdef'\n> 'ghi'")
    c.frames[1].cut(2)
    stream = expect(Capture(c))[0].client
    assert (stream.gaps(), stream.truncated) == ([(2, 6)], [(2, 6)])


def test_a_reset_carries_no_data() -> None:
    c = play("> SYN\n> 'data'")
    c.reset("client", b"because")
    assert expect(Capture(c))[0].client.data() == b"data"


def test_two_conversations_on_one_port_pair_stay_apart_in_any_order() -> None:
    first, second = play("> SYN\n> 'one'"), play("> SYN\n> 'two'", Conversation(isn=1016))
    for seed in range(5):
        flows = expect(Capture(first, second).shuffle(seed))
        assert {f.client.data() for f in flows} == {b"one", b"two"}
