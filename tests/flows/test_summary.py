"""The row of each flow, with numbers computed by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.flows.summary import datetimes
from tcpflow_scapy.reassembly import streams
from tests.helpers.answers import flow_of, flows_of
from tests.helpers.traffic import Capture, Conversation, play

START = 1_700_000_000 * 10**9
MS = 10**6
OPEN = "> SYN\n< SYN ACK\n> ACK\n"


def test_a_row_by_hand() -> None:
    c = play(
        OPEN  # frames 1 to 3
        + "> 'GET /'\n"  # 5 bytes
        + "< 'hello'\n"  # 5 bytes
        + "x< 'lost'\n"
        + "< 'end'\n"  # 3 bytes
        + "> ACK\n"
        + "< 0:'hell0'\n"  # 5 again, one of them different
        + "> FIN\n< FIN\n> ACK",
        Conversation("10.0.0.1:1024", "10.0.0.2:80", vlans=(7, 42)),
    )
    (row,) = flows_of(Capture(c, start=START, step=MS)).df.to_dict("records")
    assert row == {
        "client": "10.0.0.1",
        "client_port": 1024,
        "server": "10.0.0.2",
        "server_port": 80,
        "start": pd.Timestamp(START, tz="UTC"),
        "end": pd.Timestamp(START + 10 * MS, tz="UTC"),
        "duration_s": 0.01,
        "state": "SF",
        "open": False,
        "client_evidence": "syn",
        "client_bytes": 5,
        "server_bytes": 8,
        "client_packets": 6,
        "server_packets": 5,
        "client_missing_bytes": 0,
        "server_missing_bytes": 4,
        "client_gaps": 0,
        "server_gaps": 1,
        "client_retransmitted_bytes": 0,
        "server_retransmitted_bytes": 5,
        "client_out_of_order": 0,
        "server_out_of_order": 0,
        "client_conflicts": 0,
        "server_conflicts": 1,
        "bytes": 13,
        "packets": 11,
        "missing_bytes": 4,
        "gaps": 1,
        "conflicts": 1,
        "complete": False,
        "rtt_ms": 2.0,
        "vlan": "7.42",
        "encap": "eth/vlan:7/vlan:42/ip",
        "client_encap": "eth/vlan:7/vlan:42/ip",
        "server_encap": "eth/vlan:7/vlan:42/ip",
    }


def rows_by_side(script: str) -> pd.Series:
    return flow_of(script).summary


def test_columns_agree_with_the_objects() -> None:
    c = play(OPEN + "> 'abc'\nx> 'd'\n> 'ef'\n> 0:'aXc'\n< 'answer'\n< FIN")
    d = play("< 'midstream'\n> 'x'", Conversation("[2001:db8::1]:40000", "[2001:db8::2]:443"))
    for flow in flows_of(c, d):
        row = flow.summary
        for side, stream in zip(("client", "server"), flow.streams, strict=True):
            assert row[side] == stream.address
            assert row[f"{side}_port"] == stream.port
            assert row[f"{side}_bytes"] == stream.captured
            assert row[f"{side}_missing_bytes"] == stream.missing
            assert row[f"{side}_packets"] == len(stream.segments)
            assert row[f"{side}_gaps"] == len(stream.gaps)
            assert row[f"{side}_conflicts"] == len(stream.conflicts)
            late = (stream.segments["class"] == "out_of_order").sum()
            assert row[f"{side}_out_of_order"] == late
        assert row["complete"] == (flow.client.complete and flow.server.complete)


def test_writing_into_the_table_changes_nothing_that_was_found() -> None:
    flows = flows_of(play(OPEN + "> 'abc'\nx> 'd'\n> 'ef'\n< 'answer'\n< FIN"))
    found = flows._evidence.reassembly
    before = [getattr(found.streams, name).copy() for name in ("captured", "size", "packets", "address")]
    start = found.connections.start.copy()
    for name in flows.df.columns:
        if flows.df[name].dtype.kind in "iu":
            flows.df.loc[0, name] += 1
    flows.df.loc[0, "start"] += pd.Timedelta(1, "s")
    after = [getattr(found.streams, name) for name in ("captured", "size", "packets", "address")]
    for one, two in zip(before, after, strict=True):
        assert one.tolist() == two.tolist()
    assert start.tolist() == found.connections.start.tolist()


def test_a_flood_of_syns_is_what_its_connections_are_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    talks = [play("> SYN", Conversation(f"10.0.0.{i}:{1000 + i}")) for i in range(20)]
    plain = flows_of(*talks).df
    # Worked on in parts, columns of one value have no memory of their own.
    monkeypatch.setattr(streams.build_streams, "__kwdefaults__", {"incomplete": None, "part_packets": 2})
    flows = flows_of(*talks)
    assert flows._evidence.reassembly.streams.captured.strides == (0,)
    pd.testing.assert_frame_equal(flows.df, plain, check_flags=False)
    flows.df.loc[3, "client_bytes"] = 5
    assert flows.df["client_bytes"].sum() == 5
    assert flows[4].client.captured == 0


def test_complete_means_both_sides_from_syn_to_fin_without_a_gap() -> None:
    whole = OPEN + "> 'a'\n< 'b'\n> FIN\n< FIN"
    assert rows_by_side(whole)["complete"]
    lines = whole.splitlines()
    for gone in (0, 1, 3, 4, 5, 6):
        part = lines[:gone] + ["x" + lines[gone]] + lines[gone + 1 :]
        assert not rows_by_side("\n".join(part))["complete"], lines[gone]


# -- times and labels -------------------------------------------------------------------------------


def test_start_and_end_are_the_earliest_and_the_latest_packet() -> None:
    capture = Capture(play(OPEN + "> 'a'"), start=START, step=MS)
    for seed in range(3):
        row = flow_of(capture.shuffle(seed)).summary
        assert (row["start"].value, row["end"].value) == (START, START + 3 * MS)


def test_times_that_are_unknown() -> None:
    times = datetimes(np.array([NO_TIME, 0, 1], np.int64))
    assert times.isna().tolist() == [True, False, False]
    assert str(times[2]) == "1970-01-01 00:00:00.000000001+00:00"


def test_the_encapsulation_is_that_of_the_first_packet() -> None:
    one, two = play("> SYN", Conversation(vlans=(5,))), play("> SYN\n> 'a'")
    flows = flows_of(one, two, ignore_vlan=True)
    assert flows.vlan.tolist() == ["5"]
    assert flows.encap.tolist() == ["eth/vlan:5/ip"]


def test_the_encapsulation_of_each_way() -> None:
    c = play("> SYN\n< SYN ACK\n> 'question'")
    for frame in c:
        frame.vlans = (5,) if frame.source[1] == 80 else ()
    (row,) = flows_of(c).df[["encap", "client_encap", "server_encap"]].to_numpy().tolist()
    assert row == ["eth/ip | eth/vlan:5/ip", "eth/ip", "eth/vlan:5/ip"]


def test_raw_ip_has_no_ethernet() -> None:
    flows = flows_of(Capture(play("> SYN")), linktype=101)
    assert flows.encap.tolist() == ["raw/ip"]
