"""What is missing, what contradicts, what was measured: the captures of which the texts beside them tell."""

from __future__ import annotations

import math

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.flows.flow import Flow
from tcpflow_scapy.flows.table import FlowTable
from tests.cases.answers import case


def only(group: str, name: str) -> Flow:
    flows = load(group, name)
    assert len(flows) == 1
    return flows[0]


def load(group: str, name: str) -> FlowTable:
    return reassemble(case(group, name), progress=False)


def classes(stream: object) -> dict[str, int]:
    """How many segments of each class, acknowledgments left out."""
    counts = stream.segments["class"].value_counts()  # type: ignore[attr-defined]
    return {name: n for name, n in counts.items() if n and name != "ack"}


def test_keep_alive_conflicts() -> None:
    flow = only("connections", "keep_alive_conflicts")
    assert (flow.client.data, flow.server.data) == (b"login bob\n", b"welcome\n")
    assert len(flow.conflicts) == 0
    assert classes(flow.client)["keep_alive"] == 60


def test_rtt_lost_syn() -> None:
    assert math.isclose(load("connections", "rtt_lost_syn").df["rtt_ms"][0], 20)


def test_one_byte_fin() -> None:
    flow = only("connections", "one_byte_fin")
    assert (flow.client.missing, flow.server.missing, flow.server.size) == (100, 0, 500)


def test_fin_number_is_no_byte() -> None:
    flow = only("encapsulation", "fin_number_is_no_byte")
    assert (flow.client.missing, len(flow.client.gaps), len(flow.server.data)) == (0, 0, 42)
    assert flow.client.data.endswith(b"after")
    last = flow.client.segments.iloc[-1]
    assert (last["class"], last["offset"], last["length"]) == ("after_fin", 38, 5)
    assert flow.client.segment_payload(int(last["frame"])) == b"after"
    origin = flow.client.at(38)
    assert origin is not None
    assert origin.frame == last["frame"]


def test_sack_proves_arrival() -> None:
    gaps = only("encapsulation", "sack_proves_arrival").server.gaps
    assert gaps[["start", "end", "cause"]].values.tolist() == [
        [100, 200, "not_acknowledged"],
        [200, 300, "not_captured"],
    ]


@pytest.mark.parametrize(
    ("name", "strange"),
    [
        ("honest", {}),
        ("inject_badck", {"bad_checksum": 1}),
        ("spoof_ack_1M", {"ack_of_unseen": 1}),
        ("spoof_ack_500M", {"ack_of_unseen": 1}),
        ("spoof_data_1M_ahead", {"out_of_window": 1}),
        ("spoof_fin_mid", {"fin": 1}),
        ("spoof_rst", {"rst": 1}),
    ],
)
def test_one_forged_segment_changes_nothing(name: str, strange: dict[str, int]) -> None:
    honest = only("trust", "honest")
    flow = only("trust", name)
    for mine, theirs in zip(flow.streams, honest.streams, strict=True):
        assert (mine.data, mine.size, mine.missing) == (theirs.data, theirs.size, theirs.missing)
        assert len(mine.conflicts) == len(mine.gaps) == 0
    assert flow.state == honest.state
    every: dict[str, int] = dict(strange)
    for stream in honest.streams:
        for kind, count in classes(stream).items():
            every[kind] = every.get(kind, 0) + count
    found: dict[str, int] = {}
    for stream in flow.streams:
        for kind, count in classes(stream).items():
            found[kind] = found.get(kind, 0) + count
    assert found == every


def test_forged_data_20m_ahead_makes_no_gap() -> None:
    flows = load("trust", "spoof_data_20M_ahead")
    assert len(flows.gaps) == 0
    assert flows[0].server.data == only("trust", "honest").server.data
    assert set(classes(flows[0].server)) == {"syn", "new", "fin"}


def test_cut_loss_reordering() -> None:
    """Ten of thirteen were sent again; three were overtaken, as their IP identification says."""
    found = classes(load("trust", "cut_loss_reordering")[0].server)
    assert found == {"syn": 1, "new": 66, "retransmission": 10, "out_of_order": 3}
