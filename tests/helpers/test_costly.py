"""The costly captures hold what they promise, and what they order is done, in bounds."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.export import payload

from .costly import BODY, COSTLY, many_bodies, many_bombs


@pytest.mark.parametrize("name", COSTLY)
def test_every_job_ends(name: str, tmp_path: Path) -> None:
    COSTLY[name](tmp_path / "x.pcap", 200)
    flows = reassemble(tmp_path / "x.pcap", progress=False)
    assert flows.capture.used == flows.capture.frames == (400 if name == "many_bombs" else 200)
    files = flows.export(tmp_path / "out")
    assert files["captured_bytes"].sum() == flows.df["bytes"].sum()
    conflicts = flows.conflicts
    assert bool(len(conflicts)) == (name in ("alternating_conflicts", "nested_pieces"))
    assert bool(len(flows.http)) == (name == "many_bombs")


def test_bombs_are_small_and_become_large(tmp_path: Path) -> None:
    many_bombs(tmp_path / "bombs.pcap", 3)
    many_bodies(tmp_path / "bodies.pcap", 3)
    assert (tmp_path / "bombs.pcap").stat().st_size == (tmp_path / "bodies.pcap").stat().st_size
    flows = reassemble(tmp_path / "bombs.pcap", progress=False)
    assert flows.export_http(tmp_path / "out")["size"].tolist() == [BODY] * 3


def test_an_export_hashes_little_more_than_was_captured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = 0

    class Counting:
        def update(self, data: bytes) -> None:
            nonlocal hashed
            hashed += len(data)

        def hexdigest(self) -> str:
            return ""

    monkeypatch.setattr(hashlib, "new", lambda name, **options: Counting())
    COSTLY["sparse_streams"](tmp_path / "x.pcap", 2_000)
    sources = [tmp_path / "x.pcap", Path(__file__).parents[1] / "cases" / "trust" / "sparse_hash.pcap"]
    for source in sources:
        flows = reassemble(source, progress=False)
        hashed = 0
        table = flows.export(tmp_path / source.stem)
        assert hashed <= 2 * (3 * int(flows.df["bytes"].sum()) + payload.MORE_ZEROS)
        assert "not hashed" in set(table["sha256"])
