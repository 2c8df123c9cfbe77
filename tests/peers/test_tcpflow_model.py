"""The model of tcpflow against what it wrote: as was recorded, and as it does where it is installed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.golden.test_golden import CASES as FOLDER
from tests.golden.test_golden import GOLDEN

from .peer_cases import CASES
from .programs import SAMPLES, tcpflow_files
from .side_evidence import WIRELESS
from .tcpflow_frames import read
from .tcpflow_model import Model


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_recorded_runs(name: str) -> None:
    reading = read(FOLDER / name)
    if reading.linktype in WIRELESS:
        pytest.skip("802.11 is not in the model")
    files = Model().run(reading.segments).named()
    wanted = {n: f for n, f in GOLDEN[name]["files"].items() if "-HTTPBODY-" not in n}
    assert {n: len(f.data) for n, f in files.items()} == {n: f["size"] for n, f in wanted.items()}
    for each, file in files.items():
        if "sha256" in wanted[each] and not file.unknown:
            assert hashlib.sha256(file.data).hexdigest() == wanted[each]["sha256"]


def reproduced(capture: Path, folder: Path) -> None:
    theirs = tcpflow_files(capture, folder / "out")
    files = Model().run(read(capture).segments).named()
    assert files.keys() == theirs.keys()
    for name, file in files.items():
        assert file.unknown or file.data == theirs[name]


@pytest.mark.peer
@pytest.mark.parametrize("case", CASES)
def test_traffic_scripts(case: str, tmp_path: Path) -> None:
    reproduced(CASES[case]().write(tmp_path / "x.pcap"), tmp_path)


@pytest.mark.peer
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.name)
def test_samples(sample: Path, tmp_path: Path) -> None:
    reproduced(sample, tmp_path)


def test_each_fault_can_be_mended_alone() -> None:
    reading = read(FOLDER / "overlap.pcap")
    (as_it_is,) = Model().run(reading.segments).named().values()
    (mended,) = Model(frozenset({"overwrite"})).run(reading.segments).named().values()
    assert bytes(as_it_is.data) != bytes(mended.data) == b"AAAAAAAAbbbb"
