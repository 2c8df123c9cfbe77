from __future__ import annotations

import numpy as np

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.fragments.chains import Chains, usable
from tcpflow_scapy.decode.fragments.grouping import line_up
from tcpflow_scapy.decode.fragments.plan import Plan

from .test_grouping import first, last, table


def plan(*rows: dict[str, int], whole_only: bool = False) -> Plan:
    store = Store()
    store.add(bytes(100), "test")
    fragments = table(*rows)
    lineup = line_up(fragments, np.arange(len(rows)), np.zeros(len(rows), np.int64))
    return Chains(store, "first").plan(fragments, lineup, whole_only=whole_only)


def test_usable_fragments() -> None:
    fragments = table(
        first(wire_length=13),
        first(wire_length=5),
        last(wire_length=5),
        last(wire_length=0),
        last(offset=65_528, wire_length=7),
        last(offset=65_528, wire_length=8),
    )
    assert usable(fragments).tolist() == [True, False, True, False, True, False]
    assert fragments["wire_length"].tolist()[:2] == [8, 0]


def test_datagrams_one_after_the_other() -> None:
    found = plan(first(), last(), first(identification=9), last(identification=9))
    assert found.complete.tolist() == [True, True]
    assert found.wire_length.tolist() == [12, 12]
    assert np.diff(found.bounds()).tolist() == [2, 2]


def test_a_hole_ends_the_chain() -> None:
    found = plan(first(), last(offset=16))
    assert (found.fragment.tolist(), found.wire_length.tolist()) == ([0], [20])
    assert (found.complete.tolist(), found.missing.tolist()) == ([False], [True])
    assert len(plan(first(), last(offset=16), whole_only=True)) == 0


def test_a_cut_fragment_ends_the_chain_but_nothing_is_missing() -> None:
    found = plan(first(length=5), last())
    assert (found.length.tolist(), found.missing.tolist(), found.complete.tolist()) == ([5], [False], [False])


def test_copies_belong_to_the_datagram() -> None:
    found = plan(first(), first(), last())
    assert found.complete.tolist() == [True]
    assert sorted(found.used().tolist()) == [0, 1, 2]


def test_copies_of_what_is_not_used_are_not_used() -> None:
    found = plan(first(), last(), last(identification=9), last(identification=9))
    assert sorted(found.used().tolist()) == [0, 1]


def test_no_beginning_no_datagram() -> None:
    assert len(plan(last())) == 0
