"""Copies with wrong checksums, where others say otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.answers import flow_of
from tests.helpers.frames import IpFrame
from tests.helpers.headers import ip_fragments
from tests.helpers.traffic import Capture, Conversation, play

OPEN = "> SYN\n< SYN ACK\n> ACK\n"
POLICIES = ["first", "last", "linux", "solaris"]


def talk(
    damaged: str, *, before: bool, client: str = "10.0.0.1:1024", server: str = "10.0.0.2:80"
) -> Conversation:
    """Three good segments, and a damaged one that lies over the second."""
    c = play(OPEN + "> 'one '\n> 'two '\n> 'three'\n< ACK", Conversation(client, server))
    c.client(damaged, at=4, bad_checksum=True)
    c.frames.insert(4 if before else 6, c.frames.pop())
    return c


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("damaged", ["TWO ", "TW", "TWO THREE and more"])
def test_the_right_copy_wins(policy: str, before: bool, damaged: str) -> None:
    flow = flow_of(talk(damaged, before=before), overlap=policy)
    assert flow.client.data == b"one two three"
    assert (len(flow.conflicts), flow.client.missing) == (0, 0)
    assert flow.client.segments["class"].tolist().count("bad_checksum") == 1


def test_over_ipv6() -> None:
    ends = {"client": "[2001:db8::1]:1024", "server": "[2001:db8::2]:80"}
    assert flow_of(talk("TWO ", before=True, **ends)).client.data == b"one two three"


def test_in_fragments() -> None:
    c = play(OPEN + "> 'one '")
    good = c.client(b"x" * 100, at=4)
    bad = replace(good, payload=b"y" * 100, bad_checksum=True)
    parts = [IpFrame(packet=p) for p in ip_fragments(bad.ip_packet(), 40, identification=7)]
    flow = flow_of(Capture(c.frames[:4], *parts, good))
    assert flow.client.data == b"one " + b"x" * 100
    assert flow.client.segments["class"].tolist()[-2:] == ["bad_checksum", "new"]


def test_two_damaged_copies_that_differ() -> None:
    c = talk("TWO ", before=True)
    c.client("2222", at=4, bad_checksum=True)
    c.frames.insert(4, c.frames.pop())
    flow = flow_of(c)
    assert (flow.client.data, len(flow.conflicts)) == (b"one two three", 0)


def test_the_only_copy_is_delivered_whatever_its_checksum() -> None:
    c = play(OPEN + "> 'one'")
    c.client(b" two", bad_checksum=True)
    assert flow_of(c).client.data == b"one two"


def test_where_all_of_a_side_are_wrong_checksums_say_nothing() -> None:
    """The sender's network card fills them in; a forged one from outside has a right one."""
    c = talk("TWO ", before=True)
    for frame in c.frames:
        if frame.payload:
            frame.bad_checksum = not frame.bad_checksum
    flow = flow_of(c)
    assert len(flow.conflicts) == 1
    assert "bad_checksum" not in flow.client.segments["class"].tolist()


def test_copies_that_were_not_captured_whole_cannot_be_judged() -> None:
    c = talk("TWO ", before=True)
    c.frames[5].cut(3)
    flow = flow_of(c)
    assert flow.client.segments["class"].tolist().count("bad_checksum") == 0
    assert len(flow.conflicts) == 1


def test_damaged_copies_that_agree_are_retransmissions() -> None:
    flow = flow_of(talk("two ", before=False))
    assert flow.client.segments["class"].tolist()[-2:] == ["new", "retransmission"]
