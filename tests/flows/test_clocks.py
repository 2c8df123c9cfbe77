"""Two taps, two clocks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tests.helpers.answers import flows_of
from tests.helpers.traffic import ACK, FIN, SYN, Capture, Conversation, Frame

MS = 10**6
START = 1_700_000_000 * 10**9
HALF = 5
"""ms from one packet to the next"""


def talk(number: int, skew: int) -> Conversation:
    """Four questions and answers; the server's packets are stamped so many ms later than the client's."""
    c = Conversation(f"10.0.0.1:{2000 + number}")
    now = START + number * 10**9

    def say(side: str, data: bytes = b"", flags: int | None = None) -> None:
        nonlocal now
        c.send(side, data, flags).time = now + (skew * MS if side == "server" else 0)
        now += HALF * MS

    say("client", flags=SYN)
    say("server", flags=SYN | ACK)
    say("client")
    for n in range(4):
        say("client", b"question %d" % n)
        say("server", b"answer %d" % n)
    say("client", flags=FIN | ACK)
    say("server", flags=FIN | ACK)
    say("client")
    return c


def merged(skew: int, flows: int = 3) -> Capture:
    return Capture([f for n in range(flows) for f in talk(n, skew)]).by_time()


@pytest.mark.parametrize("skew", [0, 4, -4])
def test_less_than_half_a_round_trip_contradicts_nothing(skew: int) -> None:
    assert flows_of(merged(skew)).capture.problems == []


@pytest.mark.parametrize("skew", [20, -20, 3000, -3000])
def test_more_is_told_with_about_how_much(skew: int) -> None:
    (problem,) = flows_of(merged(skew)).capture.problems
    assert problem.kind == "clock"
    found = re.search(r"by about ([\d.]+) (ms|s):", problem.message)
    assert found is not None
    assert float(found[1]) * (1000 if found[2] == "s" else 1) == pytest.approx(abs(skew), abs=HALF)
    assert "3 of 3 flows" in problem.message


@pytest.mark.parametrize("skew", [20, -20])
def test_two_files_of_one_direction_each_are_named(skew: int, tmp_path: Path) -> None:
    frames = list(merged(skew))
    paths = []
    for port, name in ((80, "b.pcap"), (None, "a.pcap")):
        side = [f for f in frames if isinstance(f, Frame) and (f.source[1] == 80) == (port == 80)]
        paths.append(Capture(side).write(tmp_path / name, ns=True))
    (problem,) = reassemble(paths, progress=False).capture.problems
    # The server's packets are those of the first file.
    ahead = "ahead of" if skew > 0 else "behind"
    words = rf"the clock of \S*b.pcap is about [\d.]+ ms {ahead} that of \S*a.pcap"
    assert re.match(words, problem.message)


@pytest.mark.parametrize("skew", [0, 20, -20, 3000, -3000])
def test_a_conversation_follows_the_acknowledgments(skew: int) -> None:
    for flow in flows_of(merged(skew)):
        said = [(t.direction, t.offset) for t in flow.follow()]
        assert said == [x for n in range(4) for x in (("client", 10 * n), ("server", 8 * n))]


def test_a_few_contradictions_have_other_reasons() -> None:
    """First copies that the capture lost, captured when they were sent again."""
    c = talk(0, 0)
    late = c.frames[3]
    late.time = START + 10**9
    c.frames.sort(key=lambda f: f.time or 0)
    assert flows_of(c).capture.problems == []


def test_without_a_clock_nothing_is_contradicted() -> None:
    assert flows_of(merged(20).without_times()).capture.problems == []


def test_a_fin_is_acknowledged_behind_the_data_before_it() -> None:
    """Long after these, here."""
    c = talk(0, 0)
    for frame in c.frames[-3:]:
        frame.time = (frame.time or 0) + 10**9
    assert flows_of(c).capture.problems == []
