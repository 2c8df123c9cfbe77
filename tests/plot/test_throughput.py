"""Throughput: sums are those of the streams."""

from __future__ import annotations

import numpy as np
import pytest

from tcpflow_scapy.plot.scene import Stack, Steps
from tests.helpers.answers import flow_of
from tests.plot.talks import axes, clockless, damaged_flow, legend, random_talk

FLOW = damaged_flow()


@pytest.mark.parametrize("seed", range(6))
def test_sums(seed: int) -> None:
    flow = flow_of(random_talk(seed))
    data = flow.plot.throughput.data()
    for stream in flow.streams:
        side = stream.direction
        assert data[f"{side}_new"].sum() == stream.captured
        assert data[f"{side}_sent"].sum() == stream.segments["wire_length"].sum()
    assert (data.dtypes == np.int64).all()


def test_each_interval_by_hand() -> None:
    data = FLOW.plot.throughput.data(every="4ms")
    # A frame each millisecond; the lost one left no room.
    assert data["client_sent"].tolist() == [18, 0, 0, 0, 0]
    assert data["server_sent"].tolist() == [0, 200, 450, 0, 0]
    assert data["server_new"].tolist() == [0, 200, 300, 0, 0]


def test_the_line_of_all_is_drawn_where_it_differs() -> None:
    marks = FLOW.plot.throughput.scene().marks
    assert [list(m.series) for m in marks if isinstance(m, Stack)] == [
        ["client: new bytes"],
        ["server: new bytes"],
    ]
    assert [m.label for m in marks if isinstance(m, Steps)] == ["server: all it sent"]
    assert "server: all it sent" in legend(FLOW.plot.throughput(ax=axes()))


def test_without_a_clock_bytes_are_counted_by_frames() -> None:
    flow = clockless()[0]
    data = flow.plot.throughput.data()
    assert data.index.name == "frame"
    assert data["server_new"].sum() == flow.server.captured
    assert flow.plot.throughput(ax=axes()).get_ylabel() == "payload per frame"


def test_edges_are_exact() -> None:
    (stack, *_) = [m for m in FLOW.plot.throughput.scene(every="1ms").marks if isinstance(m, Stack)]
    np.testing.assert_array_equal(stack.low, np.arange(len(stack.low)))
