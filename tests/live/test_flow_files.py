"""Growing files: at any time they hold the beginning of what they will, in the end what an export writes."""

from __future__ import annotations

import errno
import itertools
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy import reassemble
from tcpflow_scapy.errors import ExportError
from tcpflow_scapy.live import engine_watch
from tcpflow_scapy.live import flow_files as files_module
from tcpflow_scapy.live.engine import Engine
from tcpflow_scapy.live.flow_files import FlowFiles
from tests.helpers.traffic import Capture, Conversation
from tests.properties.effort import costly
from tests.properties.scripts import captures, contradicting, conversations, seeds
from tests.properties.test_fragments import in_pieces

from .spools import GrowingSpool
from .test_engine import pcapng, spaced, steps

numbers = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file: its bytes and its time."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def fill(folder: Path, names: list[str]) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"taken")
        os.utime(folder / name, (1, 1))
    return folder


def grow_and_compare(
    folder: Path,
    blobs: list[bytes],
    script: list[tuple[int, str]],
    *,
    taken: list[str] | None = None,
    options: dict[str, Any] | None = None,
    **export: Any,
) -> None:
    folder = folder / str(next(numbers))
    folder.mkdir()
    spool = GrowingSpool(folder, *blobs)
    engine = Engine(spool.paths, linger=0.2, park=0.5, **(options or {}))
    here, there = fill(folder / "live", taken or []), fill(folder / "whole", taken or [])
    files = FlowFiles(engine, here, folder=folder, **export)
    for count, what in script:
        if not spool.write(count):
            break
        if what == "advance":
            engine.advance()
    spool.write_all()
    engine.end()
    whole = reassemble(spool.paths(), progress=False, **(options or {}))
    table = whole.export(there, hashes=["md5"], **export)
    if files.growing:
        assert contents(here) == contents(there)
    written = sorted(files.finish(engine.finish(), hashes=["md5"]))
    assert contents(here) == contents(there)
    written.sort(key=lambda file: file.row)
    assert [file.name for file in written] == table["name"].tolist()
    assert [file.size for file in written] == table["size"].tolist()
    assert [file.digests[0] for file in written] == table["md5"].tolist()
    assert not [name for name in os.listdir(here) if name.endswith(".part")]
    files.close()


@costly
@given(capture=captures(), script=steps, seed=seeds, gap=st.sampled_from([0.0, 0.3]))
def test_random_traffic(
    folder: Path, capture: Capture, script: list[tuple[int, str]], seed: int, gap: float
) -> None:
    grow_and_compare(folder, pcapng(spaced(capture.shuffle(seed), gap)), script)


@costly
@given(
    talks=st.lists(conversations(both=True), min_size=2, max_size=4),
    script=steps,
    taken=st.sampled_from(
        [
            [],
            ["010.000.000.001.01024-010.000.000.002.00080"],
            ["010.000.000.001.01024-010.000.000.002.00080c1", "010.000.000.002.00080-010.000.000.001.01024"],
        ]
    ),
    export=st.sampled_from(
        [
            {},
            {"overwrite": True},
            {"max_bytes": 5},
            {"prefix_flags": "T"},
            {"template": "%t/%N"},
            {"prefix_flags": "k"},
        ]
    ),
)
def test_names_of_a_reused_port(
    folder: Path, talks: list[Conversation], script: list[tuple[int, str]], taken: list[str], export: Any
) -> None:
    frames = [frame for talk in talks for frame in talk.frames]
    grow_and_compare(folder, pcapng(spaced(Capture(*frames), 0.1)), script, taken=taken, **export)


@costly
@given(conversation=contradicting(), script=steps, overlap=st.sampled_from(["first", "last"]))
def test_bytes_that_change(
    folder: Path, conversation: Conversation, script: list[tuple[int, str]], overlap: str
) -> None:
    capture = spaced(Capture(conversation), 0.4)
    grow_and_compare(folder, pcapng(capture), script, options={"overlap": overlap})


@costly
@given(capture=captures(), script=steps, seed=seeds, doubled=st.integers(0, 3))
def test_out_of_fragments(
    folder: Path, capture: Capture, script: list[tuple[int, str]], seed: int, doubled: int
) -> None:
    pieces = in_pieces(capture, [8, 1480, 24]).duplicate(seed=seed, count=doubled)
    grow_and_compare(folder, pcapng(spaced(pieces, 0.5)), script, options={"timeout": 2.0})


