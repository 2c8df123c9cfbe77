"""Round trips, against a plain loop over the packets."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.flows.flow import Flow
from tcpflow_scapy.flows.stream import Stream
from tests.helpers.answers import flow_of
from tests.helpers.traffic import Capture, Conversation
from tests.plot.talks import axes, clockless, legend, random_talk

AGAIN = ("retransmission", "partial_overlap")
LATE = (*AGAIN, "out_of_order")


def expected(stream: Stream) -> list[tuple[int, int]]:
    """Frames of data and acknowledgment, one segment at a time."""
    own, peer = stream.segments, stream.peer.segments
    acks = stream.flow.plot.time_sequence.data(direction=stream.direction)
    acks = acks[acks["mark"] == "ack"]
    again = own[own["class"].isin(AGAIN)]
    found = []
    for s in own.itertuples():
        kind, flags = s[own.columns.get_loc("class") + 1], s.flags
        takes = s.wire_length > 0 or "S" in flags or "F" in flags
        if kind not in ("new", "syn", "fin") or not takes or "R" in flags:
            continue
        end = s.offset + s.wire_length
        if any(
            o < end and s.offset < o + n for o, n in zip(again["offset"], again["wire_length"], strict=True)
        ):
            continue
        if any(f in flags and own["flags"].astype(str).str.contains(f).sum() > 1 for f in "SF"):
            continue
        end += "F" in flags
        # The first acknowledgment that reaches so far, of all that were seen.
        answer = next((a for a in acks.itertuples() if a.start >= end), None)
        if answer is None or answer.start != end or answer.frame < s.frame:
            continue
        late = own[own["class"].isin(LATE) & (own["frame"] > s.frame) & (own["frame"] < answer.frame)]
        if not len(late):
            found.append((s.frame, answer.frame))
    assert len(peer) >= len(acks)
    return found


def of(flow: Flow, side: str) -> pd.DataFrame:
    data = flow.plot.rtt.data()
    return data[data["direction"] == side]


@pytest.mark.parametrize("seed", range(25))
def test_samples_are_those_of_a_plain_loop(seed: int) -> None:
    flow = flow_of(random_talk(seed))
    times = flow.packets.set_index("frame")["time"]
    for stream in flow.streams:
        data = of(flow, stream.direction)
        assert list(zip(data["frame"], data["ack_frame"], strict=True)) == expected(stream)
        for row in data.itertuples():
            took = (times[row.ack_frame] - times[row.frame]).total_seconds() * 1000
            assert row.rtt_ms == pytest.approx(took, abs=1e-6)
    assert data["rtt_ms"].ge(0).all()


def talk(*, repeated: bool) -> Conversation:
    c = Conversation()
    c.handshake()
    c.server(b"x" * 100)
    if repeated:
        c.server(b"x" * 100, at=0)
    c.ack()
    return c


def test_handshake_and_data() -> None:
    data = flow_of(talk(repeated=False)).plot.rtt.data()
    assert data[["frame", "ack_frame", "offset"]].to_numpy().tolist() == [[1, 2, 0], [2, 3, 0], [4, 5, 100]]
    assert data["rtt_ms"].tolist() == [1.0, 1.0, 1.0]


def test_nobody_knows_which_of_two_was_acknowledged() -> None:
    data = flow_of(talk(repeated=True)).plot.rtt.data()
    assert data["frame"].tolist() == [1, 2]


def test_an_acknowledgment_of_more_than_the_segment_is_late() -> None:
    c = Conversation()
    c.handshake()
    c.server(b"x" * 100)
    c.server(b"y" * 100)
    c.ack()
    assert flow_of(c).plot.rtt.data()["frame"].tolist() == [1, 2, 5]


def test_times_that_run_backwards_are_no_samples() -> None:
    c = talk(repeated=False)
    capture = Capture(c)
    for number, frame in enumerate(capture.frames):
        frame.time = 10**18 - number
    assert len(flow_of(capture).plot.rtt.data()) == 0


def test_without_a_clock_there_are_none() -> None:
    flow = clockless()[0]
    assert len(flow.plot.rtt.data()) == 0


def test_the_legend_has_the_median() -> None:
    found = legend(flow_of(talk(repeated=False)).plot.rtt(ax=axes()))
    assert found == [
        "client's data, server's acks (1)\nmedian 1 ms",
        "server's data, client's acks (2)\nmedian 1 ms",
    ]


@pytest.mark.peer
@pytest.mark.parametrize("name", ["http_ipv4", "missed_frames", "qinq_ssh", "snaplen_200"])
def test_samples_are_those_of_tshark(name: str, sample_pcaps: Path, need_tool: Callable[[str], str]) -> None:
    path = sample_pcaps / f"{name}.pcap"
    fields = ("frame.number", "tcp.analysis.acks_frame", "tcp.analysis.ack_rtt")
    command = [need_tool("tshark"), "-r", str(path), "-T", "fields", *(x for f in fields for x in ("-e", f))]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    theirs = {}
    for line in run.stdout.splitlines():
        ack, data, took = line.split("\t")
        if took:
            theirs[int(data), int(ack)] = float(took) * 1000
    ours = {}
    for flow in reassemble(path, progress=False):
        for row in flow.plot.rtt.data().itertuples():
            ours[row.frame, row.ack_frame] = row.rtt_ms
    assert ours == pytest.approx(theirs, abs=1e-5)
