"""Time-sequence graph: every segment, every acknowledgment, every break, at its place."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tcpflow_scapy.plot.scene import Boxes, Points, Segments, Steps
from tcpflow_scapy.plot.time_sequence import MARKS
from tests.helpers.answers import flow_of
from tests.helpers.traffic import Conversation, play
from tests.plot.talks import axes, clockless, damaged_flow, legend, random_talk, texts

FLOW = damaged_flow()


def rows(data: pd.DataFrame, mark: str) -> list[tuple[object, ...]]:
    chosen = data[data["mark"] == mark]
    return list(zip(chosen["what"], chosen["frame"], chosen["start"], chosen["end"], strict=True))


def test_columns() -> None:
    data = FLOW.plot.time_sequence.data()
    assert list(data.columns) == ["mark", "what", "frame", "time", "start", "end", "until_frame", "until"]
    assert list(data["mark"].cat.categories) == list(MARKS)
    assert data["frame"].is_monotonic_increasing
    assert data.attrs == {"direction": "server", "window_scale": 0}


def test_what_happened_by_hand() -> None:
    data = FLOW.plot.time_sequence.data()
    assert rows(data, "data") == [
        ("new", 5, 0, 100),
        ("new", 7, 200, 300),
        ("retransmission", 9, 200, 300),
        ("new", 10, 400, 500),
        ("out_of_order", 11, 300, 400),
        ("partial_overlap", 12, 450, 600),
    ]
    assert rows(data, "gap") == [("not_captured", 5, 100, 200)]
    assert data[data["mark"] == "gap"]["until_frame"].tolist() == [7]
    assert rows(data, "conflict") == [("", 12, 450, 500)]
    assert rows(data, "zero_window") == [("", 13, 600, 600)]
    assert rows(data, "syn") == [("server", 2, 0, 0)]
    assert rows(data, "fin") == [("server", 16, 600, 600)]
    assert [r[2] for r in rows(data, "ack")] == [0, 0, 100, 300, 600, 600, 600, 601]


@pytest.mark.parametrize("seed", range(6))
def test_segments_are_those_of_the_flow(seed: int) -> None:
    flow = flow_of(random_talk(seed))
    for stream in flow.streams:
        data = flow.plot.time_sequence.data(direction=stream.direction)
        segments = stream.segments
        full = segments[segments["wire_length"] > 0]
        mine = data[data["mark"] == "data"]
        assert mine["frame"].tolist() == full["frame"].tolist()
        assert mine["start"].tolist() == full["offset"].tolist()
        assert (mine["end"] - mine["start"]).tolist() == full["wire_length"].tolist()
        assert mine["what"].astype(str).tolist() == full["class"].astype(str).tolist()
        assert mine["time"].tolist() == full["time"].tolist()
        gaps = data[data["mark"] == "gap"].sort_values("start")
        assert gaps[["start", "end"]].to_numpy().tolist() == stream.gaps[["start", "end"]].to_numpy().tolist()
        assert (data["mark"] == "conflict").sum() == len(stream.conflicts)


@pytest.mark.parametrize("seed", range(6))
def test_acknowledgments_are_what_the_script_meant(seed: int) -> None:
    talk = random_talk(seed)
    flow = flow_of(talk)
    if flow.server.isn is None:
        return
    expected = [f.ack_offset for f in talk if f.source == talk.endpoints[0] and f.ack_offset is not None]
    data = flow.plot.time_sequence.data(direction="server")
    assert data[data["mark"] == "ack"]["start"].tolist() == expected


def test_the_larger_side_is_shown_unless_told() -> None:
    assert "what the server sent" in texts(FLOW.plot.time_sequence(ax=axes()))
    assert "what the client sent" in texts(FLOW.plot.time_sequence(ax=axes(), direction="client"))
    with pytest.raises(ValueError, match="client, server or None"):
        FLOW.plot.time_sequence(direction="both")


def test_the_picture_shows_the_table() -> None:
    data = FLOW.plot.time_sequence.data()
    marks = FLOW.plot.time_sequence.scene().marks
    bars = [m for m in marks if isinstance(m, Segments) and m.label]
    assert sorted(f for m in bars for f in m.frame.tolist()) == sorted(  # type: ignore[union-attr]
        data[data["mark"] == "data"]["frame"].tolist()
    )
    for bar in bars:
        assert bar.frame is not None
        assert (bar.x0 == bar.x1).all()
        chosen = data[(data["mark"] == "data") & data["frame"].isin(bar.frame)]
        assert bar.y0.tolist() == chosen["start"].tolist()
        assert bar.y1.tolist() == chosen["end"].tolist()
    (box,) = [m for m in marks if isinstance(m, Boxes)]
    assert (box.y0.tolist(), box.y1.tolist()) == ([100], [200])
    assert box.x0[0] < box.x1[0]
    names = [m.label for m in marks if isinstance(m, Steps)]
    assert names == ["window of the receiver, above the picture", "acknowledged"]


def test_the_legend_counts() -> None:
    found = legend(FLOW.plot.time_sequence(ax=axes()))
    for label in (
        "data (3)",
        "out of order (1)",
        "retransmission (1)",
        "partial overlap (1)",
        "gap: not captured (1)",
        "conflict (1)",
        "window closed (1)",
        "SYN (1)",
        "FIN (1)",
    ):
        assert label in found


def test_resets_of_both_sides_are_marked() -> None:
    c = Conversation()
    c.handshake()
    c.server(b"x" * 30)
    c.ack()
    c.reset("client")
    c.reset("server")
    data = flow_of(c).plot.time_sequence.data(direction="server")
    assert rows(data, "rst") == [("client", 6, 30, 30), ("server", 7, 30, 30)]


def test_a_gap_at_an_end_reaches_to_the_edge() -> None:
    c = Conversation()
    c.handshake()
    c.server(b"a" * 10)
    c.lose()
    c.server(b"b" * 10)
    c.server(b"c" * 10)
    c.lose()
    c.ack()
    scene = flow_of(c).plot.time_sequence.scene()
    boxes = [m for m in scene.marks if isinstance(m, Boxes)]
    spans = sorted(
        zip(*(np.concatenate([getattr(b, n) for b in boxes]) for n in ("y0", "y1", "x0", "x1")), strict=True)
    )
    assert [s[:2] for s in spans] == [(0, 10), (20, 30)]
    first, last = spans[0][2], spans[-1][3]
    assert first == 1  # ms: the SYN ACK
    assert last == 4


def test_without_a_clock_no_line_leads_from_one_ack_to_the_next() -> None:
    scene = clockless()[0].plot.time_sequence.scene()
    assert not [m for m in scene.marks if isinstance(m, Steps)]
    assert any(isinstance(m, Points) and m.label.startswith("acknowledged (") for m in scene.marks)


def test_an_unknown_scale_is_said() -> None:
    flow = flow_of(play("< 'x'*60000\n> ACK\n< 'y'*60000\n> ACK", Conversation()))
    assert any(
        "scale unknown" in label for label in legend(flow.plot.time_sequence(ax=axes(), direction="server"))
    )


def test_wild_acknowledgments_do_not_squash_the_picture() -> None:
    c = Conversation()
    c.handshake()
    c.server(b"x" * 100)
    c.ack().ack = 5001 + 2**31 - 5
    c.ack().ack = 5001 - 2**31 + 5
    c.ack()
    ax = flow_of(c).plot.time_sequence(ax=axes())
    low, high = ax.get_ylim()
    assert -10_000 < low < 0
    assert high < 2**31
