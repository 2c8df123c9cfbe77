"""Segments beyond every window that was offered later."""

from __future__ import annotations

import pytest

from tests.helpers.answers import flow_of
from tests.helpers.traffic import ACK, SYN, Capture, Conversation

FAR = 200_000


def talk(scale: int | None = None, *, handshake: bool = True) -> Conversation:
    """Ten bytes, one forged segment far ahead, ten bytes more."""
    c = Conversation()
    option = b"" if scale is None else bytes((3, 3, scale, 1))
    if handshake:
        c.send("client", flags=SYN, options=option)
        c.send("server", flags=SYN | ACK, options=option)
    c.client(b"0123456789")
    c.ack("server")
    c.client(b"forged", seq=1001 + FAR)
    c.client(b"abcdefghij", at=10)
    c.ack("server", 20)
    return c


def kinds(c: Conversation | Capture) -> list[str]:
    return [k for k in flow_of(c).client.segments["class"].tolist() if k != "syn"]


def test_one_beyond_all_windows_is_no_data() -> None:
    flow = flow_of(talk())
    assert (flow.client.data, flow.client.size) == (b"0123456789abcdefghij", 20)
    assert kinds(talk()) == ["new", "out_of_window", "new"]
    frame = 5
    assert flow.client.segment_payload(frame) == b"forged"


@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_order_of_frames(seed: int) -> None:
    assert flow_of(Capture(talk()).shuffle(seed)).client.size == 20


def test_a_window_wide_enough_takes_it() -> None:
    assert flow_of(talk(1)).client.size == 20
    assert flow_of(talk(2)).client.size == FAR + 6


def test_where_the_scale_is_unknown_it_is_data() -> None:
    assert flow_of(talk(handshake=False)).client.size == FAR + 6


def test_where_nothing_was_heard_later_it_is_data() -> None:
    c = talk()
    del c.frames[-1]
    assert flow_of(c).client.size == FAR + 6


def test_without_a_clock_it_is_data() -> None:
    assert flow_of(Capture(talk()).without_times()).client.size == FAR + 6


def test_once_acknowledged_it_is_data() -> None:
    c = talk()
    c.ack("server", FAR + 6)
    assert flow_of(c).client.size == FAR + 6
