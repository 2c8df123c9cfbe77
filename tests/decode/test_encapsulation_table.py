"""Encapsulations by column, and what is asked of all of them."""

from __future__ import annotations

import numpy as np
import pytest

from tcpflow_scapy.decode.encapsulation import Label, StateTable
from tcpflow_scapy.decode.encapsulation_table import EncapsulationTable

ETH = Label("eth", ethernet=True)
SLL = Label("sll", ethernet=True)
IP = Label("ip")
GRE = Label("gre", key="name")
VLAN = Label("vlan", key="value", vlan=True)


def table_of(*packets: tuple[tuple[Label, int | None], ...]) -> EncapsulationTable:
    states = StateTable()
    for layers in packets:
        state = np.zeros(1, np.int32)
        for label, value in layers:
            state = states.extend(state, label, None if value is None else np.array([value]))
        states.resolve(state)
    return states.table


PACKETS = (
    ((ETH, None), (IP, None)),
    ((ETH, None), (VLAN, 5), (IP, None)),
    ((ETH, None), (VLAN, 5), (IP, None), (GRE, None), (IP, None)),
    # Link layers are not in the key.
    ((SLL, None), (VLAN, 5), (IP, None)),
    ((ETH, None), (VLAN, 7), (VLAN, 5), (IP, None)),
)


@pytest.mark.parametrize(("ignore", "alike"), [(False, [[1, 3]]), (True, [[0, 1, 3, 4]])])
def test_keys(ignore: bool, alike: list[list[int]]) -> None:
    numbers = table_of(*PACKETS).key_numbers(ignore_vlan=ignore).tolist()
    groups = [[n for n, key in enumerate(numbers) if key == one] for one in sorted(set(numbers))]
    assert sorted(group for group in groups if len(group) > 1) == alike
    assert min(numbers) == 0


def test_rows_are_in_order_of_first_sight_and_what_the_texts_say() -> None:
    table = table_of(*PACKETS, *PACKETS)
    assert [str(row) for row in table.rows] == table.path_texts()
    assert table.path_texts() == [
        "eth/ip",
        "eth/vlan:5/ip",
        "eth/vlan:5/ip/gre/ip",
        "sll/vlan:5/ip",
        "eth/vlan:7/vlan:5/ip",
    ]
    assert table.vlan_texts() == ["", "5", "5", "5", "7.5"]
    assert table.vlan_texts() == [".".join(map(str, row.vlan)) for row in table.rows]
    assert table.outer_vlans() == [None, 5, 5, 5, 7]


def test_rows_are_a_sequence() -> None:
    rows = table_of(*PACKETS).rows
    assert len(rows) == 5
    assert rows[-1] == rows[4] == rows[3:][1]
    with pytest.raises(IndexError):
        rows[5]


def test_many_at_once_are_numbered_as_one_by_one() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(1, 300, 1000)
    states = StateTable()
    tagged = states.extend(states.extend(np.zeros(1000, np.int32), ETH), VLAN, values)
    tagged = states.extend(tagged, VLAN, values[::-1])
    found = states.resolve(states.extend(tagged, IP))
    rows = [states.table.rows[number] for number in found.tolist()]
    pairs = list(zip(values.tolist(), values[::-1].tolist(), strict=True))
    assert [row.vlan for row in rows] == pairs
    assert [row.path for row in rows] == [("eth", f"vlan:{a}", f"vlan:{b}", "ip") for a, b in pairs]
    assert len(states.table) == len(set(pairs))
