from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.decode.encapsulation import Label, StateTable

ETH = Label("eth", ethernet=True)
IP = Label("ip")
VLAN = Label("vlan", key="value", vlan=True)
MPLS = Label("mpls")
GTP = Label("gtp", key="name")
SECRET = Label("ipip", key="name", hidden=True)


def build(table: StateTable, *layers: tuple[Label, int | None]) -> int:
    states = np.zeros(1, np.int32)
    for label, value in layers:
        states = table.extend(states, label, None if value is None else np.array([value]))
    return int(states[0])


def test_path_key_and_vlan() -> None:
    table = StateTable()
    state = build(table, (ETH, None), (VLAN, 5), (VLAN, 42), (MPLS, 100), (IP, None), (GTP, 7), (IP, None))
    found = table.encapsulation(state)
    assert str(found) == "eth/vlan:5/vlan:42/mpls:100/ip/gtp:7/ip"
    assert found.key == ("vlan:5", "vlan:42", "gtp")
    assert found.vlan == (5, 42)


def test_vlan_is_that_of_the_innermost_ethernet() -> None:
    table = StateTable()
    found = table.encapsulation(build(table, (ETH, None), (VLAN, 5), (IP, None), (ETH, None), (IP, None)))
    assert found.vlan == ()
    assert found.key == ("vlan:5",)


def test_priority_tags_are_no_vlan_for_the_key() -> None:
    table = StateTable()
    found = table.encapsulation(build(table, (ETH, None), (VLAN, 0), (IP, None)))
    assert found.key == ()
    assert found.path == ("eth", "vlan:0", "ip")


def test_a_hidden_label_is_in_the_key_only() -> None:
    table = StateTable()
    found = table.encapsulation(build(table, (IP, None), (SECRET, None), (IP, None)))
    assert (found.path, found.key) == (("ip", "ip"), ("ipip",))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 0xFFFFFFFF)), min_size=1, max_size=30))
def test_columns_and_single_values_make_the_same_states(pairs: list[tuple[int, int]]) -> None:
    table = StateTable()
    roots = np.array([build(table, *[(ETH, None)] * n) for n in range(4)], np.int32)
    states = roots[[root for root, _ in pairs]]
    extended = table.extend(states, VLAN, np.array([value for _, value in pairs], np.int64))
    for state, (root, value) in zip(extended.tolist(), pairs, strict=True):
        assert table.encapsulation(state).path == ("eth",) * root + (f"vlan:{value}",)
    assert len(set(extended.tolist())) == len(set(pairs))


def test_resolve_and_keys_number_what_is_alike() -> None:
    table = StateTable()
    one = build(table, (ETH, None), (MPLS, 1), (IP, None))
    two = build(table, (ETH, None), (MPLS, 2), (IP, None))
    states = np.array([one, two, one], np.int32)
    assert len(set(table.resolve(states).tolist())) == 2
    assert len(set(table.keys(states).tolist())) == 1
