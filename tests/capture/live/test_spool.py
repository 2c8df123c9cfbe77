"""The spool is a whole capture at every moment, whatever happens to the disk."""

from __future__ import annotations

import errno
import gc
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcpflow_scapy.capture import open_source
from tcpflow_scapy.capture.live.check import check_spool
from tcpflow_scapy.capture.live.events import EventLog
from tcpflow_scapy.capture.live.sections import Counters, SpoolInterface
from tcpflow_scapy.capture.live.spool import LiveSpool
from tcpflow_scapy.errors import CaptureOSError

from .records import blocks, frames

ETH0 = SpoolInterface("eth0", 1, 262144, "tcp port 80")


def read(*paths: Path, not_kept: int = 0) -> list[bytes]:
    """Frames of files; nothing may be wrong with them but that they tell of frames that were not kept."""
    source = open_source([str(path) for path in paths])
    found = []
    for batch in source.batches():
        for start, length in zip(batch.position.tolist(), batch.caplen.tolist(), strict=True):
            found.append(batch.memory[start : start + length].tobytes())
    told = [f"eth0: {not_kept:,} frames captured and not kept"] if not_kept else []
    assert [problem.message for problem in source.info.problems] == told
    return found


def kinds(events: EventLog) -> list[str]:
    return [event.kind for event in events.all()]


def put(spool: LiveSpool, data: list[bytes], at_once: int = 7) -> int:
    """Append frames in several pieces; how many were kept."""
    kept = 0
    spool.add_interface(ETH0)
    for start in range(0, len(data), at_once):
        made = blocks(data[start : start + at_once])
        kept += spool.append(made.data, made.ends)
    return kept


def test_it_is_a_capture_at_every_moment(tmp_path: Path) -> None:
    events = EventLog()
    spool = LiveSpool(tmp_path / "a.pcapng", events)
    assert read(tmp_path / "a.pcapng") == []
    spool.add_interface(ETH0)
    data = frames(60)
    for done in range(0, 60, 20):
        assert put(spool, data[done : done + 20]) == 20
        assert read(tmp_path / "a.pcapng") == data[: done + 20]
        spool.count(0, Counters(done + 20, 0, 0))
        spool.write_statistics()
    spool.close()
    spool.close()
    assert read(tmp_path / "a.pcapng") == data
    assert (spool.frames, spool.lost, spool.paths) == (60, 0, [tmp_path / "a.pcapng"])
    assert spool.bytes == os.path.getsize(tmp_path / "a.pcapng")
    assert {x.status for x in check_spool(tmp_path / "a.pcapng")} == {"intact"}


@pytest.mark.peer
def test_interfaces_and_counters_as_wireshark_sees_them(
    tmp_path: Path, need_tool: Callable[[str], str]
) -> None:
    spool = LiveSpool(tmp_path / "a.pcapng", EventLog())
    assert [spool.add_interface(ETH0), spool.add_interface(SpoolInterface("lo", 113, 96))] == [0, 1]
    assert spool.add_interface(ETH0) == 0
    put(spool, frames(5))
    spool.count(0, Counters(1000, 20, 3))
    spool.close()
    found = subprocess.run(
        [need_tool("capinfos"), "-IMF", tmp_path / "a.pcapng"], capture_output=True, text=True, check=True
    ).stdout
    assert "Name = eth0" in found
    assert "Filter string = tcp port 80" in found
    assert "Time precision = nanoseconds (9)" in found
    assert "Number of stat entries = 1" in found


def test_existing_files_are_safe(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(b"evidence")
    with pytest.raises(CaptureOSError, match=r"a\.pcapng: already exists"):
        LiveSpool(path, EventLog())
    assert [p.name for p in tmp_path.iterdir()] == ["a.pcapng"]
    with path.open("rb") as old:
        LiveSpool(path, EventLog(), overwrite=True).close()
        assert old.read() == b"evidence"
    assert read(path) == []
    path.unlink()
    with pytest.raises(CaptureOSError, match=r"a\.pcapng\.chain: already exists"):
        LiveSpool(path, EventLog())
    assert not path.exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CaptureOSError, match="No such file or directory"):
        LiveSpool(tmp_path / "no" / "a.pcapng", EventLog())


def test_rotation_by_size(tmp_path: Path) -> None:
    events = EventLog()
    spool = LiveSpool(tmp_path / "a.b.pcapng", events, rotate_bytes=1 << 16)
    spool.add_interface(ETH0)
    spool.count(0, Counters(5, 0, 0))
    data = frames(1000)
    assert put(spool, data, at_once=300) == 1000
    spool.close()
    names = [path.name for path in spool.paths]
    assert names == ["a.b.pcapng", *(f"a.b-{n:05}.pcapng" for n in range(1, len(names)))]
    assert len(names) > 3
    assert all(os.path.getsize(path) <= 1 << 16 for path in spool.paths)
    parts = [read(path) for path in spool.paths]
    assert [frame for part in parts for frame in part] == data == read(*spool.paths)
    assert kinds(events) == ["rotated"] * (len(names) - 1)
    assert {x.status for x in check_spool(tmp_path / "a.b.pcapng")} == {"intact"}


