"""A spool of many files: old ones are open only while they are read."""

from __future__ import annotations

import gc
import os
from functools import partial
from pathlib import Path

import pytest

from tcpflow_scapy import FlowTable, LiveCapture, reassemble, sniff
from tcpflow_scapy.capture.file_bytes import FileBytes
from tcpflow_scapy.capture.live import spool as spool_module
from tcpflow_scapy.errors import CaptureOSError
from tcpflow_scapy.live import parked_files
from tcpflow_scapy.live.parked_files import Shelf, SpoolStore
from tests.capture.live.test_pump import MadeTap, wait_for

from .test_session import summary


def add(store: SpoolStore, path: Path, content: bytes) -> int:
    path.write_bytes(content)
    held = FileBytes(os.open(path, os.O_RDONLY), str(path))
    address = store.add(held, str(path))
    store.complete(address, held.status())
    return address


def open_in(folder: Path) -> int:
    links = [os.path.realpath(path) for path in Path("/proc/self/fd").iterdir()]
    return sum(link.startswith(f"{folder}/") for link in links)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parked_files, "OPEN", 2)
    monkeypatch.setattr(parked_files, "BORROWED", 3)


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="no /proc here")
@pytest.mark.usefixtures("few")
def test_bytes_of_many_files_and_few_descriptors(tmp_path: Path) -> None:
    store = SpoolStore()
    places = [add(store, tmp_path / f"{number}", b"<%d>" % number) for number in range(20)]
    assert open_in(tmp_path) == 2
    wanted = [b"%d" % number for number in range(20)]
    for _ in range(2):
        assert [store.read(a + 1, len(w)) for a, w in zip(places, wanted, strict=True)] == wanted
        assert store.slices([a + 1 for a in places], [len(w) for w in wanted]) == wanted
        assert open_in(tmp_path) == 5
    # Who holds a buffer can read it, whatever else is read.
    held = store.buffer(0)
    store.slices(places, [1] * 20)
    assert held[0:3] == b"<0>"
    assert store.name(places[3]) == str(tmp_path / "3")


@pytest.mark.usefixtures("few")
def test_a_file_that_is_another_one_now_is_refused(tmp_path: Path) -> None:
    store = SpoolStore()
    places = [add(store, tmp_path / f"{number}", b"<%d>" % number) for number in range(5)]
    (tmp_path / "0").unlink()
    (tmp_path / "new").write_bytes(b"<x>")
    (tmp_path / "new").rename(tmp_path / "1")
    (tmp_path / "2").write_bytes(b"<2>longer")
    for place in places[:3]:
        with pytest.raises(CaptureOSError, match=os.path.basename(store.name(place))):
            store.read(place, 1)
    assert store.read(places[3], 3) == b"<3>"


def test_the_shelf_keeps_what_keeps_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parked_files, "OPEN", 1)
    shelf = Shelf()

    def owner() -> None: ...

    store = SpoolStore(owner, shelf)
    add(store, tmp_path / "0", b"0")
    assert shelf.owner is None
    add(store, tmp_path / "1", b"1")
    assert shelf.owner is owner


def reached(live: LiveCapture, frames: int) -> bool:
    """Whether so many frames were kept and read."""
    return live.stats.frames >= frames and live.flows.capture.frames >= frames


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("temporary", [False, True])
def test_a_capture_of_many_files(
    temporary: bool,
    taps: dict[str, MadeTap],
    sample: FlowTable,
    sample_frames: list[bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spool_module, "MIN_ROTATE_BYTES", 1)
    spool = None if temporary else tmp_path / "s.pcapng"
    live = sniff("made0", spool=spool, rotate_bytes=1500)
    for at in range(0, len(sample_frames), 2):
        taps["made0"].give(sample_frames[at : at + 2])
        kept = min(at + 2, len(sample_frames))
        wait_for(partial(reached, live, kept))
    flows, files = live.stop(), live.spools
    assert len(files) > 6
    del live, taps["made0"]
    gc.collect()
    assert summary(flows) == summary(sample)
    assert len(flows.scapy()) == len(sample_frames)
    assert len(flows.capture.sha256) == len(files)
    if not temporary:
        assert summary(reassemble(files)) == summary(sample)
    del flows
    gc.collect()
    assert [path.exists() for path in files] == [not temporary] * len(files)
