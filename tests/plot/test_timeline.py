"""Timeline: a line for each flow, from its first to its last segment."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.plot.scene import Points, Segments
from tcpflow_scapy.plot.timeline import LABELLED
from tests.plot.talks import axes, clockless, legend, several, texts

FLOWS = several(6)


def test_numbers_are_those_of_the_flows() -> None:
    data = FLOWS.plot.timeline.data()
    assert data.index.tolist() == FLOWS.df.index.tolist()
    for name in ("client", "server_port", "start", "end", "bytes", "missing_bytes"):
        assert (data[name] == FLOWS.df[name]).all()
    frames = FLOWS.packets.groupby("flow")["frame"]
    assert data["first_frame"].tolist() == frames.min().tolist()
    assert data["last_frame"].tolist() == frames.max().tolist()
    assert data["service"].tolist() == ["80 http", "443 https", "5000"] * 2


def test_the_order_is_that_of_the_table() -> None:
    turned = FLOWS.sort_values("bytes", ascending=False)
    data = turned.plot.timeline.data()
    assert data.index.tolist() == turned.df.index.tolist()
    labels = [t.get_text() for t in turned.plot.timeline(ax=axes()).get_yticklabels()]
    assert labels[0] == "5  10.0.0.5:1005 → 192.168.0.1:5000"


def test_lines_run_from_start_to_end() -> None:
    scene = FLOWS.plot.timeline.scene()
    lines = [m for m in scene.marks if isinstance(m, Segments)]
    assert [m.label for m in lines] == ["5000", "443 https", "80 http"]
    start = FLOWS.df["start"].astype("int64").to_numpy()
    for line in lines:
        place = line.y0.astype(int)
        np.testing.assert_allclose(line.x0, start[place])
    assert sum(map(len, lines)) == 6


def test_segments_with_data_and_missing_bytes_are_marked() -> None:
    ticks, missing = (m for m in FLOWS.plot.timeline.scene().marks if isinstance(m, Points))
    assert len(ticks) == int((FLOWS.packets["wire_length"] > 0).sum())
    assert missing.y.astype(int).tolist() == [1, 2, 3, 4, 5]
    assert "bytes missing" in legend(FLOWS.plot.timeline(ax=axes()))


def test_many_flows_are_lines_without_names() -> None:
    many = several(LABELLED + 1)
    scene = many.plot.timeline.scene()
    assert scene.y.ticks is None
    assert [m.label for m in scene.marks if isinstance(m, Points)] == ["bytes missing"]
    ax = many.plot.timeline(ax=axes())
    assert ax.yaxis.get_inverted()
    assert "10.0.0.1" not in texts(ax, drawn=True)


def test_without_a_clock_frames_take_the_place_of_times() -> None:
    scene = clockless().plot.timeline.scene()
    line = scene.marks[0]
    assert isinstance(line, Segments)
    assert line.x0.tolist() == [1]
    assert line.x1.tolist() == [clockless().capture.frames]