def download(count: int) -> tuple[list[bytes], Conversation]:
    talk = Conversation()
    talk.handshake()
    for number in range(count):
        talk.server(b"%9d\n" % number)
    return pcapng(spaced(Capture(*talk.frames), 0.2)), talk


def test_a_file_grows_and_is_never_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    write = files_module.write_at
    monkeypatch.setattr(
        files_module, "write_at", lambda *args: (written.append(len(args[1])), write(*args))[1]
    )
    blobs, _ = download(300)
    spool = GrowingSpool(tmp_path, *blobs)
    engine = Engine(spool.paths)
    files = FlowFiles(engine, tmp_path / "out", folder=tmp_path)
    path = tmp_path / "out" / "010.000.000.002.00080-010.000.000.001.01024"
    whole = b"".join(b"%9d\n" % number for number in range(300))
    sizes = []
    while spool.write(900):
        engine.advance()
        if path.exists():
            assert whole.startswith(path.read_bytes())
            sizes.append(path.stat().st_size)
    assert len(set(sizes)) > 10
    engine.end()
    assert path.read_bytes() == whole
    assert sum(written) == len(whole)
    assert files.growing


def test_a_file_that_was_taken_away_comes_back(tmp_path: Path) -> None:
    blobs, _ = download(60)
    spool = GrowingSpool(tmp_path, *blobs)
    engine = Engine(spool.paths)
    FlowFiles(engine, tmp_path / "out", folder=tmp_path)
    spool.write(len(blobs[0]) // 2)
    engine.advance()
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    spool.write_all()
    engine.end()
    (path,) = (tmp_path / "out").iterdir()
    assert path.read_bytes() == b"".join(b"%9d\n" % number for number in range(60))


def test_trouble_with_the_folder_is_told_and_the_engine_goes_on(tmp_path: Path) -> None:
    blobs, talk = download(10)
    spool = GrowingSpool(tmp_path, *blobs)
    engine = Engine(spool.paths)
    FlowFiles(engine, tmp_path / "out", folder=tmp_path, template="%A.%a-%B.%b/x")
    (tmp_path / "out" / "010.000.000.002.00080-010.000.000.001.01024").write_bytes(b"in the way")
    spool.write_all()
    with pytest.raises(ExportError, match="out"):
        engine.advance()
    assert engine.frames == len(talk.frames)
    assert engine.advance() == 0
    assert engine.flows()[0].server.data.endswith(b"9\n")


def test_a_full_disk_is_no_reason_for_other_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs, talk = download(60)
    spool = GrowingSpool(tmp_path, *blobs)
    engine = Engine(spool.paths)
    files = FlowFiles(engine, tmp_path / "out", folder=tmp_path)
    written = files_module.write_at
    for full in (False, True, False):
        spool.write(len(blobs[0]) // 3)

        def write(descriptor: int, data: bytes, offset: int, full: bool = full) -> None:
            if full:
                written(descriptor, data[: len(data) // 2], offset)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written(descriptor, data, offset)

        monkeypatch.setattr(files_module, "write_at", write)
        with pytest.raises(ExportError) if full else nullcontext():
            engine.advance(now=talk.frames[-1].time + 100 * 10**9)
        (path,) = (tmp_path / "out").iterdir()
    spool.write_all()
    for _ in files.finish(engine.finish()):
        pass
    assert list((tmp_path / "out").iterdir()) == [path]
    assert path.read_bytes() == b"".join(b"%9d\n" % number for number in range(60))


def test_a_pair_used_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_watch, "WHOLE_PAIR", 20)
    monkeypatch.setattr(files_module, "PART_ROWS", 8)
    frames = []
    for number in range(25):
        talk = Conversation(isn=number * 10_000_019 % 2**32, server_isn=number * 77_000_003 % 2**32)
        talk.handshake()
        talk.client(b"%d" % number)
        talk.close()
        frames += talk.frames
        other = Conversation(f"10.0.1.{number}:1")
        other.client(b"one")
        frames += other.frames
    grow_and_compare(tmp_path, pcapng(spaced(Capture(*frames), 0.5)), [(700, "advance")] * 100)
