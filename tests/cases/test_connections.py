"""Which packets belong to which connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.flows.table import FlowTable
from tests.cases.answers import FOLDER, case
from tests.helpers.traffic import Capture, play


def flows_of(name: str, group: str = "connections") -> FlowTable:
    return reassemble(case(group, name))


def frames(flows: FlowTable) -> dict[int, list[int]]:
    return {flow: rows.tolist() for flow, rows in flows.packets.groupby("flow")["frame"]}


def test_the_same_isns_minutes_after_both_fins() -> None:
    flows = flows_of("same_isn_again")
    assert [(f.client.data, f.server.data, f.state) for f in flows] == [
        (b"first request!", b"first answer??", "SF"),
        (b"SECOND REQUEST", b"SECOND ANSWER.", "SF"),
    ]
    assert frames(flows) == {0: list(range(1, 11)), 1: list(range(11, 21))}
    assert not len(flows.conflicts)


def test_a_hole_wider_than_max_gap_that_acknowledgments_bridge() -> None:
    (flow,) = flows_of("big_hole")
    assert (flow.state, flow.server.captured, flow.server.missing) == ("SF", 6000, 25_000_000)
    (gap,) = flow.server.gaps[["start", "end", "cause"]].to_numpy().tolist()
    assert gap == [3000, 25_003_000, "not_captured"]


def test_a_hole_before_a_fin_that_was_acknowledged(tmp_path: Path) -> None:
    c = play("> SYN\n< SYN ACK\n> ACK\n> 'GET /big'\n< 'first bytes'")
    c.skip("server", 250_000_000)
    c.close("server")
    for capture in (Capture(c), Capture(c).shuffle(2)):
        (flow,) = reassemble(capture.write(tmp_path / f"{capture is c}.pcap", ns=True))
        assert (flow.state, flow.server.size, flow.server.missing) == ("SF", 250_000_011, 250_000_000)
        assert flow.server.gaps["cause"].tolist() == ["not_captured"]


def test_ports_used_again_within_the_range_of_the_numbers_before() -> None:
    flows = flows_of("reuse_wrong_fin")
    assert frames(flows) == {0: list(range(1, 25)), 1: list(range(25, 37))}
    assert flows.df[["state", "complete", "missing_bytes"]].to_numpy().tolist() == [["SF", True, 0]] * 2
    assert [(len(f.client.data), len(f.server.data)) for f in flows] == [(600_000, 200), (100_000, 200)]


def test_a_pair_of_ports_used_until_the_circle_is_full() -> None:
    flows = flows_of("full_circle")
    for number, flow in enumerate(flows):
        assert (flow.client.data, flow.server.data) == (b"GET %d" % number, b"OK %d" % number)
    assert len(flows) == 320
    assert set(flows.state) == {"SF"}
    assert flows.complete.all()


def test_a_tunnel_in_one_direction_only() -> None:
    (flow,) = flows_of("one_way_tunnel")
    assert (flow.state, flow.complete, int(flow.summary.missing_bytes)) == ("SF", True, 0)
    assert (len(flow.client.data), len(flow.server.data)) == (37, 2041)


def test_a_syn_goes_to_the_connection_whose_syn_ack_was_acknowledged() -> None:
    flows = flows_of("syn_of_the_other")
    flow = flows[flows.client_bytes > 0][0]
    assert 1 in frames(flows)[flow.id]
    assert (flow.summary.client_evidence, flow.state, flow.complete) == ("syn", "SF", True)
    assert flow.summary.rtt_ms > 0
    assert "S1" not in set(flows.state)
    again = flows_of("syn_of_the_other_fixed_isn")
    assert frames(again) == {0: list(range(1, 11)), 1: list(range(11, 21))}
    assert set(again.client_evidence) == {"syn"}
    assert again.complete.all()
    assert again.rtt_ms.round(6).tolist() == [20, 20]


FORGED = sorted(path.stem for path in (FOLDER / "trust").glob("spoof_*.pcap"))


@pytest.mark.parametrize("name", FORGED)
def test_forged_segments_leave_the_honest_streams_as_they_are(name: str) -> None:
    (honest,) = flows_of("honest", "trust")
    flows = flows_of(name, "trust")
    found = [(f.client.data, f.server.data) for f in flows]
    assert (honest.client.data, honest.server.data) in found
    assert len(flows.packets) == flows.capture.frames


@pytest.mark.parametrize("name", [name for name in FORGED if name != "spoof_data_1M_ahead"])
def test_the_same_without_a_clock(name: str, tmp_path: Path) -> None:
    """All times zero, as in memory: numbers alone decide, in any order.

    But for data within `max_gap` ahead: that nothing acknowledged them later, only a clock tells.
    """
    blob = bytearray(case("trust", name).read_bytes())
    records, at = [], 24
    while at < len(blob):
        size = int.from_bytes(blob[at + 8 : at + 12], "little")
        blob[at : at + 8] = bytes(8)
        records.append(bytes(blob[at : at + 16 + size]))
        at += 16 + size
    (honest,) = flows_of("honest", "trust")
    for order, part in (("kept", records), ("reversed", records[::-1])):
        path = tmp_path / f"{order}.pcap"
        path.write_bytes(bytes(blob[:24]) + b"".join(part))
        found = [(f.client.data, f.server.data) for f in reassemble(path)]
        assert (honest.client.data, honest.server.data) in found
