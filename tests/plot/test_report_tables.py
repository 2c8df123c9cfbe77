"""The numbers of the report add up to the capture."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.answers import flows_of
from tests.helpers.traffic import Capture, Conversation, RawFrame
from tests.plot.talks import damaged, nothing, several

NOISE = RawFrame(b"\xff" * 12 + b"\x08\x06" + b"\0" * 46)
FLOWS = several(6)
TABLES = FLOWS.report_tables()


def test_names() -> None:
    names = ["facts", "traffic", "addresses", "ports", "sizes", "missing", "incomplete", "unused", "problems"]
    assert list(TABLES) == names


def test_every_byte_on_the_wire_is_in_each_table() -> None:
    wire = int(FLOWS._evidence.frames.wirelen.sum())
    assert TABLES["traffic"].to_numpy().sum() == wire
    assert TABLES["ports"]["bytes"].sum() == wire
    assert TABLES["addresses"]["sent_bytes"].sum() == wire
    assert TABLES["addresses"]["received_bytes"].sum() == wire
    sizes = TABLES["sizes"]
    assert sizes["client"].sum() + sizes["server"].sum() == FLOWS.capture.frames


def test_addresses_by_hand() -> None:
    data = TABLES["addresses"].set_index("address")
    assert data.loc["192.168.0.0", "flows"] == 3
    assert data.loc["10.0.0.3", "flows"] == 1
    packets = FLOWS.packets
    wire = FLOWS._evidence.frames.wirelen[packets["frame"].to_numpy() - 1].astype(np.int64)
    mine = ((packets["flow"] == 3) & (packets["direction"] == "client")).to_numpy()
    assert data.loc["10.0.0.3", "sent_bytes"] == wire[mine].sum()
    assert data.loc["10.0.0.3", "received_bytes"] == wire[((packets["flow"] == 3) & ~mine).to_numpy()].sum()
    assert TABLES["addresses"]["bytes"].is_monotonic_decreasing


def test_an_address_that_talks_to_itself_counts_twice_but_is_one_flow() -> None:
    c = Conversation("127.0.0.1:1000", "127.0.0.1:80")
    c.handshake()
    flows = flows_of(c)
    data = flows.report_tables()["addresses"]
    wire = int(flows._evidence.frames.wirelen.sum())
    assert data[["sent_bytes", "received_bytes", "flows"]].to_numpy().tolist() == [[wire, wire, 1]]


def test_missing_bytes_by_cause() -> None:
    flows = flows_of(damaged())
    tables = flows.report_tables()
    data = tables["missing"].set_index("cause")
    assert data.loc["not_captured"].tolist() == [1, 100, 1]
    assert data.drop("not_captured").to_numpy().sum() == 0
    assert TABLES["missing"]["bytes"].sum() == FLOWS.df["missing_bytes"].sum()
    assert TABLES["missing"]["gaps"].sum() == FLOWS.df["gaps"].sum()
    assert tables["incomplete"][["missing_bytes", "conflicts"]].to_numpy().tolist() == [[100, 1]]


def test_unused_frames_by_reason() -> None:
    flows = flows_of(Capture(damaged(), NOISE, NOISE))
    tables = flows.report_tables()
    assert tables["unused"].to_numpy().tolist() == [["arp", 2, 120]]
    assert tables["unused"]["frames"].sum() == sum(flows.capture.unused.values())
    assert tables["traffic"]["other frames"].sum() == 120
    assert "other frames" not in flows[[0]].report_tables()["traffic"]


def test_facts() -> None:
    facts = dict(zip(TABLES["facts"]["fact"], TABLES["facts"]["value"], strict=True))
    assert facts["flows"] == "6"
    assert facts["segments"] == str(FLOWS.capture.frames)
    assert facts["missing"].startswith(f"{FLOWS.df['missing_bytes'].sum()} B (")
    assert facts["time"].endswith("ms")
    assert "SHA-256" not in facts
    some = dict(FLOWS[:2].report_tables()["facts"].itertuples(index=False, name=None))
    assert some["flows"] == "2 of 6"
    hashed = dict(FLOWS.report_tables(sha256=True)["facts"].itertuples(index=False, name=None))
    assert hashed["SHA-256"] == FLOWS.capture.sha256


@pytest.mark.parametrize(
    "flows", [nothing(), flows_of(RawFrame(b"\0" * 60)), flows_of(Capture(damaged()).without_times())]
)
def test_nothing_and_no_clock(flows: object) -> None:
    tables = flows.report_tables()  # type: ignore[attr-defined]
    assert len(tables["facts"])
    assert list(tables["missing"]["cause"])
