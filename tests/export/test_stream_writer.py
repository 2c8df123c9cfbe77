"""Many files at a time: full disks, interruptions, and that threads change nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from tcpflow_scapy import ExportError
from tcpflow_scapy.export import stream_writer
from tests.export.talks import content, flows_of, talk


class FullDisk:
    """Refuses to write once so many bytes are on it."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.real = os.pwrite

    def __call__(self, descriptor: int, data: bytes, offset: int) -> int:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(28, "No space left on device")
        return self.real(descriptor, data, offset)


@pytest.mark.parametrize("overwrite", [False, True], ids=["nameless", "temporary"])
@pytest.mark.parametrize("threads", [False, True])
def test_a_full_disk_leaves_whole_files_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool, threads: bool
) -> None:
    flows = flows_of(tmp_path, *[talk(3000 + n, request=b"x" * 1000, answer=b"") for n in range(100)])
    monkeypatch.setattr(os, "pwrite", FullDisk(50_500))
    monkeypatch.setattr(stream_writer, "SMALL", -1 if threads else 1 << 40)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ExportError, match=r"out/010\.000[-.\d]+: No space left") as caught:
        flows.export(tmp_path / "out", overwrite=overwrite)
    assert "\n" not in str(caught.value)
    left = content(tmp_path / "out")
    assert caught.value.files["name"].tolist() == sorted(left)
    assert caught.value.files["path"][0] == str(tmp_path / "out" / min(left))
    assert all(len(data) == 1000 for data in left.values())
    assert len(left) <= 50
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # the capture itself may be opened lazily


def test_a_consumer_that_stops_leaves_no_halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flows = flows_of(tmp_path, *[talk(3000 + n) for n in range(100)])
    monkeypatch.setattr(stream_writer, "SMALL", -1)

    def stop(file: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        flows.export(tmp_path / "out", overwrite=True, on_file=stop)
    assert list(content(tmp_path / "out")) == caught.value.__dict__["files"]["name"].tolist()
    assert len(content(tmp_path / "out")) == 1


@pytest.mark.parametrize("place", ["link", "close"])
def test_an_interruption_just_behind_the_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The moment in which a file has its name, and the caller does not know yet."""
    flows = flows_of(tmp_path, *[talk(3000 + n) for n in range(10)])
    calls: list[object] = []
    real = getattr(os, place)

    def interrupted(*arguments: object, **options: object) -> None:
        real(*arguments, **options)
        if not calls and (tmp_path / "out").exists() and len(os.listdir(tmp_path / "out")) > 4:
            calls.append(arguments)
            raise KeyboardInterrupt

    monkeypatch.setattr(os, place, interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        flows.export(tmp_path / "out")
    monkeypatch.undo()
    names = caught.value.__dict__["files"]["name"].tolist()
    assert sorted(names) == sorted(content(tmp_path / "out"))
    assert len(names) == 5


@pytest.mark.parametrize("size", [1, 100])
def test_threads_do_not_change_what_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    talks = [talk(3000 + n % 7, request=bytes([n]) * n, isn=n * 100_000) for n in range(1, 60)]
    flows = flows_of(tmp_path, *talks)
    plain = flows.export(tmp_path / "plain")
    monkeypatch.setattr(stream_writer, "SMALL", -1)
    monkeypatch.setattr(stream_writer, "AHEAD", size)
    threaded = flows.export(tmp_path / "threaded")
    pd.testing.assert_frame_equal(plain.drop(columns="path"), threaded.drop(columns="path"))
    assert content(tmp_path / "plain") == content(tmp_path / "threaded")


def test_the_cheap_way_and_the_general_way_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flows = flows_of(tmp_path, *[talk(3000 + n, request=bytes(range(n))) for n in range(40)])
    cheap = flows.export(tmp_path / "cheap")
    monkeypatch.setattr(stream_writer, "SMALL", -1)
    general = flows.export(tmp_path / "general")
    pd.testing.assert_frame_equal(cheap.drop(columns="path"), general.drop(columns="path"))
    assert content(tmp_path / "cheap") == content(tmp_path / "general")
