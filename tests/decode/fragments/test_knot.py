from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.fragments.knot import apply, apply_to_one, untie
from tcpflow_scapy.decode.fragments.plan import Plan
from tcpflow_scapy.decode.fragments.policy import DISCARD, POLICIES

rows = st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 2), st.booleans()).map(
    lambda row: (8 * row[0], 8 * row[1], 8 * (row[1] + row[2]), row[3])
)
policies = st.sampled_from([name for name in POLICIES if name != DISCARD])


def disputes(plan: Plan) -> dict[int, list[list[tuple[int, ...]]]]:
    """For each datagram its disputed ranges, each as a list of versions."""
    found: dict[int, dict[int, list[tuple[int, ...]]]] = {}
    versions = plan.conflicts
    columns = (versions.offset, versions.length, versions.fragment, versions.skip, versions.delivered)
    for number, datagram, *version in zip(
        versions.number.tolist(), versions.datagram.tolist(), *(c.tolist() for c in columns), strict=True
    ):
        found.setdefault(datagram, {}).setdefault(number, []).append(tuple(version))
    return {datagram: sorted(ranges.values()) for datagram, ranges in found.items()}


@given(st.lists(rows, min_size=1, max_size=6), policies, st.integers(0, 1 << 32))
def test_by_column_as_one_by_one(shape: list[tuple[int, int, int, bool]], policy: str, seed: int) -> None:
    knot = untie(shape, policy)
    if knot is None:
        return
    rng = np.random.default_rng(seed)
    count, size = 9, len(shape)
    store = Store()
    # Few values: fragments often agree with each other, or nearly.
    store.add((rng.random(64 * count * size) < 0.1).tobytes(), "test")
    fragment = np.arange(count * size).reshape(count, size)
    many = apply(knot, store, fragment, fragment * 64)
    single = Plan.join([apply_to_one(knot, store, row.tolist(), (row * 64).tolist()) for row in fragment])
    for name in (
        "first",
        "wire_length",
        "complete",
        "missing",
        "fragment",
        "skip",
        "length",
        "copies",
        "copy_of",
    ):
        assert getattr(many, name).tolist() == getattr(single, name).tolist()
    assert disputes(many) == disputes(single)


def test_nothing_without_a_beginning() -> None:
    assert untie([(8, 8, 8, True)], "first") is None
    assert untie([(0, 0, 8, True)], "first") is None


@pytest.mark.parametrize(
    ("shape", "complete", "missing", "length"),
    [
        ([(0, 16, 16, True), (8, 16, 16, False)], True, False, 24),
        ([(0, 16, 16, True), (24, 8, 8, False)], False, True, 16),
        ([(0, 16, 16, True), (8, 10, 16, False)], False, False, 18),
        ([(0, 16, 16, True), (8, 16, 16, True)], False, True, 24),
        ([(0, 16, 16, True), (0, 8, 8, False)], True, False, 8),
        ([(0, 16, 16, False), (8, 16, 16, False)], True, False, 24),
    ],
)
def test_what_is_there_and_what_is_missing(
    shape: list[tuple[int, int, int, bool]], complete: bool, missing: bool, length: int
) -> None:
    knot = untie(shape, "first")
    assert knot is not None
    assert (knot.complete, knot.missing, sum(knot.lengths())) == (complete, missing, length)
