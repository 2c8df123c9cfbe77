"""SYNs that were answered with different sequence numbers."""

from __future__ import annotations

from tcpflow_scapy import reassemble
from tests.cases.answers import case
from tests.helpers.answers import flows_of
from tests.helpers.traffic import Capture, Conversation, play

SECOND = 1_000_000_000


def test_a_hijacked_handshake_is_a_problem_and_both_answers_are_kept() -> None:
    flows = reassemble(case("trust", "handshake_hijack"))
    (problem,) = flows.capture.problems
    assert (problem.kind, problem.frame) == ("handshake", 4)
    assert "10.0.0.1:5000 was answered by 192.168.0.1:80" in problem.message
    assert "frames 2 and 4" in problem.message
    assert sorted(len(flow.server.data) for flow in flows) == [100, 100]


def test_a_repeated_answer_and_a_new_connection_are_none() -> None:
    c = play("> SYN\n< SYN ACK\n< SYN ACK\n> ACK\n> 'hello'")
    again = play("> SYN\n< SYN ACK\n> ACK\n> 'hello'", Conversation(server_isn=900_000))
    for index, frame in enumerate(again):
        frame.time = 1_700_000_000 * SECOND + (60 + index) * SECOND
    assert not flows_of(Capture(c, again)).capture.problems


def test_of_many_only_some_are_listed() -> None:
    frames = []
    for port in range(100):
        for isn in (5000, 77_000):
            c = Conversation(f"[2001:db8::1]:{1024 + port}", "[2001:db8::2]:80", server_isn=isn)
            play("> SYN\n< SYN ACK", c)
            frames += c.frames
    problems = flows_of(Capture(frames)).capture.problems
    assert len(problems) == 21
    assert "[2001:db8::1]:1024" in problems[0].message
    assert problems[-1].message == "and 80 more SYNs were answered with different sequence numbers"
