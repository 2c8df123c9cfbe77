from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpflow_scapy.decode import Decoder, Reason
from tcpflow_scapy.decode.fragments import POLICIES
from tcpflow_scapy.decode.fragments.policy import winners
from tests.decode.batches import decode
from tests.decode.segments import V4, tcp

from .pieces import piece4

# Novak's vector: (block, letters), a block being eight bytes.
VECTOR = [
    (0, "AAA"),
    (4, "BB"),
    (6, "CCC"),
    (10, "D"),
    (13, "EE"),
    (15, "FFF"),
    (18, "GG"),
    (20, "HH"),
    (22, "I"),
    (1, "JJJJ"),
    (6, "KKK"),
    (9, "LLL"),
    (12, "MMM"),
    (16, "N"),
    (19, "O"),
    (20, "P"),
    (22, "QQ"),
]
EXPECTED = {
    "first": "AAAJBBCCCLDLMEEFFFGGHHIQ",
    "last": "AJJJJBKKKLLLMMMFNFGOPHQQ",
    "bsd": "AAAJJBCCCLLLMMMFFFGGHHIQ",
    "bsd-right": "AJJJBBKKKLLLMMMFFFGGHHQQ",
    "linux": "AAAJJBKKKLLLMMMFFFGGPHQQ",
    "windows": "AAAJBBCCCLLLMEEFFFGGHHIQ",
    "solaris": "AAAJBBCCCLLLMMMFFFGGHHIQ",
}


def read(pieces: list[tuple[int, bytes]], policy: str) -> dict[int, int]:
    """Byte by byte: which one counts at each place."""
    edges, winner = winners([at for at, _ in pieces], [at + len(data) for at, data in pieces], policy)
    found = {}
    for a, b, piece in zip(edges[:-1], edges[1:], winner, strict=True):
        if piece >= 0:
            at, data = pieces[piece]
            found.update({place: data[place - at] for place in range(a, b)})
    return found


@pytest.mark.parametrize("policy", EXPECTED)
def test_novaks_vector(policy: str) -> None:
    found = read([(at, letters.encode()) for at, letters in VECTOR], policy)
    assert "".join(chr(found[i]) for i in sorted(found)) == EXPECTED[policy]


def test_suricatas_further_vector() -> None:
    pieces = [(0, b"A" * 24), (40, b"B" * 48), (24, b"C" * 48), (88, b"D")]
    found = read(pieces, "linux")
    assert bytes(found[i] for i in range(89)) == b"A" * 24 + b"C" * 48 + b"B" * 16 + b"D"


RELATIONS = ("Eq", "S", "Si", "D", "F", "O", "Fi", "Di", "Oi")
# Who wins for each relation of the new fragment to the old one; written down apart from the package.
BY_RELATION = {
    "first": "ooooooooo",
    "last": "nnnnnnnnn",
    "bsd": "ooooonnno",
    "bsd-right": "nonooonnn",
    "linux": "nnnoonnno",
    "windows": "ooooooono",
    "solaris": "oooooonno",
}


def relation(ns: int, ne: int, os: int, oe: int) -> str:
    if ns == os:
        return "Eq" if ne == oe else "S" if ne < oe else "Si"
    if ns > os:
        return "D" if ne < oe else "F" if ne == oe else "Oi"
    return "O" if ne < oe else "Fi" if ne == oe else "Di"


def slow(pieces: list[tuple[int, bytes]], policy: str) -> dict[int, int]:
    win: dict[int, int] = {}
    held: list[tuple[int, int]] = []
    for at, data in pieces:
        end = at + len(data)
        keep: set[int] = set()
        for hs, he in held:
            letter = BY_RELATION[policy][RELATIONS.index(relation(at, end, hs, he))]
            if hs < end and at < he and letter == "o":
                keep.update(range(max(at, hs), min(end, he)))
        for i, octet in enumerate(data):
            if at + i not in keep or at + i not in win:
                win[at + i] = octet
        held.append((at, end))
    return win


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), min_size=1, max_size=8),
    st.sampled_from(sorted(EXPECTED)),
)
def test_any_pieces_against_a_byte_map(extents: list[tuple[int, int]], policy: str) -> None:
    pieces = [(at, bytes([65 + i]) * size) for i, (at, size) in enumerate(extents)]
    assert read(pieces, policy) == slow(pieces, policy)


