"""Overlap policies against vectors that are not ours, and against the definition, byte by byte.

The long vectors are those of Novak and Sturges ("Target-Based TCP Stream Reassembly"), whose results Suricata
and Snort 3 publish as unit tests.
"""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.reassembly.overlap import POLICIES, RELATIONS, Cells, new_wins, precedence
from tests.cases.answers import FOLDER
from tests.helpers.answers import flows_of
from tests.helpers.examples import FEW
from tests.helpers.traffic import Conversation

NOVAK = """2:AAA 6:BB 8:CCC 12:D 15:EE 17:FFF 20:GG 22:HH 24:I
           3:JJJJ 8:KKK 11:LLL 14:MMM 18:N 21:O 22:P 24:QQ 1:0"""

FIRST = "0AAAJBBCCCLDLMEEFFFGGHHIQ"
LAST = "0AJJJJBKKKLLLMMMFNFGOPHQQ"
BSD = "0AAAJJBCCCLLLMMMFFFGGHHIQ"
LINUX = "0AAAJJBCCCLLLMMMFFFGGHHQQ"
OLD_LINUX = "0AAAJJBKKKLLLMMMFFFGGHHQQ"
SOLARIS = "0AJJJBBKKKLLLMMMFFFGGHHQQ"

RESULTS = {
    "first": FIRST,
    "vista": FIRST,
    "last": LAST,
    "bsd": BSD,
    "macos": BSD,
    "windows": BSD,
    "windows2k3": BSD,
    "hpux10": BSD,
    "irix": BSD,
    "linux": LINUX,
    "old-linux": OLD_LINUX,
    "solaris": SOLARIS,
    "hpux11": SOLARIS,
}

# Who keeps a byte, by how the new piece lies over the old one. Written out once more from the literature:
# the table in the package and this one must have been mistyped alike to agree wrongly.
NEW_WINS = {
    "first": "",
    "last": "Eq S Si D F O Fi Di Oi",
    "bsd": "O Fi Di",
    "linux": "Si O Fi Di",
    "old-linux": "Eq Si O Fi Di",
    "solaris": "Eq Si Fi Di Oi",
}
ALIASES = {"vista": "first", "macos": "bsd", "windows": "bsd", "windows2k3": "bsd", "hpux10": "bsd"} | {
    "irix": "bsd",
    "hpux11": "solaris",
}

# Each relation as a picture: where the old piece lies, where the new one does.
PICTURES = {
    "Eq": ((4, 8), (4, 8)),
    "S": ((4, 8), (4, 6)),
    "Si": ((4, 8), (4, 10)),
    "D": ((4, 8), (5, 7)),
    "F": ((4, 8), (6, 8)),
    "O": ((4, 8), (2, 6)),
    "Fi": ((4, 8), (2, 8)),
    "Di": ((4, 8), (2, 10)),
    "Oi": ((4, 8), (6, 10)),
}

Piece = tuple[int, str]


def pieces(text: str) -> list[Piece]:
    """``offset:letters``, in order of arrival; offsets count from 1, as in the literature."""
    return [(int(at) - 1, letters) for at, letters in (word.split(":") for word in text.split())]


def delivered(parts: list[Piece], policy: str, weak: set[int] = frozenset()) -> str:  # type: ignore[assignment]
    """What a policy hands out, where something was seen."""
    start = np.array([at for at, _ in parts], np.int64)
    end = np.array([at + len(letters) for at, letters in parts], np.int64)
    cells = Cells(start, end)
    arrival = np.arange(len(parts))
    claims = precedence(new_wins(policy), start, end, arrival)
    feeble = np.array([i in weak for i in range(len(parts))])
    owner = cells.foremost(np.concatenate((claims[~feeble[claims]], arrival[feeble])))
    bounds = cells.bounds.tolist()
    out = []
    for cell, piece in enumerate(owner.tolist()):
        if piece >= 0:
            at, letters = parts[piece]
            out.append(letters[bounds[cell] - at : bounds[cell + 1] - at])
    return "".join(out)


def slow(parts: list[Piece], policy: str) -> str:
    """The definition: a byte survives if any older piece that covers it says so."""
    wins = NEW_WINS[ALIASES.get(policy, policy)].split()
    held: dict[int, str] = {}
    for number, (at, letters) in enumerate(parts):
        new = (at, at + len(letters))
        for i, letter in enumerate(letters, at):
            covering = [p for p in parts[:number] if p[0] <= i < p[0] + len(p[1])]
            if all(relation(new, (p[0], p[0] + len(p[1]))) in wins for p in covering):
                held[i] = letter
    return "".join(held[i] for i in sorted(held))


def relation(new: tuple[int, int], old: tuple[int, int]) -> str:
    if new[0] == old[0]:
        return "Eq" if new[1] == old[1] else "S" if new[1] < old[1] else "Si"
    if new[0] > old[0]:
        return "D" if new[1] < old[1] else "F" if new[1] == old[1] else "Oi"
    return "O" if new[1] < old[1] else "Fi" if new[1] == old[1] else "Di"


