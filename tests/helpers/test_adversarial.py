"""The adversarial captures hold what they promise, and nothing in them is more than a refusal."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tcpflow_scapy import CaptureError, reassemble

from .adversarial import CAPTURES, HEADER, SUFFIXES

SIZE = 3_000

FRAMES = {"covering_segments": SIZE + 1, "huge_record": None, "gzip_bomb": None}
"""Frames of the pcap files, where it is not `SIZE`; None: the file does not say."""

REFUSED = {"gzip_bomb"}
"""May be refused as a whole; everything else gives what can be read of it."""


def records(data: bytes) -> int:
    count, at = 0, len(HEADER)
    while at < len(data):
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
        count += 1
    assert at == len(data)
    return count


@pytest.mark.parametrize("name", [n for n in CAPTURES if SUFFIXES.get(n) is None])
def test_pcap_has_so_many_frames(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    CAPTURES[name](path, SIZE)
    expected = FRAMES.get(name, SIZE)
    if expected is not None:
        assert records(path.read_bytes()) == expected


@pytest.mark.parametrize("name", CAPTURES)
def test_nothing_is_raised_but_a_refusal(name: str, tmp_path: Path) -> None:
    path = tmp_path / ("x" + SUFFIXES.get(name, ".pcap"))
    CAPTURES[name](path, SIZE)
    try:
        flows = reassemble(path, progress=False)
        assert len(flows.df) == len(flows)
        assert flows.gaps is not None
        assert flows.conflicts is not None
    except CaptureError:
        assert name in REFUSED


def test_bomb_is_small_and_becomes_large(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pcap.gz"
    CAPTURES["gzip_bomb"](path, 8 << 20)
    assert path.stat().st_size < 10_000
