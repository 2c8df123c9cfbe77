"""What goes into random roads comes out of them, whole, cut, and in fragments at several levels."""

from __future__ import annotations

import random

import pytest

from tcpflow_scapy.decode import Reason

from .batches import Decoded, decode
from .random_roads import Road, road


def found(result: Decoded) -> list[tuple[int, int, bytes]]:
    return sorted((row.sequence, int(row.source.split()[1]), row.payload) for row in result.rows)


def wanted(roads: list[Road]) -> list[tuple[int, int, bytes]]:
    return sorted((r.sequence, r.port, r.payload) for r in roads)


@pytest.mark.parametrize("seed", range(4))
def test_whole(seed: int) -> None:
    rng = random.Random(seed)
    roads = [road(rng, i, depth=rng.choice([0, 1, 1, 2, 3]), pieces=False) for i in range(600)]
    result = decode([r.frames[0] for r in roads], [r.linktype for r in roads])
    assert found(result) == wanted(roads)
    assert set(result.reasons) == {Reason.TCP}


@pytest.mark.parametrize("seed", range(4))
def test_cut(seed: int) -> None:
    rng = random.Random(seed)
    roads = [road(rng, i, depth=rng.choice([0, 1, 2]), pieces=False) for i in range(600)]
    frames = [r.frames[0][: rng.randrange(1, len(r.frames[0]) + 1)] for r in roads]
    result = decode(frames, [r.linktype for r in roads], wire=[len(r.frames[0]) for r in roads])
    for row in result.rows:
        this = roads[row.frame]
        assert (row.sequence, row.source.split()[1]) == (this.sequence, str(this.port))
        assert row.wire_length == len(this.payload)
        assert this.payload.startswith(row.payload)
    assert {row.frame for row in result.rows} == {
        i for i, reason in enumerate(result.reasons) if reason is Reason.TCP
    }


@pytest.mark.parametrize("seed", range(4))
def test_fragments_at_several_levels(seed: int) -> None:
    rng = random.Random(seed)
    roads = [road(rng, i, depth=rng.choice([0, 1, 2]), pieces=True) for i in range(300)]
    sent = []
    for number, this in enumerate(roads):
        frames = [(number + rng.random(), this.linktype, frame) for frame in this.frames]
        sent += frames + [rng.choice(frames)] * (len(frames) > 1 and rng.random() < 0.2)
    sent.sort(key=lambda entry: entry[0])
    result = decode([frame for _, _, frame in sent], [linktype for _, linktype, _ in sent])
    assert found(result) == wanted(roads)
