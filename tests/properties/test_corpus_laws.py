"""The laws over real captures: shuffled, doubled and cut, each gives the streams that it gave in order."""

from __future__ import annotations

import io
import random
from collections import Counter
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy import reassemble
from tests.helpers.traffic import Capture, read_pcap
from tests.peers.corpus import CORPUS, small

from .effort import CHOSEN, EXAMPLES
from .test_damage import answer
from .view import endpoint_of, runs

LIMIT = 120_000 if CHOSEN is None else 4_000_000
"""Bytes; larger captures take too long for every run"""

SEEDS = range(max(EXAMPLES // 100, 1))
CUTS = max(EXAMPLES // 20, 1)


def classic() -> list[Path]:
    """Captures of the one format that these tests can write again, whole ones."""
    found = []
    for path in small(LIMIT):
        try:
            frames = read_pcap(path)[1]
        except ValueError:
            continue
        if frames and 24 + sum(16 + len(f.data) for f in frames) == path.stat().st_size:
            found.append(path)
    return found


def name(path: Path) -> str:
    assert CORPUS is not None
    return path.relative_to(CORPUS / "captures").as_posix()


pytestmark = pytest.mark.skipif(CORPUS is None, reason="the corpus of real captures is not here")


def streams(blob: bytes) -> tuple[Counter[Any], Counter[Any]]:
    """Streams with payload: those without conflicts as they are, the others as their extent only."""
    plain: Counter[Any] = Counter()
    contradicting: Counter[Any] = Counter()
    for flow in reassemble(io.BytesIO(blob), progress=False):
        for stream in flow.streams:
            ends = endpoint_of(stream), endpoint_of(stream.peer)
            found = runs(stream)
            if found and len(stream.conflicts):
                contradicting[ends, tuple((at, len(data)) for at, data in found)] += 1
            elif found:
                plain[ends, found] += 1
    return plain, contradicting


@pytest.mark.parametrize("path", classic(), ids=name)
def test_order_is_not_meaning(path: Path) -> None:
    linktype, frames = read_pcap(path)
    capture = Capture(frames)
    usual = streams(capture.to_bytes(linktype=linktype, ns=True))
    assert usual == streams(path.read_bytes())
    for seed in SEEDS:
        changed = capture.duplicate(seed=seed, count=len(frames) // 4).shuffle(seed)
        assert streams(changed.to_bytes(linktype=linktype, ns=True)) == usual, f"seed {seed}"


@pytest.mark.parametrize("path", small(LIMIT), ids=name)
def test_cut_and_flipped_files_raise_nothing_but_capture_errors(path: Path) -> None:
    blob = path.read_bytes()
    rng = random.Random(path.name)
    for turn in range(CUTS):
        thorough = turn % 10 == 0
        answer(blob[: rng.randrange(len(blob) + 1)], thorough)
        flipped = bytearray(blob)
        for _ in range(50):
            flipped[rng.randrange(len(flipped))] ^= rng.randrange(1, 256)
        answer(bytes(flipped), thorough)


@pytest.mark.parametrize("path", classic(), ids=name)
def test_a_cut_file_keeps_every_whole_frame(path: Path) -> None:
    blob = path.read_bytes()
    rng = random.Random(path.name)
    ends = list(accumulate((16 + len(f.data) for f in read_pcap(path)[1]), initial=24))
    # Where times jump by decades, the last records of a cut file cannot all be told from damage.
    spare = 4 if path.name == "babel_update_oobr.pcap" else 1
    for _ in range(CUTS):
        cut = rng.randrange(24, len(blob) + 1)
        flows = answer(blob[:cut], False)
        assert flows.capture.frames >= sum(end <= cut for end in ends) - spare
