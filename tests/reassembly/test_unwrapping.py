"""Numbers followed round the circle, by the clock."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.reassembly.sequence import MODULUS
from tcpflow_scapy.reassembly.unwrapping import follow
from tests.helpers.answers import flow_of
from tests.helpers.traffic import Capture, Conversation


def followed(
    positions: list[int], times: list[int], leads: list[bool] | None = None
) -> tuple[list[int], int, int]:
    numbers = np.array([p % MODULUS for p in positions], np.uint32)
    led = np.ones(len(positions), bool) if leads is None else np.array(leads)
    axis = np.zeros(len(positions), np.int64)
    place, low, high = follow(axis, np.array(times), numbers, led, 1)
    return place.tolist(), int(low[0]), int(high[0])


@given(
    st.integers(0, MODULUS - 1),
    st.lists(st.integers(-(1 << 20), 1 << 28), min_size=1, max_size=60),
    st.randoms(),
)
def test_steps_in_any_order_of_arrival(first: int, steps: list[int], shuffle: random.Random) -> None:
    positions = [first + sum(steps[:i]) for i in range(len(steps))]
    rows = list(enumerate(positions))
    shuffle.shuffle(rows)
    place, low, high = followed([p for _, p in rows], [t for t, _ in rows])
    assert place == [p for _, p in rows]
    assert (low, high) == (min(positions), max(positions))


def test_a_single_number_far_away_leads_nowhere() -> None:
    """A forged acknowledgment on the other side of the circle."""
    steps = [i * (1 << 27) for i in range(50)]
    positions = [*steps[:20], steps[19] + (1 << 31) - 5, *steps[20:]]
    place, _, high = followed(positions, list(range(51)))
    assert [p for i, p in enumerate(place) if i != 20] == steps
    assert high == steps[-1]


def test_what_does_not_lead_lies_near_what_does() -> None:
    """A keep-alive from before the first byte, long after."""
    positions = [i * (1 << 28) for i in range(10)] + [-1]
    place, low, high = followed(positions, list(range(11)), [True] * 10 + [False])
    assert place[-1] == -1
    assert (low, high) == (0, 9 << 28)


def test_times_that_tell_no_way() -> None:
    positions = [0, 1 << 30, 5, (1 << 30) + 5, 10]
    _, low, high = followed(positions, list(range(5)))
    assert high < low


@pytest.mark.parametrize("step", [9_000_000, 30_000_000, 300_000_000, 900_000_000])
@pytest.mark.parametrize("total", [2_950_000_000, 5_416_666_670, 13_000_000_000])
def test_a_transfer_of_which_almost_nothing_was_captured(step: int, total: int) -> None:
    """A control packet here and there, the numbers going round; the acknowledgments go on."""
    c = Conversation(isn=1000, server_isn=3_000_000_000)
    c.handshake()
    c.client(b"RETR big")
    for at in range(0, total, step):
        c.send("server", at.to_bytes(8, "big"), at=at)
        c.skip("server", min(at + step, total) - (at + 8))
        c.ack("client")
    c.close("server")
    for capture in (Capture(c), Capture(c).shuffle(3)):
        flow = flow_of(capture)
        assert (flow.client.data, flow.server.size, flow.state) == (b"RETR big", total, "SF")
        assert flow.server.captured == 8 * -(-total // step)
        assert all(flow.server.read(at, 8) == at.to_bytes(8, "big") for at in range(0, total, step))
        assert set(flow.server.gaps["cause"]) == {"not_captured"}