@pytest.mark.parametrize("policy", EXPECTED)
def test_the_vector_as_a_capture(policy: str) -> None:
    head = tcp(V4, b"")  # 20 bytes, and 4 to fill the first three blocks
    frames = [piece4(head + bytes(4), 0, more=True)]
    for at, letters in VECTOR:
        data = b"".join(letter.encode() * 8 for letter in letters)
        frames.append(piece4(data, 24 + 8 * at, more=at + len(letters) < 24))
    result = decode(frames, fragments=policy)
    payload = result.rows[0].payload[4:]
    assert "".join(chr(payload[i]) for i in range(0, len(payload), 8)) == EXPECTED[policy]
    assert all(payload[i : i + 8] == payload[i : i + 1] * 8 for i in range(0, len(payload), 8))
    conflicts = result.packets.fragment_conflicts
    assert conflicts is not None
    for number in set(conflicts.number.tolist()):
        rows = np.flatnonzero(conflicts.number == number)
        length = int(conflicts.length[rows[0]])
        versions = [result.store.read(int(conflicts.address[r]), length) for r in rows]
        assert len(set(versions)) == len(versions) >= 2
        delivered = np.flatnonzero(conflicts.delivered[rows])
        assert len(delivered) == 1
        assert result.store.read(int(conflicts.start[rows[0]]), length) == versions[int(delivered[0])]
        for row, version in zip(rows.tolist(), versions, strict=True):
            assert version in frames[conflicts.frame[row]]


def test_discard_throws_the_datagram_away_but_not_for_exact_copies() -> None:
    whole = tcp(V4, b"x" * 40)
    first, last = piece4(whole[:32], 0, more=True), piece4(whole[32:], 32, more=False)
    overlap = piece4(whole[24:], 24, more=False)
    assert [r.length for r in decode([first, first, last], fragments="discard").rows] == [40]
    assert decode([first, overlap], fragments="discard").reasons == [Reason.FRAGMENT] * 2
    assert [r.length for r in decode([first, overlap]).rows] == [40]


def test_overlaps_that_agree_are_no_conflict() -> None:
    whole = tcp(V4, bytes(range(60)))
    frames = [piece4(whole[:48], 0, more=True), piece4(whole[24:], 24, more=False)]
    result = decode(frames)
    assert result.rows[0].payload == bytes(range(60))
    assert result.packets.fragment_conflicts is None


def test_teardrop_and_two_ends() -> None:
    whole = tcp(V4, bytes(range(60)))
    teardrop = [piece4(whole[:48], 0, more=True), piece4(whole[24:32], 24, more=False)]
    assert [r.length for r in decode(teardrop).rows] in ([28], [12])
    ends = [
        piece4(whole[:48], 0, more=True),
        piece4(whole[48:64], 48, more=False),
        piece4(whole[48:], 48, more=False),
    ]
    result = decode(ends)
    assert result.rows[0].payload == bytes(range(60))


def test_a_datagram_is_never_longer_than_its_last_fragment_says() -> None:
    whole = tcp(V4, bytes(range(60)))
    frames = [
        piece4(whole[:48], 0, more=True),
        piece4(whole[48:64], 48, more=False),
        piece4(b"beyond!!", 64, more=True),
    ]
    assert decode(frames).rows[0].payload == whole[20:64]


def test_an_unknown_policy_is_named() -> None:
    from tcpflow_scapy.capture.store import Store

    with pytest.raises(ValueError, match="'bds', not one of first, last"):
        Decoder(Store(), fragments="bds")
    assert len(POLICIES) == 8


@pytest.mark.parametrize("policy", EXPECTED)
def test_many_fragments_are_compared_as_few_are(policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    for count in (1, 2, 3, 13, 40):
        start = rng.integers(0, 30, count)
        end = start + rng.integers(1, 12, count)
        found = winners(start.tolist(), end.tolist(), policy)
        monkeypatch.setattr("tcpflow_scapy.decode.fragments.policy.FEW", 0 if count <= 12 else 99)
        assert winners(start.tolist(), end.tolist(), policy) == found
        monkeypatch.undo()
