from __future__ import annotations

import numpy as np
import pytest

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.fragments import tangles
from tcpflow_scapy.decode.fragments.grouping import line_up
from tcpflow_scapy.decode.fragments.knot import MAX_VERSIONS
from tcpflow_scapy.decode.fragments.plan import Plan
from tcpflow_scapy.decode.fragments.tangles import Tangles

from .test_grouping import table


def plan(*pieces: tuple[int, bytes, bool], policy: str = "first", tool: Tangles | None = None) -> Plan:
    """Of fragments (offset, data, more) of one datagram, in order of arrival."""
    rows, data = [], b""
    for offset, octets, more in pieces:
        rows.append({"offset": offset, "wire_length": len(octets), "more": more, "address": len(data)})
        data += octets
    store = Store()
    store.add(data, "test")
    fragments = table(*rows)
    lineup = line_up(fragments, np.arange(len(rows)), np.zeros(len(rows), np.int64))
    return (tool or Tangles(store, policy)).plan(fragments, lineup)


def versions(plan: Plan) -> list[list[tuple[int, int, bool]]]:
    """(fragment, skip, delivered) of the versions of each disputed range."""
    found = plan.conflicts
    rows = list(zip(found.fragment.tolist(), found.skip.tolist(), found.delivered.tolist(), strict=True))
    return [
        [row for row, n in zip(rows, found.number, strict=True) if n == number]
        for number in set(found.number)
    ]


def test_pieces_and_what_is_left_over() -> None:
    found = plan((0, b"a" * 16, True), (8, b"b" * 16, False), (8, b"c" * 8, True))
    assert list(zip(found.fragment.tolist(), found.skip.tolist(), found.length.tolist(), strict=True)) == [
        (0, 0, 8),
        (0, 8, 8),
        (1, 8, 8),
    ]
    assert (found.complete.tolist(), found.copies.tolist()) == ([True], [2])
    conflicts = found.conflicts
    assert (set(conflicts.offset.tolist()), set(conflicts.length.tolist())) == ({8}, {8})
    assert versions(found) == [[(0, 8, True), (1, 0, False), (2, 0, False)]]


def test_a_hole_and_an_unknown_end() -> None:
    found = plan((0, b"a" * 16, True), (8, b"a" * 8, True))
    assert (found.complete.tolist(), found.missing.tolist(), found.wire_length.tolist()) == (
        [False],
        [True],
        [16],
    )
    assert len(plan((8, b"a" * 16, True), (16, b"a" * 8, True))) == 0


def test_the_budget_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tangles, "SHARE", 0)
    monkeypatch.setattr(tangles, "BUDGET", 2 * (tangles.COST + 4))
    tool = Tangles(Store(), "first")
    tool._store.add(bytes(100), "test")
    pieces = ((0, b"a" * 16, True), (8, b"b" * 16, False))
    assert [len(plan(*pieces, tool=tool)) for _ in range(4)] == [1, 1, 0, 0]


def test_only_so_many_fragments_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tangles, "MAX_FRAGMENTS", 2)
    found = plan((0, b"a" * 8, True), (0, b"b" * 16, True), (16, b"c" * 8, False))
    assert (found.complete.tolist(), sorted(found.used().tolist())) == ([False], [0, 1])


def test_so_many_versions_are_told_apart() -> None:
    pieces = [(0, bytes([i]) * 8, True) for i in range(20)]
    assert [len(found) for found in versions(plan(*pieces))] == [MAX_VERSIONS]
