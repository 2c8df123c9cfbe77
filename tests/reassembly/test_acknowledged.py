"""What acknowledgments prove, by scripts."""

from __future__ import annotations

import struct

import pytest

from tests.helpers.answers import flow_of
from tests.helpers.headers import option_window_scale
from tests.helpers.traffic import ACK, SYN, Capture, Conversation, play

OPEN = "> SYN\n< SYN ACK\n> ACK\n"
FAR = 1_000_000


def rows(c: Capture | Conversation, side: str = "client") -> list[tuple[int, int, str]]:
    table = getattr(flow_of(c), side).gaps
    return list(zip(table["start"].tolist(), table["end"].tolist(), table["cause"].tolist(), strict=True))


def sack(*blocks: tuple[int, int], base: int = 1001, stamps: bool = False) -> bytes:
    """The option, about the client's stream offsets."""
    body = b"".join(struct.pack("!II", base + a, base + b) for a, b in blocks)
    front = b"\1\1\x08\x0a" + bytes(8) if stamps else b""
    return front + b"\1\1\5" + bytes([2 + len(body)]) + body


# -- one alone --------------------------------------------------------------------------------------


def said(*acks: int, window: int = 65535, options: bytes = b"") -> Conversation:
    """Five bytes, then acknowledgments of so many."""
    c = Conversation()
    c.send("client", flags=SYN)
    c.send("server", flags=SYN | ACK, options=options)
    c.client(b"hello", options=b"")
    for number in acks:
        c.ack("server", number).window = window
    return c


def test_one_far_beyond_everything_is_not_believed() -> None:
    c = said(5, FAR)
    assert rows(c) == []
    assert flow_of(c).server.segments["class"].tolist() == ["syn", "ack", "ack_of_unseen"]


def test_a_window_that_it_offers_itself_does_not_speak_for_it() -> None:
    c = said(5, FAR, options=option_window_scale(7))
    c.frames[3].window = 10
    assert rows(c) == []
    c.frames[3].window = 65535
    assert rows(c) == [(5, FAR, "not_captured")]


def test_nor_is_a_copy_of_it_a_second_one() -> None:
    capture = Capture(said(5, FAR))
    assert rows(capture.duplicate(4)) == []


def test_a_second_packet_that_says_the_same_supports_it() -> None:
    c = said(5, FAR)
    c.send("server", b"bye", ack=1001 + FAR)
    assert rows(c) == [(5, FAR, "not_captured")]


def test_one_nearby_supports_it() -> None:
    assert rows(said(5, FAR, FAR + 1460)) == [(5, FAR + 1460, "not_captured")]


def test_data_behind_it_support_it() -> None:
    c = said(5, FAR)
    c.client(b"x", at=FAR)
    assert rows(c) == [(5, FAR, "not_captured")]


def test_a_selective_acknowledgment_supports_it() -> None:
    c = said(5, FAR)
    c.ack("server", 5).options = sack((FAR - 9, FAR))
    assert rows(c) == [(5, FAR, "not_captured")]


def test_within_a_window_one_is_enough() -> None:
    assert rows(said(5, 5 + 65535)) == [(5, 65540, "not_captured")]
    assert rows(said(5, 5 + 65536)) == []


def test_the_window_is_scaled_as_the_handshake_says() -> None:
    scale = b"\3\3\4\1"
    assert rows(said(5, FAR, window=65535, options=scale)) == [(5, FAR, "not_captured")]
    assert rows(said(5, FAR + 65536, window=65535, options=scale)) == []


def test_one_below_everything_is_strange_too() -> None:
    c = said(5)
    c.send("server", ack=1001 - FAR)
    assert flow_of(c).server.segments["class"].tolist()[-1] == "ack_of_unseen"
    assert rows(c) == []


def test_a_side_of_which_nothing_was_captured() -> None:
    """Its acknowledgments climb step by step, and one forged above or below them is left out."""
    steps = [f"> 'x' ack={5001 + at}" for at in range(0, 400_000, 50_000)]
    assert flow_of("\n".join(steps)).server.size == 350_000
    for strange in (5001 + 4 * FAR, 5001 - 4 * FAR):
        for place in (0, 3, 8):
            lines = list(steps)
            lines.insert(place, f"> ACK ack={strange}")
            flow = flow_of("\n".join(lines))
            assert (flow.server.size, flow.server.missing) == (350_000, 350_000)


# -- selective --------------------------------------------------------------------------------------


@pytest.mark.parametrize("stamps", [False, True])
def test_bytes_acknowledged_selectively_did_travel(stamps: bool) -> None:
    c = play(OPEN + "> 'abc'\nx> 'def'\nx> 'ghi'\n> 'jkl'")
    c.ack("server", 3).options = b"\1\1\x08\x0a" + bytes(8) if stamps else b""
    c.ack("server", 3).options = sack((6, 12), stamps=stamps)
    expected = [(3, 6, "not_acknowledged"), (6, 9, "not_captured")]
    assert rows(c) == expected
    for seed in range(4):
        assert rows(Capture(c).shuffle(seed)) == expected


def test_what_was_acknowledged_selectively_behind_all_data() -> None:
    c = play(OPEN + "> 'abc'\nx> 'def'\nx> 'ghi'\n< ACK ack=1004")
    c.ack("server", 3).options = sack((6, 9))
    assert rows(c) == [(3, 6, "not_acknowledged"), (6, 9, "not_captured")]


def test_blocks_that_cannot_be_are_not_believed() -> None:
    for block in ((9, 6), (-20, -10), (FAR, 2 * FAR), (-(1 << 31), -1)):
        c = play(OPEN + "> 'abc'\n< ACK")
        c.ack("server", 3).options = sack((block[0] % 2**32 - 1001, block[1] % 2**32 - 1001))
        assert rows(c) == []
