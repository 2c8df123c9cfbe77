"""Pieces to extents, against a slow map of bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.reassembly import assembler
from tcpflow_scapy.reassembly.assembler import DUPLICATE, NEW, PARTIAL, Assembly, Pieces, assemble
from tests.helpers.examples import FEW

from .test_overlap import NOVAK, RESULTS, pieces

STREAM = 100
"""Each stream has its own part of the axis: no piece crosses a multiple of this."""


@dataclass
class Made:
    """Pieces and what became of them."""

    parts: list[tuple[int, bytes]]
    found: Assembly
    store: Store
    numbers: list[int]
    """index in `parts` of each piece as it was given"""

    def bytes(self) -> dict[int, int]:
        out: dict[int, int] = {}
        columns = (self.found.start, self.found.length, self.found.address)
        for start, n, address in zip(*(c.tolist() for c in columns), strict=True):
            for i, value in enumerate(self.store.read(address, n), start):
                assert i not in out, "extents overlap"
                out[i] = value
        return out

    def conflicts(self) -> list[tuple[int, int, int, int]]:
        """start, length, contradicting piece, delivered piece."""
        f = self.found
        columns = (f.conflict_start, f.conflict_length, f.conflict_row, f.conflict_winner)
        return list(zip(*(c.tolist() for c in columns), strict=True))

    def said(self) -> list[int]:
        """What the assembler called each part."""
        out = [0] * len(self.parts)
        for number, word in zip(self.numbers, self.found.duplicate.tolist(), strict=True):
            out[number] = word
        return out

    def fresh(self) -> list[int]:
        out = [0] * len(self.parts)
        for number, count in zip(self.numbers, self.found.fresh.tolist(), strict=True):
            out[number] = count
        return out


def made(
    parts: list[tuple[int, bytes]], policy: str = "first", weak: tuple[int, ...] = (), buffers: int = 1
) -> Made:
    """Assemble parts that arrived in this order; they are given by stream and arrival, as the stage does."""
    store = Store()
    memory = [bytearray(b"#" * 5) for _ in range(buffers)]
    places = []
    for number, (_, data) in enumerate(parts):
        places.append((number % buffers, len(memory[number % buffers])))
        memory[number % buffers] += data + b"#"
    bases = [store.add(bytes(m), "test") for m in memory]
    numbers = sorted(range(len(parts)), key=lambda i: parts[i][0] // STREAM)
    columns = [
        [parts[i][0] for i in numbers],
        [len(parts[i][1]) for i in numbers],
        [bases[places[i][0]] + places[i][1] for i in numbers],
        numbers,
    ]
    pieces = Pieces(
        *(np.array(c, np.int64) for c in columns), weak=np.array([i in weak for i in numbers], bool)
    )
    return Made(parts, assemble(pieces, policy, store), store, numbers)


def text(m: Made) -> str:
    found = m.bytes()
    return "".join(chr(found.get(i, 46)) for i in range(max(found, default=-1) + 1))


def test_pieces_in_order() -> None:
    m = made([(0, b"abc"), (3, b"def"), (6, b"g")])
    assert text(m) == "abcdefg"
    assert m.said() == [NEW] * 3
    assert m.conflicts() == []


def test_pieces_out_of_order_and_a_gap() -> None:
    m = made([(6, b"g"), (0, b"abc")])
    assert text(m) == "abc...g"
    assert m.found.start.tolist() == [0, 6]


def test_exact_duplicates() -> None:
    m = made([(0, b"abc"), (3, b"def"), (0, b"abc"), (0, b"abc")])
    assert text(m) == "abcdef"
    assert m.said() == [NEW, NEW, DUPLICATE, DUPLICATE]
    assert m.fresh() == [3, 3, 0, 0]
    assert m.found.row.tolist() == [0, 1]


@pytest.mark.parametrize("size", [3, 64, 65, 5000])
def test_duplicates_that_disagree(size: int) -> None:
    """Short pieces are compared by column, long ones slice by slice."""
    one, two = b"a" * size, b"a" + b"b" * (size - 2) + b"a"
    m = made([(0, one), (0, two), (0, one)])
    assert m.conflicts() == [(1, size - 2, 1, 0)]
    m = made([(0, one), (0, two), (0, one)], "last")
    assert bytes(m.bytes().values()) == one
    assert m.conflicts() == [(1, size - 2, 1, 2)]


def test_every_version_is_kept() -> None:
    m = made([(0, b"aaaa"), (0, b"abba"), (0, b"acca"), (0, b"abba")])
    assert m.conflicts() == [(1, 2, 1, 0), (1, 2, 2, 0), (1, 2, 3, 0)]


def test_runs_of_differing_bytes_are_separate_conflicts() -> None:
    m = made([(10, b"abcdefgh"), (10, b"aBCdeFgH")])
    assert m.conflicts() == [(11, 2, 1, 0), (15, 1, 1, 0), (17, 1, 1, 0)]


def test_a_conflict_with_several_pieces_is_one_run_and_names_the_first() -> None:
    m = made([(0, b"aaaa"), (2, b"bbbb"), (0, b"cc")], "last")
    assert text(m) == "ccbbbb"
    assert m.conflicts() == [(0, 4, 0, 2)]


def test_partial_overlap() -> None:
    m = made([(0, b"abcd"), (2, b"cdef"), (5, b"fgh")])
    assert text(m) == "abcdefgh"
    assert m.said() == [NEW, PARTIAL, PARTIAL]
    assert m.fresh() == [4, 2, 2]
    assert m.conflicts() == []


def test_a_piece_that_spans_a_gap_and_its_edges() -> None:
    m = made([(0, b"ab"), (4, b"ef"), (1, b"XcdY")])
    assert text(m) == "abcdef"
    assert m.said()[2] == PARTIAL
    assert m.conflicts() == [(1, 1, 2, 0), (4, 1, 2, 1)]


def test_a_piece_covered_by_two() -> None:
    m = made([(0, b"abc"), (3, b"def"), (1, b"bcde")])
    assert m.said() == [NEW, NEW, DUPLICATE]


@pytest.mark.parametrize("policy", ["first", "last", "bsd", "linux", "old-linux", "solaris"])
def test_a_weak_byte_never_wins(policy: str) -> None:
    """A keep-alive holds its byte only as long as nobody else has it."""
    assert text(made([(0, b"hello"), (4, b"?")], policy, weak=(1,))) == "hello"
    assert text(made([(4, b"?"), (4, b"o"), (0, b"hell")], policy, weak=(0,))) == "hello"
    assert text(made([(4, b"?"), (3, b"lo"), (0, b"hel")], policy, weak=(0,))) == "hello"
    assert text(made([(0, b"o"), (0, b"?"), (0, b"!")], policy, weak=(1, 2))) == "o"
    assert text(made([(0, b"hell"), (4, b"?")], policy, weak=(1,))) == "hell?"


def test_a_weak_byte_that_disagrees_is_a_conflict() -> None:
    for policy in ("first", "last"):
        assert made([(0, b"hello"), (4, b"?")], policy, weak=(1,)).conflicts() == [(4, 1, 1, 0)]


def test_streams_do_not_touch() -> None:
    """Neighbours on the axis, given in turns: nothing joins, nothing overlaps."""
    m = made([(0, b"abc"), (STREAM, b"xyz"), (2, b"cd"), (STREAM + 1, b"yz!")])
    assert m.said() == [NEW, NEW, PARTIAL, PARTIAL]
    found = m.bytes()
    assert bytes(found[i] for i in range(4)) == b"abcd"
    assert bytes(found[STREAM + i] for i in range(4)) == b"xyz!"


def test_nothing() -> None:
    m = made([])
    assert (m.bytes(), m.conflicts(), m.said()) == ({}, [], [])


@pytest.mark.parametrize("policy", RESULTS)
def test_every_policy_by_name(policy: str) -> None:
    m = made([(at, letters.encode()) for at, letters in pieces(NOVAK)], policy)
    assert text(m) == RESULTS[policy]
    # Whoever wins: each byte that anybody contradicts is told.
    versions: dict[int, set[str]] = {}
    for at, letters_ in pieces(NOVAK):
        for i, letter in enumerate(letters_, at):
            versions.setdefault(i, set()).add(letter)
    told = {i for start, n, _, _ in m.conflicts() for i in range(start, start + n)}
    assert told == {i for i, seen in versions.items() if len(seen) > 1}


letters = st.integers(0, 3).map(lambda n: b"abcd"[n : n + 1])
part = st.tuples(
    st.integers(0, 2), st.integers(0, 30), st.lists(letters, min_size=1, max_size=12).map(b"".join)
).map(lambda t: (t[0] * STREAM + t[1], t[2]))


@FEW
@given(st.lists(part, max_size=14), st.integers(1, 2), st.booleans())
def test_first_and_last_against_a_map(parts: list[tuple[int, bytes]], buffers: int, small: bool) -> None:
    """`small`: every piece is a long one, and each is compared in a window of its own."""
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr(assembler, "_SHORT", 2)
            patch.setattr(assembler, "_COMPARE_CHUNK", 2)
            patch.setattr(assembler, "_WINDOW", 8)
        check_against_a_map(parts, buffers)


def check_against_a_map(parts: list[tuple[int, bytes]], buffers: int) -> None:
    versions: dict[int, list[int]] = {}
    fresh = [0] * len(parts)
    for number, (at, data) in enumerate(parts):
        for i, value in enumerate(data, at):
            seen = versions.setdefault(i, [])
            fresh[number] += not seen
            seen.append(value)
    for policy, pick in (("first", 0), ("last", -1)):
        m = made(parts, policy, buffers=buffers)
        assert m.bytes() == {i: seen[pick] for i, seen in versions.items()}
        assert m.fresh() == fresh
        clashing = {i for i, seen in versions.items() if len(set(seen)) > 1}
        ranges = m.conflicts()
        assert {i for start, n, _, _ in ranges for i in range(start, start + n)} == clashing
        said = m.said()
        for number, (_, data) in enumerate(parts):
            wanted = DUPLICATE if not fresh[number] else NEW if fresh[number] == len(data) else PARTIAL
            assert said[number] == wanted
        for start, n, loser, _ in ranges:
            # What is told of the loser is what it said, and it differs from what is delivered.
            at, data = parts[loser]
            told = data[start - at : start - at + n]
            held = m.bytes()
            assert len(told) == n
            assert all(held[start + i] != value for i, value in enumerate(told))


@FEW
@given(st.lists(part, max_size=10))
def test_conflicts_name_every_version(parts: list[tuple[int, bytes]]) -> None:
    m = made(parts)
    told: dict[int, set[int]] = {}
    for start, n, loser, _ in m.conflicts():
        at, data = parts[loser]
        for i in range(start, start + n):
            told.setdefault(i, set()).add(data[i - at])
    versions: dict[int, set[int]] = {}
    for at, data in parts:
        for i, value in enumerate(data, at):
            versions.setdefault(i, set()).add(value)
    held = m.bytes()
    assert told == {i: seen - {held[i]} for i, seen in versions.items() if len(seen) > 1}