def test_every_policy_has_its_vector() -> None:
    assert set(RESULTS) == set(POLICIES)


@pytest.mark.parametrize("policy", RESULTS)
def test_novak_and_sturges(policy: str) -> None:
    assert delivered(pieces(NOVAK), policy) == RESULTS[policy]


@pytest.mark.parametrize("policy", RESULTS)
@pytest.mark.parametrize("name", PICTURES)
def test_one_piece_over_another(policy: str, name: str) -> None:
    (a, b), (c, d) = PICTURES[name]
    lowest = min(a, c)
    new_first = name in NEW_WINS[ALIASES.get(policy, policy)].split()
    wanted = ""
    for i in range(lowest, max(b, d)):
        in_old, in_new = a <= i < b, c <= i < d
        wanted += "n" if in_new and (new_first or not in_old) else "o"
    assert delivered([(a, "o" * (b - a)), (c, "n" * (d - c))], policy) == wanted


@pytest.mark.parametrize("policy", [p for p in RESULTS if p != "last"])
def test_a_short_piece_inside_a_long_one_hides_nothing(policy: str) -> None:
    """Engines that look at neighbours only deliver ``^AAAACCAA`` here."""
    parts = pieces("2:AAAAAAAA 3:BB 6:CC 1:^")
    assert delivered(parts, policy) == "^AAAAAAAA"


def test_two_pieces_over_a_third_that_is_longer() -> None:
    """Suricata's unit test by "Jeremy" for Linux: the later, lower piece wins the overlap."""
    parts = [(0, "A" * 24), (40, "B" * 48), (24, "C" * 48), (88, "D" * 8)]
    assert delivered(parts, "linux") == "A" * 24 + "C" * 48 + "B" * 16 + "D" * 8


@pytest.mark.parametrize("policy", NEW_WINS)
@FEW
@given(
    st.lists(st.tuples(st.integers(0, 14), st.integers(1, 8)), min_size=1, max_size=10),
)
def test_any_pieces(policy: str, places: list[tuple[int, int]]) -> None:
    parts = [(at, chr(65 + number) * size) for number, (at, size) in enumerate(places)]
    assert delivered(parts, policy) == slow(parts, policy)


@pytest.mark.parametrize("policy", RESULTS)
def test_weak_pieces_never_overwrite(policy: str) -> None:
    """A keep-alive's byte means nothing, wherever it arrives."""
    data = (0, "hello")
    assert delivered([data, (4, "?")], policy, {1}) == "hello"
    assert delivered([(4, "?"), data], policy, {0}) == "hello"
    assert delivered([(4, "?"), data, (4, "!"), (2, "llo")], policy, {0, 2}) == "hello"


@pytest.mark.parametrize("policy", RESULTS)
def test_a_weak_piece_is_better_than_nothing(policy: str) -> None:
    assert delivered([(0, "hell"), (4, "?")], policy, {1}) == "hell?"


def test_relations_are_those_of_the_literature() -> None:
    assert list(RELATIONS) == list(PICTURES) == [relation(new, old) for old, new in PICTURES.values()]


@FEW
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 50)), max_size=12), st.randoms())
def test_the_foremost_piece_owns_each_cell(places: list[tuple[int, int]], rng: random.Random) -> None:
    start = np.array([p[0] for p in places], np.int64)
    end = start + np.array([p[1] for p in places], np.int64)
    order = list(range(len(places)))
    rng.shuffle(order)
    cells = Cells(start, end)
    if not places:
        return
    owner = cells.foremost(np.array(order, np.int64))
    assert cells.lengths().sum() == end.max() - start.min()
    for begin, length, piece in zip(
        cells.bounds.tolist(), cells.lengths().tolist(), owner.tolist(), strict=False
    ):
        for i in range(begin, begin + length):
            covering = [p for p in order if start[p] <= i < end[p]]
            assert piece == (covering[0] if covering else -1)


def test_unknown_policy_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"plan9.*first, last, bsd"):
        new_wins("plan9")


def test_linux_approximates_the_kernel() -> None:
    """As the documentation says; a change of the table must not make it worse."""
    cases = json.loads((FOLDER / "trust" / "linux_6_18_reads.json").read_text())
    talks = []
    for number, case in enumerate(cases):
        talk = Conversation(f"10.0.{number >> 8}.{number & 255}:5000", "192.168.0.1:80")
        talk.handshake()
        for offset, piece in case["pieces"]:
            talk.client(piece, at=offset)
        talks.append(talk)
    flows = flows_of(*talks, overlap="linux")
    right = 0
    for flow, case in zip(flows, cases, strict=True):
        gaps = flow.client.gaps
        delivered = flow.client.read(0, int(gaps["start"].min()) if len(gaps) else None)
        right += delivered == case["read"].encode()
    assert 0.97 * len(cases) <= right
