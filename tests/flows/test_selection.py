"""host, port, time; masks, names and numbers; rows of DataFrames."""

from __future__ import annotations

import datetime as dt
from ipaddress import ip_address, ip_network

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from tcpflow_scapy import reassemble
from tcpflow_scapy.flows.selection import _inside
from tcpflow_scapy.flows.table import FlowTable
from tests.helpers.answers import flows_of
from tests.helpers.examples import FEW
from tests.helpers.traffic import Capture, Conversation

NOON = 1_700_049_600 * 10**9
"""2023-11-15 12:00:00 UTC"""
MINUTE = 60 * 10**9


def made() -> FlowTable:
    """Flows 0 to 3; flow n lasts from minute 10 n to minute 10 n + 5."""
    ends = [
        ("10.0.0.1:40000", "192.168.1.5:80"),
        ("10.0.1.1:40001", "192.168.1.6:443"),
        ("192.168.1.5:5000", "10.0.0.1:22"),
        ("[2001:db8::1]:40000", "[2001:db8::2]:80"),
    ]
    frames = []
    for number, pair in enumerate(ends):
        c = Conversation(*pair)
        c.client(b"first", time=NOON + 10 * number * MINUTE)
        c.client(b"last", time=NOON + (10 * number + 5) * MINUTE)
        frames += c.frames
    return flows_of(Capture(frames))


FLOWS = made()


def numbers(**conditions: object) -> list[int]:
    return FLOWS.filter(**conditions).df.index.tolist()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("10.0.0.1", [0, 2]),
        ("10.0.0.0/24", [0, 2]),
        ("10.0.0.0/8", [0, 1, 2]),
        ("192.168.1.5", [0, 2]),
        ("10.0.0.1/24", [0, 2]),
        ("2001:db8::/32", [3]),
        ("2001:0db8:0::1", [3]),
        ("::/0", [3]),
        ("0.0.0.0/0", [0, 1, 2]),
        ("10.9.9.9", []),
    ],
)
def test_host(host: str, found: list[int]) -> None:
    assert numbers(host=host) == found


def test_what_is_no_host() -> None:
    for host in ("example.org", "10.0.0.300", "10.0.0.0/99", ""):
        with pytest.raises(ValueError):
            FLOWS.filter(host=host)


def test_port_of_either_side() -> None:
    assert numbers(port=80) == [0, 3]
    assert numbers(port=40000) == [0, 3]
    assert numbers(port=22) == [2]
    assert numbers(port=1) == []


@pytest.mark.parametrize(
    ("time", "found"),
    [
        ("2023-11-15 12:03", [0]),
        ("2023-11-15", [0, 1, 2, 3]),
        ("2023-11", [0, 1, 2, 3]),
        ("2023-11-14", []),
        ("2023-11-15 12", [0, 1, 2, 3]),
        ("2023-11-15T11", []),
        ("2023-11-15 12:14", [1]),
        ("2023-11-15T14:14+02:00", [1]),
        ("2023-11-15 12:15:00", [1]),
        ("2023-11-15 12:15:01", []),
        (("2023-11-14", "2023-11-15"), [0, 1, 2, 3]),
        (("2023-11-15", "2023-11-15 12:00"), [0]),
        (dt.date(2023, 11, 15), [0, 1, 2, 3]),
        (np.datetime64("2023-11-15T12:03"), [0]),
        (pd.Period("2023-11-15 12:00", "10min"), [0]),
        (pd.Timestamp("2023-11-15"), []),
        (dt.datetime(2023, 11, 15, 12, 3), [0]),
        ("2023-11-15 12:07", []),
        (("2023-11-15 12:05", "2023-11-15 12:10"), [0, 1]),
        (("2023-11-15 12:06", "2023-11-15 12:09"), []),
        (("2023-11-15 12:15:00.000000001", None), [2, 3]),
        ((None, "2023-11-15 12:10"), [0, 1]),
        ((None, None), [0, 1, 2, 3]),
        (["2023-11-15T13:20:00+01:00", pd.Timestamp("2023-11-15 12:21", tz="UTC")], [2]),
        (dt.datetime(2023, 11, 15, 13, 3, tzinfo=dt.timezone(dt.timedelta(hours=1))), [0]),
    ],
)
def test_time(time: object, found: list[int]) -> None:
    assert numbers(time=time) == found


def test_what_is_no_time() -> None:
    with pytest.raises(ValueError):
        FLOWS.filter(time="when it rained")


def test_conditions_together_and_none() -> None:
    assert numbers(host="10.0.0.1", port=80) == [0]
    assert numbers(host="10.0.0.1", port=80, time="2023-11-15 12:07") == []
    assert numbers() == [0, 1, 2, 3]


