from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import StateTable
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.packets import AddressBook
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import MAX_DEPTH, Context, Run
from tcpflow_scapy.decode.tables import switches


def start(octets: bytes, cursors: list[int], end: int) -> tuple[Run, Items]:
    context = Context(switches(), StateTable(), AddressBook())
    n = len(cursors)
    run = Run(np.frombuffer(octets, np.uint8), 1000, np.full(n, Reason.MALFORMED, np.uint8), context)
    codes = np.zeros(n, np.uint64)
    ends = np.full(n, end)
    return run, Items(np.arange(n), np.array(cursors), ends, ends, np.zeros(n, np.int32), codes, codes)


HEADER = np.dtype([("a", ">u2"), ("b", "u1")])


def test_headers_are_read_at_any_place() -> None:
    run, items = start(bytes(range(16)), [0, 1, 5], 16)
    _, header = run.take(items, HEADER)
    assert header["a"].tolist() == [0x0001, 0x0102, 0x0506]
    assert header["b"].tolist() == [2, 3, 7]
    assert run.address(items).tolist() == [1000, 1001, 1005]


def test_take_drops_what_ends_inside_the_header() -> None:
    run, items = start(bytes(32), [0, 7, 8, 9], 10)
    kept, _ = run.take(items, HEADER, Reason.TRUNCATED_IP)
    assert kept.unit.tolist() == [0, 1]
    assert run.reason.tolist() == [Reason.MALFORMED] * 2 + [Reason.TRUNCATED_IP] * 2


def test_keep_sorts_columns_with_the_items() -> None:
    run, items = start(bytes(32), [0, 1, 2], 10)
    kept, column = run.keep(items, np.array([True, False, True]), Reason.ARP, np.array([7, 8, 9]))
    assert (kept.unit.tolist(), column.tolist(), run.reason[1]) == ([0, 2], [7, 9], Reason.ARP)


def test_layers_that_never_end_are_stopped() -> None:
    run, items = start(bytes(32), [0, 1], 10)
    rounds = []

    def again(run: Run, items: Items) -> None:
        rounds.append(len(items))
        run.forward(again, items)

    run.forward(again, items)
    run.go()
    assert rounds == [2] * MAX_DEPTH
    assert run.reason.tolist() == [Reason.TOO_DEEP] * 2


def test_layers_that_multiply_are_stopped() -> None:
    run, items = start(bytes(32), [0, 1], 10)
    seen = []

    def twice(run: Run, items: Items) -> None:
        seen.append(len(items))
        run.forward(twice, items)
        run.forward(twice, items)

    run.forward(twice, items)
    run.go()
    assert sum(seen) < 5000
    assert run.reason.tolist() == [Reason.TOO_DEEP] * 2
