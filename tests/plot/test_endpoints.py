"""Endpoints: pairs add up, the largest are named, the rest is one."""

from __future__ import annotations

import numpy as np
import pytest

from tcpflow_scapy.plot.scene import Grid
from tests.helpers.answers import flows_of
from tests.helpers.traffic import Conversation, play
from tests.plot.talks import axes, several, texts

FLOWS = several(20)


def grid(**options: object) -> Grid:
    (mark,) = FLOWS.plot.endpoints.scene(**options).marks
    assert isinstance(mark, Grid)
    return mark


def test_pairs_add_up() -> None:
    data = FLOWS.plot.endpoints.data()
    assert len(data) == 20
    assert data["bytes"].sum() == FLOWS.df["bytes"].sum()
    assert data["flows"].sum() == 20
    assert data["bytes"].is_monotonic_decreasing
    by_port = FLOWS.plot.endpoints.data(ports=True)
    assert by_port["bytes"].sum() == FLOWS.df["bytes"].sum()
    assert set(by_port["server_port"]) == {80, 443, 5000}


def test_the_rest_is_one_row() -> None:
    assert grid().values.shape == (13, 2)
    assert grid().values.sum() == FLOWS.df["bytes"].sum()
    assert grid(most=2, ports=True).values.shape == (3, 3)
    assert grid(most=2, ports=True).values.sum() == FLOWS.df["bytes"].sum()
    shown = texts(FLOWS.plot.endpoints(ax=axes()))
    assert "8 other clients" in shown
    assert "192.168.0.1" in shown


def test_one_more_than_asked_for_is_named_not_summed_up() -> None:
    labels = [text for _, text in FLOWS.plot.endpoints.scene(most=19).y.ticks]
    assert len(labels) == 20
    assert not any("other" in label for label in labels)


def test_ports_of_ipv6_servers_are_readable() -> None:
    flows = flows_of(play("> SYN\n> 'x'", Conversation("[fd00::1]:1000", "[fd00::2]:80")))
    scene = flows.plot.endpoints.scene(ports=True)
    assert scene.x.ticks == ((0.0, "[fd00::2]:80 http"),)


def test_a_meeting_without_payload_is_seen() -> None:
    flows = flows_of(play("> SYN\n< SYN ACK"))
    (mark,) = flows.plot.endpoints.scene().marks
    assert isinstance(mark, Grid)
    assert np.array_equal(mark.values, [[1.0]])
    assert mark.texts == [["0 B\n1 flow"]]


def test_none_is_too_few() -> None:
    with pytest.raises(ValueError, match="most"):
        FLOWS.plot.endpoints(most=0)
