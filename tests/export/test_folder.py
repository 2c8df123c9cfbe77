"""The output folder: whole files only, nothing overwritten, nothing outside."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tcpflow_scapy.errors import ExportError
from tcpflow_scapy.export import pending
from tcpflow_scapy.export.folder import OPEN_FOLDERS, OutputFolder


def names(base: str) -> Callable[[int], str]:
    return lambda count: f"{base}c{count}" if count else base


def put(folder: OutputFolder, name: str | Callable[[int], str], data: bytes = b"data") -> str:
    file = folder.create()
    os.write(file.descriptor, data)
    return folder.publish(file, names(name) if isinstance(name, str) else name)


@pytest.fixture(params=["nameless", "temporary", "no hard links", "no such rename"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every way to give a whole file its name must behave alike."""
    if request.param != "nameless":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    if request.param == "no such rename":
        monkeypatch.setattr(pending, "_rename_to_new", lambda: None)
    if request.param in ("no hard links", "no such rename"):

        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.EPERM, "no")

        monkeypatch.setattr(os, "link", refuse)
    return str(request.param)


@pytest.mark.usefixtures("way")
class TestEveryWay:
    def test_names_in_order(self, tmp_path: Path) -> None:
        with OutputFolder(tmp_path / "out") as folder:
            assert [put(folder, "x") for _ in range(3)] == ["x", "xc1", "xc2"]
        assert sorted(os.listdir(tmp_path / "out")) == ["x", "xc1", "xc2"]

    def test_a_second_run_leaves_the_first_alone(self, tmp_path: Path) -> None:
        for data in (b"one", b"two"):
            with OutputFolder(tmp_path) as folder:
                put(folder, "x", data)
        assert (tmp_path / "x").read_bytes() == b"one"
        assert (tmp_path / "xc1").read_bytes() == b"two"

    def test_no_name_before_it_is_whole(self, tmp_path: Path) -> None:
        with OutputFolder(tmp_path) as folder:
            file = folder.create()
            os.write(file.descriptor, b"da")
            assert not (tmp_path / "x").exists()
            os.write(file.descriptor, b"ta")
            assert folder.publish(file, names("x")) == "x"
        assert (tmp_path / "x").read_bytes() == b"data"
        assert os.listdir(tmp_path) == ["x"]

    def test_overwriting(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(b"old")
        with OutputFolder(tmp_path, overwrite=True) as folder:
            assert [put(folder, "x", data) for data in (b"1", b"2")] == ["x", "xc1"]
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"1", "xc1": b"2"}

    def test_what_is_left_behind_goes_with_the_folder(self, tmp_path: Path) -> None:
        """As if an interruption came before it could be discarded."""
        with OutputFolder(tmp_path) as folder:
            os.close(folder.create().descriptor)
        assert os.listdir(tmp_path) == []

    def test_taken_by_a_folder_or_a_link(self, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "x").mkdir()
        (tmp_path / "out" / "xc1").symlink_to(elsewhere)
        with OutputFolder(tmp_path / "out") as folder:
            assert put(folder, "x") == "xc2"
        assert not elsewhere.exists()

    def test_folders_are_made(self, tmp_path: Path) -> None:
        with OutputFolder(tmp_path / "a" / "b") as folder:
            assert put(folder, "k/./000//x") == "k/./000//x"
        assert (tmp_path / "a" / "b" / "k" / "000" / "x").read_bytes() == b"data"

    def test_a_discarded_file_leaves_nothing(self, tmp_path: Path) -> None:
        with OutputFolder(tmp_path) as folder:
            folder.discard(folder.create())
        assert os.listdir(tmp_path) == []

    def test_a_name_that_cannot_be(self, tmp_path: Path) -> None:
        with OutputFolder(tmp_path) as folder, pytest.raises(ExportError, match="File name too long"):
            put(folder, "x" * 300)
        assert os.listdir(tmp_path) == []

    def test_mode_follows_the_umask(self, tmp_path: Path) -> None:
        old = os.umask(0o027)
        try:
            with OutputFolder(tmp_path) as folder:
                put(folder, "x")
        finally:
            os.umask(old)
        assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_overwriting_replaces_earlier_runs_but_not_this_one(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "x").write_bytes(b"old")
    (out / "xc1").symlink_to(elsewhere)
    with OutputFolder(out, overwrite=True) as folder:
        assert [put(folder, "x", data) for data in (b"1", b"2")] == ["x", "xc1"]
    assert [(out / name).read_bytes() for name in ("x", "xc1")] == [b"1", b"2"]
    assert elsewhere.read_bytes() == b"mine"
    assert sorted(os.listdir(out)) == ["x", "xc1"]


def test_overwriting_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with OutputFolder(tmp_path, overwrite=True) as folder, pytest.raises(ExportError, match="Is a directory"):
        put(folder, "x")
    assert os.listdir(tmp_path) == ["x"]


def test_taken_names_are_not_tried_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    real = OutputFolder._link

    def count(self: OutputFolder, *arguments: object) -> bool:
        nonlocal calls
        calls += 1
        return real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(OutputFolder, "_link", count)
    for _ in range(2):
        with OutputFolder(tmp_path) as folder:
            for _ in range(50):
                put(folder, "x", b"")
    assert calls == 50 + 100
    assert len(os.listdir(tmp_path)) == 100


def test_no_symbolic_link_is_followed_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "k").symlink_to(tmp_path / "elsewhere")
    with OutputFolder(tmp_path / "out") as folder, pytest.raises(ExportError, match="out/k"):
        put(folder, "k/x")
    assert os.listdir(tmp_path / "elsewhere") == []


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    with OutputFolder(tmp_path / "out") as folder:
        put(folder, "x")
    assert os.listdir(tmp_path / "real") == ["x"]


def test_a_name_that_leads_out_is_refused(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as folder, pytest.raises(ExportError, match="leads out"):
        put(folder, "a/../../x")
    assert os.listdir(tmp_path) == ["out"]


def test_a_folder_name_taken_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "k").write_bytes(b"")
    with OutputFolder(tmp_path) as folder, pytest.raises(ExportError, match="k: Not a directory"):
        put(folder, "k/x")


@pytest.mark.parametrize("make", ["file", "link to a file", "dangling link", "below a file", "zero byte"])
def test_folders_that_cannot_be(tmp_path: Path, make: str) -> None:
    out = tmp_path / "out"
    file = tmp_path / "file"
    file.write_bytes(b"")
    if make == "file":
        out = file
    elif make == "link to a file":
        out.symlink_to(file)
    elif make == "dangling link":
        out.symlink_to(tmp_path / "nowhere")
    elif make == "below a file":
        out = file / "out"
    else:
        out = tmp_path / "a\0b"
    with pytest.raises(ExportError) as caught:
        OutputFolder(out)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no folder that even root cannot write to")
def test_a_folder_that_cannot_be_written() -> None:
    with OutputFolder("/proc/self") as folder, pytest.raises(ExportError, match="/proc/self: ") as caught:
        put(folder, "x")
    assert "\n" not in str(caught.value)


def test_more_folders_than_are_kept_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with OutputFolder(tmp_path) as folder:
        for _ in range(2):
            for number in range(OPEN_FOLDERS + 5):
                put(folder, f"{number}/x")
        assert len(os.listdir("/proc/self/fd")) <= before + OPEN_FOLDERS + 1
    assert len(os.listdir("/proc/self/fd")) == before
    assert sorted(os.listdir(tmp_path / "3")) == ["x", "xc1"]
