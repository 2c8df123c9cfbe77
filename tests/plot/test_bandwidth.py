"""Traffic over time: every byte of every frame, once."""

from __future__ import annotations

import numpy as np
import pytest

from tcpflow_scapy.plot.bandwidth import REST
from tcpflow_scapy.plot.scene import Stack
from tests.helpers.answers import flows_of
from tests.helpers.traffic import Capture, RawFrame
from tests.plot.talks import axes, clockless, damaged, several

FLOWS = several(6)


def test_all_bytes_on_the_wire_are_in_it() -> None:
    data = FLOWS.plot.bandwidth.data()
    assert data.to_numpy().sum() == FLOWS._evidence.frames.wirelen.sum()
    assert list(data.columns) == ["5000", "443 https", "80 http"]
    assert data.index.name == "time"
    assert str(data.index.tz) == "UTC"
    assert (data.dtypes == np.int64).all()


def test_each_interval_has_the_frames_of_its_time() -> None:
    data = FLOWS.plot.bandwidth.data(every="7ms")
    packets = FLOWS.packets
    wire = FLOWS._evidence.frames.wirelen[packets["frame"].to_numpy() - 1].astype(np.int64)
    floor = packets["time"].dt.floor("7ms")
    total = {t: int(wire[(floor == t).to_numpy()].sum()) for t in floor.unique()}
    got = {t: int(row.sum()) for t, row in data.iterrows() if row.sum()}
    assert got == total
    assert data.attrs["bin_seconds"] == 0.007


def test_few_services_are_named() -> None:
    data = FLOWS.plot.bandwidth.data(services=1)
    assert list(data.columns) == ["5000", "other services"]
    assert data.to_numpy().sum() == FLOWS._evidence.frames.wirelen.sum()


def test_a_selection_counts_its_own_frames_only() -> None:
    one = FLOWS[2:3]
    frames = one.packets["frame"].to_numpy() - 1
    assert one.plot.bandwidth.data().to_numpy().sum() == FLOWS._evidence.frames.wirelen[frames].sum()


def test_other_frames_make_it_whole() -> None:
    noise = RawFrame(b"\xff" * 12 + b"\x08\x06" + b"\0" * 46)
    flows = flows_of(Capture(damaged(), noise))
    data = flows.plot.bandwidth.data(other_frames=True)
    assert data[REST].sum() == 60
    assert data.to_numpy().sum() == flows._evidence.frames.wirelen.sum()
    assert REST not in flows.plot.bandwidth.data()
    assert len(flows[:0].plot.bandwidth.data(other_frames=True)) > 0


def test_frame_numbers_are_counted_where_there_is_no_clock() -> None:
    flows = clockless()
    data = flows.plot.bandwidth.data(every=4)
    assert data.index.name == "frame"
    assert data.attrs["bin_frames"] == 4
    wire = flows._evidence.frames.wirelen.astype(np.int64)
    assert data.sum(axis=1).tolist() == [int(wire[i : i + 4].sum()) for i in range(0, len(wire), 4)]
    assert "bytes per 4 frames" in flows.plot.bandwidth(ax=axes(), every=4).get_ylabel()


def test_the_picture_has_the_numbers_of_the_table() -> None:
    data = FLOWS.plot.bandwidth.data(every="10ms")
    (stack,) = FLOWS.plot.bandwidth.scene(every="10ms").marks
    assert isinstance(stack, Stack)
    for name in data.columns:
        np.testing.assert_allclose(stack.series[name], data[name] / 0.01)
    assert set(stack.series) <= set(stack.colour)


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ValueError, match="every"):
        FLOWS.plot.bandwidth(every="often")
    with pytest.raises(ValueError, match="services"):
        FLOWS.plot.bandwidth(services=-1)