def test_later_files_of_another_run_are_safe(tmp_path: Path) -> None:
    other = tmp_path / "a-00001.pcapng"
    other.write_bytes(b"evidence")
    with pytest.raises(CaptureOSError, match=r"a-00001\.pcapng: exists"):
        LiveSpool(tmp_path / "a.pcapng", EventLog(), rotate_bytes=1 << 16)
    spool = LiveSpool(tmp_path / "a.pcapng", EventLog(), overwrite=True)
    spool.close()
    assert other.read_bytes() == b"evidence"
    spool = LiveSpool(tmp_path / "b.pcapng", EventLog(), rotate_bytes=1 << 16)
    (tmp_path / "b-00001.pcapng").write_bytes(b"a neighbour's")
    put(spool, frames(600))
    spool.close()
    assert (tmp_path / "b-00001.pcapng").read_bytes() == b"a neighbour's"
    assert spool.paths[1].name == "b-00002.pcapng"


def test_rotation_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("tcpflow_scapy.capture.live.spool.time.monotonic", lambda: clock[0])
    spool = LiveSpool(tmp_path / "a.pcapng", EventLog(), rotate_seconds=10)
    data = frames(30)
    put(spool, data[:10])
    clock[0] += 11
    spool.tick()
    clock[0] += 11
    spool.tick()  # nothing came: the file goes on
    put(spool, data[10:20])
    clock[0] += 11
    put(spool, data[20:])
    spool.close()
    assert [read(path) for path in spool.paths] == [data[:10], data[10:20], data[20:]]


@pytest.mark.parametrize("options", [{"rotate_bytes": 10}, {"rotate_seconds": 0}, {"rotate_seconds": -1.0}])
def test_impossible_rotations(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="rotate_"):
        LiveSpool(tmp_path / "a.pcapng", EventLog(), **options)


def test_a_temporary_spool_goes_with_its_last_reference() -> None:
    spool = LiveSpool(None, EventLog(), rotate_bytes=1 << 16)
    put(spool, frames(400))
    spool.close()
    paths = spool.paths
    assert len(paths) > 1
    assert read(*paths) == frames(400)
    del spool
    gc.collect()
    assert not any(path.exists() for path in paths)


def full_disk_story(spool: LiveSpool, events: EventLog) -> int:
    """More frames than there is room for: the first ones are kept, and the rest is counted."""
    data = frames(20_000)
    kept = put(spool, data, at_once=500)
    assert 0 < kept < len(data)
    assert spool.lost == len(data) - kept
    assert spool.frames == kept
    spool.count(0, Counters(len(data), 0, 0, taken=len(data), not_kept=spool.lost))
    spool.close()
    assert read(*spool.paths, not_kept=spool.lost) == data[:kept]
    [event] = [event for event in events.all() if event.kind == "spool_full"]
    assert event.count == spool.lost
    [problem] = [each for each in events.problems("a.pcapng") if each.kind == "spool_full"]
    assert f"not kept: {spool.lost:,} frames" in problem.message
    return kept


@pytest.fixture
def tiny_disk(tmp_path: Path, need_root: Callable[[], None]) -> Iterator[Path]:
    """A file system of one megabyte."""
    need_root()
    folder = tmp_path / "tiny"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True, timeout=60)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=False, timeout=60)


@pytest.mark.peer
@pytest.mark.parametrize("rotate", [None, 1 << 18])
def test_a_full_disk(tiny_disk: Path, rotate: int | None) -> None:
    events = EventLog()
    spool = LiveSpool(tiny_disk / "a.pcapng", events, rotate_bytes=rotate)
    spool.add_interface(ETH0)
    full_disk_story(spool, events)
    # The chain lies on the same disk: what it could say in time is true.
    assert "changed" not in {x.status for x in check_spool(tiny_disk / "a.pcapng")}


def test_a_limit_on_the_length_of_files(tmp_path: Path) -> None:
    events = EventLog()
    spool = LiveSpool(tmp_path / "a.pcapng", events)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        full_disk_story(spool, events)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert {x.status for x in check_spool(tmp_path / "a.pcapng")} == {"intact"}


def test_a_write_that_tears_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File systems that cannot reserve room show it only while writing."""
    room = [300_001]
    write = os.pwrite

    def pwrite(descriptor: int, data: Any, offset: int) -> int:
        fits = min(len(data), room[0] - offset)
        if fits <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data[:fits], offset)

    monkeypatch.setattr("tcpflow_scapy.capture.live.spool_file.os.pwrite", pwrite)
    monkeypatch.setattr("tcpflow_scapy.capture.live.room._fallocate", lambda: None)
    events = EventLog()
    spool = LiveSpool(tmp_path / "a.pcapng", events)
    kept = full_disk_story(spool, events)
    assert os.path.getsize(tmp_path / "a.pcapng") > 300_001 - 1600
    assert kept > 100
    assert {x.status for x in check_spool(tmp_path / "a.pcapng")} == {"intact"}


def test_frames_after_the_end_are_counted(tmp_path: Path) -> None:
    spool = LiveSpool(tmp_path / "a.pcapng", EventLog())
    spool.close()
    made = blocks(frames(3))
    assert spool.append(made.data, made.ends) == 0
    assert spool.lost == 3
    assert spool.append(memoryview(b""), np.empty(0, np.int64)) == 0
