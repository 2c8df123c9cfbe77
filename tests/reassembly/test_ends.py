"""Where streams end: the number of a FIN is not a byte."""

from __future__ import annotations

import pytest

from tests.helpers.answers import flow_of
from tests.helpers.traffic import ACK, FIN, Capture, play

OPEN = "> SYN\n< SYN ACK\n> ACK\n"


@pytest.mark.parametrize("late", ["< FIN ack=1102", "< ACK ack=1102\n< 'bye' ack=1102\n< FIN ack=1102"])
def test_in_a_capture_of_one_side_the_last_number_alone_is_the_fin(late: str) -> None:
    flow = flow_of("< SYN ACK ack=1001\n< 'a' ack=1101\n" + late)
    assert (flow.client.size, flow.client.missing) == (100, 100)


def test_without_an_end_the_last_number_may_be_a_byte() -> None:
    flow = flow_of("< SYN ACK ack=1001\n< 'a' ack=1101\n< 'b' ack=1102")
    assert flow.client.missing == 101


def test_a_fin_lost_behind_lost_data() -> None:
    c = play(OPEN + "> 'abc'\nx> 'def'\n< ACK\nx> FIN\n< ACK\n< FIN\n> ACK")
    gaps = flow_of(c).client.gaps[["start", "end", "cause"]]
    assert gaps.values.tolist() == [[3, 6, "not_captured"]]


def test_data_numbered_behind_a_fin_follow_what_stands_before_it() -> None:
    c = play(OPEN + "> 'abc'\n> FIN\n< ACK")
    c.client(b"more", seq=1005)
    c.client(b"!", seq=1009)
    flow = flow_of(c)
    assert (flow.client.data, flow.client.missing) == (b"abcmore!", 0)
    assert flow.client.segments["offset"].tolist()[-2:] == [3, 7]
    for seed in range(4):
        assert flow_of(Capture(c).shuffle(seed)).client.data == b"abcmore!"


def test_data_far_behind_a_fin_stay_where_they_are() -> None:
    c = play(OPEN + "> 'abc'\n> FIN\n< ACK")
    c.client(b"far", seq=1006)
    assert flow_of(c).client.data == b"abc\0\0far"


def test_data_that_claim_the_number_of_the_fin_stay_where_they_are() -> None:
    c = play(OPEN + "> 'abc'\n> FIN\n< ACK")
    c.client(b"XY", seq=1004)
    c.client(b"Z", seq=1006)
    assert flow_of(c).client.data == b"abcXYZ"


def test_a_forged_fin_in_the_middle_ends_nothing() -> None:
    c = play(OPEN + "> 'abc'")
    c.client(flags=FIN | ACK)
    play("> 3:'def'\n< ACK ack=1007\n> FIN seq=1007\n< ACK ack=1008\n< FIN ack=1008", c)
    flow = flow_of(c)
    assert (flow.client.data, flow.client.complete, flow.state) == (b"abcdef", True, "SF")
    assert "after_fin" not in flow.client.segments["class"].tolist()
