"""Sequences by column, beside tuples in a dictionary."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.decode.sequences import EMPTY, NO_VALUE, Sequences, part_text

NAMES = ["", "vlan", "gre"]
PARTS = st.tuples(st.integers(0, 2), st.sampled_from([NO_VALUE, 0, 1, 7, 0xFFFFFFFF]))


@given(st.lists(st.tuples(PARTS, st.lists(st.integers(0, 30), min_size=1, max_size=5)), max_size=12))
def test_equal_sequences_have_one_number_and_others_another(
    steps: list[tuple[tuple[int, int], list[int]]],
) -> None:
    sequences = Sequences()
    model: list[tuple[tuple[int, int], ...]] = [()]
    for (kind, value), places in steps:
        before = np.array([place % len(model) for place in places], np.int32)
        found = sequences.extended(before, kind, np.full(len(before), value, np.int64))
        wanted = [(*model[number], (kind, value)) for number in before.tolist()]
        for number, parts in zip(found.tolist(), wanted, strict=True):
            if parts not in model:
                assert len(model) <= number
        model += sorted({parts for parts in wanted if parts not in model}, key=wanted.index)
        model = sorted(model, key=lambda parts: number_of(sequences, parts))
        assert [model[number] for number in found.tolist()] == wanted
    assert len(sequences) == len(model)
    assert [tuple(sequences.parts(number)) for number in range(len(sequences))] == model
    assert sequences.texts(NAMES, "/") == [
        "/".join(part_text(NAMES[kind], value) for kind, value in parts) for parts in model
    ]


def number_of(sequences: Sequences, parts: tuple[tuple[int, int], ...]) -> int:
    return next(n for n in range(len(sequences)) if tuple(sequences.parts(n)) == parts)


def test_values_differ_from_row_to_row() -> None:
    sequences = Sequences()
    before = np.zeros(5, np.int32)
    found = sequences.extended(before, 1, np.array([9, 3, 9, NO_VALUE, 0]))
    assert found[0] == found[2]
    assert len(set(found.tolist())) == 4
    assert [sequences.parts(number) for number in found.tolist()] == [
        [(1, 9)],
        [(1, 3)],
        [(1, 9)],
        [(1, NO_VALUE)],
        [(1, 0)],
    ]


def test_nothing_extended_is_nothing() -> None:
    sequences = Sequences()
    assert sequences.extended(np.empty(0, np.int32), 0).tolist() == []
    assert len(sequences) == 1
    assert sequences.parts(EMPTY) == []


def test_those_that_were_appended_keep_their_place_among_others() -> None:
    sequences = Sequences()
    first = sequences.append(np.zeros(3, np.int32), 1, np.array([4, 5, 6]))
    longer = sequences.extended(first, 2)
    assert [sequences.parts(number)[0][1] for number in longer.tolist()] == [4, 5, 6]
