"""Every picture keeps the contract: labelled axes, the caller's axes, numbers, emptiness, no clock."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

import matplotlib
import pandas as pd
import pytest
from matplotlib.axes import Axes

from tcpflow_scapy.plot import PLOTS
from tcpflow_scapy.plot.picture import Picture, need
from tests.helpers.answers import flows_of
from tests.helpers.traffic import Conversation, RawFrame, play
from tests.plot.talks import axes, clockless, damaged_flow, nothing, several, texts

FLOWS = several()
FLOW = damaged_flow()
WITHOUT_TIME = clockless()

TABLE = [p for p in PLOTS if p.of == "flows"]
ONE = [p for p in PLOTS if p.of == "flow"]


def call(picture: Picture, subject: Any = None, **options: Any) -> Any:
    if subject is None:
        subject = FLOWS if picture.of == "flows" else FLOW
    return getattr(subject.plot, picture.name)(**{"ax": axes(), **options})


@pytest.fixture(params=PLOTS, ids=[p.name for p in PLOTS])
def picture(request: pytest.FixtureRequest) -> Picture:
    found: Picture = request.param
    return found


def test_the_list_names_each_picture_once() -> None:
    assert [p.name for p in TABLE] == ["timeline", "bandwidth", "endpoints", "sizes"]
    assert [p.name for p in ONE] == ["time_sequence", "throughput", "rtt", "coverage"]


def test_numbers_and_picture_take_the_same_options(picture: Picture) -> None:
    table, scene = (inspect.signature(f) for f in (picture.module.table, picture.module.scene))
    assert list(table.parameters) == list(scene.parameters)
    assert all(p.kind is p.KEYWORD_ONLY for p in list(scene.parameters.values())[1:])
    assert len(picture.module.scene.__doc__) > 60
    assert "Returns" in picture.module.table.__doc__


def test_axes_are_labelled(picture: Picture) -> None:
    ax = call(picture, ax=None)
    assert isinstance(ax, Axes)
    assert ax.figure.get_layout_engine() is not None
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert ax.get_title(loc="left")
    label = ax.get_xlabel() + ax.get_ylabel()
    assert re.search(r"UTC|\((ms|bytes)\)|bytes per second", label) or picture.name == "endpoints"


def test_a_picture_is_drawn_where_the_caller_says(picture: Picture) -> None:
    ax = axes()
    ax.plot([0, 1], [0, 1], label="mine")
    assert call(picture, ax=ax) is ax
    assert "mine" in [line.get_label() for line in ax.lines]
    ax.figure.canvas.draw()


def test_numbers_are_a_frame_with_units_in_its_docs(picture: Picture) -> None:
    subject = FLOWS if picture.of == "flows" else FLOW
    data = getattr(subject.plot, picture.name).data()
    assert isinstance(data, pd.DataFrame)
    assert len(data)


@pytest.mark.parametrize("picture", TABLE, ids=[p.name for p in TABLE])
def test_an_empty_selection_is_an_empty_picture(picture: Picture) -> None:
    ax = call(picture, nothing())
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert "no " in texts(ax)
    data = getattr(nothing().plot, picture.name).data().drop(columns=["low", "high"], errors="ignore")
    assert not int(data.sum(numeric_only=True).sum())


def test_a_flow_without_payload_is_a_picture_all_the_same() -> None:
    flow = flows_of(play("> SYN\n< SYN ACK\n> RST"))[0]
    for picture in ONE:
        assert texts(call(picture, flow))


@pytest.mark.parametrize("script", ["> SYN", "< 'x'", "> RST"])
def test_a_single_frame_is_a_picture(script: str) -> None:
    flows = flows_of(play(script))
    for picture in PLOTS:
        assert texts(call(picture, flows if picture.of == "flows" else flows[0]), drawn=script == "> SYN")


def test_frame_numbers_stand_in_for_a_missing_clock() -> None:
    for picture in PLOTS:
        ax = call(picture, WITHOUT_TIME if picture.of == "flows" else WITHOUT_TIME[0])
        label = ax.get_xlabel() + ax.get_ylabel()
        assert "1970" not in texts(ax, drawn=picture.name == "timeline")
        if picture.name not in ("endpoints", "sizes"):
            assert "frame number (the capture has no clock)" in label


def test_frames_without_a_time_are_counted_not_hidden() -> None:
    c = Conversation()
    c.handshake()
    c.server(b"x" * 10)
    c.server(b"y" * 10)
    flows = flows_of(c)
    evidence = flows._evidence
    evidence.frames.time[3] = -(2**63)
    evidence.__dict__.pop("times", None)
    assert "not shown: 1 frame without a time" in texts(flows.plot.bandwidth(ax=axes()))
    assert flows.plot.bandwidth.data().attrs["without_time"] == 1
    assert "not shown: 1 segment without a time" in texts(flows[0].plot.throughput(ax=axes()))
    assert "not shown: 1 mark without a time" in texts(flows[0].plot.time_sequence(ax=axes()))
    assert "not shown: 1 run without a time" in texts(flows[0].plot.coverage(ax=axes()))


def test_times_far_apart_do_not_break_a_picture() -> None:
    c = Conversation()
    c.handshake()
    c.server(b"x" * 10)
    c.close()
    flows = flows_of(c)
    evidence = flows._evidence
    evidence.frames.time[:3] = -(2**63) + 1
    evidence.frames.time[3:] = 2**63 - 1
    evidence.__dict__.pop("times", None)
    connections = evidence.reassembly.connections
    connections.start[:], connections.end[:] = -(2**63) + 1, 2**63 - 1
    for picture in PLOTS:
        if picture.name != "timeline":  # matplotlib's own calendar ends before the year 10000
            assert texts(call(picture, flows if picture.of == "flows" else flows[0]), drawn=True)
    assert flows.plot.timeline()


def test_frames_that_are_no_segments_do_no_harm() -> None:
    flows = flows_of(RawFrame(b"\0" * 60), RawFrame(b""))
    for picture in TABLE:
        assert texts(call(picture, flows))


def test_a_dark_style_is_followed() -> None:
    from matplotlib import pyplot

    with pyplot.style.context("dark_background"):
        ax = FLOW.plot.time_sequence()
        marker = next(line for line in ax.lines if line.get_label().startswith("SYN"))
        assert matplotlib.colors.to_hex(marker.get_color()) == "#ffffff"


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pictures need matplotlib.*tcpflow-scapy\[plot\]"):
        FLOWS.plot.sizes()
    with pytest.raises(ImportError, match=r"reports need matplotlib.*tcpflow-scapy\[plot\]"):
        FLOWS.report("x.pdf")
    assert len(FLOWS.plot.sizes.data())
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(ImportError, match=r"interactive pictures need plotly.*tcpflow-scapy\[plot\]"):
        FLOWS.plot.sizes(interactive=True)


def test_a_broken_library_says_so_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> Any:
        raise ImportError("no shared object", name="libfoo")

    monkeypatch.setattr("tcpflow_scapy.plot.picture.import_module", broken)
    with pytest.raises(ImportError, match="no shared object"):
        need("matplotlib", "pictures")
