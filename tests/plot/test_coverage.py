"""Coverage: captured and missing runs are the whole stream, and nothing twice."""

from __future__ import annotations

import pytest

from tcpflow_scapy.plot.scene import Boxes, Points, Segments
from tests.helpers.answers import flow_of
from tests.plot.talks import axes, damaged_flow, legend, random_talk, texts

FLOW = damaged_flow()


@pytest.mark.parametrize("seed", range(8))
def test_runs_are_disjoint_and_whole(seed: int) -> None:
    flow = flow_of(random_talk(seed))
    for stream in flow.streams:
        data = flow.plot.coverage.data(direction=stream.direction)
        runs = data[data["state"] != "conflict"]
        at = 0
        for run in runs.itertuples():
            assert run.start == at
            assert run.length == run.end - run.start > 0
            at = run.end
        assert at == stream.size
        captured = runs[runs["state"] == "captured"]
        assert captured["length"].sum() == stream.captured
        assert runs[runs["state"] == "missing"]["length"].sum() == stream.missing
        for run in captured.itertuples():
            origin = stream.at(run.start)
            assert (origin.frame, origin.time) == (run.frame, run.time)


def test_states_by_hand() -> None:
    data = FLOW.plot.coverage.data()
    found = data[["state", "start", "end", "frame"]].astype({"state": str}).to_numpy().tolist()
    assert ["missing", 100, 200, 0] in found
    assert ["conflict", 450, 500, 12] in found
    assert data[data["state"] == "missing"]["cause"].tolist() == ["not_captured"]
    assert data[data["state"] == "captured"]["cause"].isna().all()
    assert data[data["state"] == "missing"]["time"].isna().all()


def test_the_picture_shows_the_table() -> None:
    data = FLOW.plot.coverage.data()
    marks = FLOW.plot.coverage.scene().marks
    there = next(m for m in marks if isinstance(m, Segments) and m.label == "captured")
    captured = data[data["state"] == "captured"]
    assert there.x0.tolist() == captured["start"].tolist()
    assert there.x1.tolist() == captured["end"].tolist()
    assert there.frame is not None
    assert there.frame.tolist() == captured["frame"].tolist()
    (gap,) = [m for m in marks if isinstance(m, Boxes)]
    assert (gap.x0.tolist(), gap.x1.tolist()) == ([100], [200])
    (conflict,) = [m for m in marks if isinstance(m, Points)]
    assert conflict.x.tolist() == [475]


def test_words() -> None:
    ax = FLOW.plot.coverage(ax=axes())
    assert "500 B of 600 B captured (83.3 %)" in texts(ax)
    assert legend(ax) == ["missing: not captured\n1 gap, 100 B", "captured", "other contents (1)"]
    assert FLOW.plot.coverage.data(direction="client")["end"].max() == 18