@given(
    st.datetimes(dt.datetime(2023, 11, 15, 11), dt.datetime(2023, 11, 15, 14)),
    st.sampled_from(["%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d %H", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S"]),
)
@FEW
def test_a_text_means_what_it_means_in_an_index_of_pandas(moment: dt.datetime, form: str) -> None:
    text = moment.strftime(form)
    for number, flow in enumerate(FLOWS):
        # Busy in each second.
        busy = pd.Series(0, pd.date_range(flow.start, flow.end, freq="s"))
        assert (number in numbers(time=text)) == bool(len(busy.loc[text:text]))  # type: ignore[misc]


@pytest.mark.parametrize(
    "time",
    [
        "10:30",
        "",
        "NaT",
        "today and not tomorrow",
        pd.NaT,
        np.datetime64("NaT", "ns"),
        1_700_049_600,
        0.5,
        True,
        (1,),
    ]
    + [("2023-11-16", "2023-11-15"), ("2023-11-15 12:01", "2023-11-15 12:00"), ()],
)
def test_what_cannot_be_a_time_is_refused(time: object) -> None:
    with pytest.raises(ValueError, match="time"):
        numbers(time=time)


def test_without_a_clock_there_is_no_time() -> None:
    frame = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=1, dport=2)
    frame.time = None
    timeless = reassemble([frame])
    assert timeless.df["start"].isna().all()
    with pytest.raises(ValueError, match="no clock"):
        timeless.filter(time="2023-11-15")
    assert len(timeless.filter(time=(None, None))) == 1


def test_of_a_selection() -> None:
    assert FLOWS[[3, 1]].filter(port=443).df.index.tolist() == [1]
    assert len(FLOWS[:0].filter(host="10.0.0.1", port=80, time="2023-11-15 12:03")) == 0


@pytest.mark.parametrize("port", ["http", "", -1, 70000, 80.5, True, "9" * 5000])
def test_what_is_no_port_is_refused(port: object) -> None:
    with pytest.raises(ValueError, match="port is a number"):
        numbers(port=port)


def test_a_port_in_digits() -> None:
    assert numbers(port="443") == numbers(port=443) == [1]


def of(frame: pd.DataFrame, flows: FlowTable | None = None) -> list[int]:
    """Numbers of the flows behind a frame."""
    return FlowTable.from_frame(frame, flows).df.index.tolist()


def test_what_pandas_chose_becomes_flows_again() -> None:
    table = FLOWS.df
    assert of(table[table["server_port"] == 80]) == [0, 3]
    assert of(table.sort_values("server_port")) == [2, 0, 3, 1]
    assert of(table.iloc[:0]) == []
    assert of(table.reset_index().query("flow > 1")) == [2, 3]
    packets = FLOWS.packets
    assert of(packets[packets["length"] == 4].iloc[::-1]) == [3, 2, 1, 0]
    assert of(FLOWS.search(b"first").groupby("flow").size().to_frame("hits"), FLOWS) == [0, 1, 2, 3]


def test_a_selection_of_a_selection_keeps_to_it() -> None:
    few = FLOWS[1:3]
    assert of(few.df) == [1, 2]
    assert of(FLOWS.df.iloc[1:2], few) == [1]
    with pytest.raises(KeyError):
        FlowTable.from_frame(FLOWS.df, few)


def test_missing_numbers_of_a_merge_are_passed_over() -> None:
    other = pd.DataFrame({"server_port": [80, 9]})
    merged = FLOWS.df.reset_index().merge(other, how="right", on="server_port")
    assert merged["flow"].isna().any()
    assert of(merged, FLOWS) == [0, 3]


def test_several_captures_in_one_frame() -> None:
    again = made()
    tables = {"monday": FLOWS, "tuesday": again}
    every = pd.concat({name: table.df for name, table in tables.items()}, names=["capture"])
    chosen = every[every["server_port"].isin([22, 443])].iloc[:3]
    found = FlowTable.from_frame(chosen, tables)
    assert {name: table.df.index.tolist() for name, table in found.items()} == {
        "monday": [1, 2],
        "tuesday": [1],
    }
    assert found["tuesday"][0] == again[1]
    assert list(FlowTable.from_frame(every.loc[["tuesday"]], tables)) == ["tuesday"]
    with pytest.raises(ValueError, match="no longer says whose"):
        FlowTable.from_frame(every)
    with pytest.raises(ValueError, match="names them in its index"):
        FlowTable.from_frame(FLOWS.df, tables)
    with pytest.raises(KeyError, match="day"):
        FlowTable.from_frame(every, {"sunday": FLOWS})


def test_frames_that_name_no_flows() -> None:
    with pytest.raises(ValueError, match="no flow numbers"):
        FlowTable.from_frame(FLOWS.df.reset_index(drop=True))
    with pytest.raises(ValueError, match="holds no flow numbers"):
        FlowTable.from_frame(pd.DataFrame({"flow": ["a"]}), FLOWS)
    with pytest.raises(TypeError, match="from_frame"):
        FLOWS[FLOWS.df]


def test_a_frame_outlives_its_flows() -> None:
    frame = made().df
    assert frame.attrs["evidence"]
    import gc

    gc.collect()
    with pytest.raises(ValueError, match="from_frame\\(frame, flows\\)"):
        FlowTable.from_frame(frame)


def test_attrs_say_where_every_table_came_from() -> None:
    for table in (FLOWS.df, FLOWS.packets, FLOWS.gaps, FLOWS.conflicts, FLOWS.search(b"first")):
        assert table.attrs["source"] == FLOWS.capture.paths
        assert table.attrs["evidence"] == FLOWS.df.attrs["evidence"]


@given(
    st.lists(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str), max_size=20),
    st.one_of(
        st.tuples(st.ip_addresses(v=4), st.integers(0, 32)),
        st.tuples(st.ip_addresses(v=6), st.integers(0, 128)),
    ),
)
@FEW
def test_networks_hold_what_ipaddress_says(texts: list[str], pair: tuple[object, int]) -> None:
    network = ip_network("{}/{}".format(*pair), strict=False)
    texts += [str(network.network_address), str(network.broadcast_address)]
    assert _inside(texts, network).tolist() == [ip_address(text) in network for text in texts]
