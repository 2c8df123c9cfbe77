from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.layers import Items, Switch
from tcpflow_scapy.decode.reasons import Reason


def items(n: int) -> Items:
    column = np.arange(n)
    codes = column.astype(np.uint64)
    return Items(column, column + 10, column + 20, column + 30, column.astype(np.int32), codes, codes)


def test_pick_by_index_and_by_mask() -> None:
    assert items(5).pick(np.array([4, 1])).cursor.tolist() == [14, 11]
    assert items(3).pick(np.array([True, False, True])).unit.tolist() == [0, 2]


def test_limit_only_ever_shortens() -> None:
    some = items(2)
    some.limit(np.array([15, 99]))
    assert (some.wire.tolist(), some.end.tolist()) == ([15, 31], [15, 21])


def test_join_keeps_the_order_of_parts() -> None:
    assert Items.join([items(2), items(1)]).unit.tolist() == [0, 1, 0]


def test_a_switch_groups_by_target() -> None:
    switch = Switch({1: Reason.ARP, 2: Reason.UDP, 3: Reason.ARP}, Reason.OTHER_IP, 8)
    found = {
        target: index.tolist() for target, index in switch.groups(np.array([3, 7, 2, 1])) if index is not None
    }
    assert found == {Reason.ARP: [0, 3], Reason.OTHER_IP: [1], Reason.UDP: [2]}
    assert list(switch.groups(np.array([1, 3]))) == [(Reason.ARP, None)]
    assert list(switch.groups(np.array([], np.int64))) == []
