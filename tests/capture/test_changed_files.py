"""A capture that another program cuts, rewrites or lengthens: right bytes or an error, nothing else."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tcpflow_scapy import CaptureChanged, FlowTable, reassemble
from tcpflow_scapy.capture import file_bytes
from tcpflow_scapy.capture.file_bytes import SAMPLE, FileBytes, FileMedium
from tests.helpers.traffic import Capture, Conversation

TRIES = 200

BIG = (1 << 20) + 17
"""bytes of a file of which only samples are compared"""


def talks(count: int, mark: str = "", *, turns: int = 40) -> Capture:
    """Conversations whose payload tells where it belongs."""
    parts = []
    for number in range(count):
        one = Conversation(f"10.0.{number // 250}.{number % 250 + 1}:1024")
        one.handshake()
        for turn in range(turns):
            one.client(f"{mark}<{number}.{turn}>".encode() * 40)
            one.server(f"{mark}[{number}.{turn}]".encode() * 50)
        parts.append(one)
    return Capture(*parts)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return talks(3).write(tmp_path / "x.pcap")


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def rewrite(path: Path) -> None:
    """One byte in the middle, in place."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def overwrite(path: Path) -> None:
    """Another capture, longer than the first, into the same file."""
    data = talks(5, "other").to_bytes()
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(data)


def cut_and_filled(path: Path) -> None:
    size = path.stat().st_size
    os.truncate(path, 30)
    os.truncate(path, size)


USES: dict[str, Callable[[FlowTable, Path], object]] = {
    "data": lambda flows, folder: flows[1].client.data,
    "chunks": lambda flows, folder: list(flows[0].server.chunks()),
    "follow": lambda flows, folder: str(flows[0].follow()),
    "search": lambda flows, folder: flows.search(b"<1.2>"),
    "bodies": lambda flows, folder: flows.search(b"<1.2>", bodies=True),
    "http": lambda flows, folder: flows.http.df,
    "pcap": lambda flows, folder: flows.to_pcap(folder / "out.pcap"),
    "export": lambda flows, folder: flows.export(folder / "out"),
    "hashed": lambda flows, folder: flows.export(folder / "out", hashes=("md5",)),
    "scapy": lambda flows, folder: flows.scapy(),
    "sha256": lambda flows, folder: flows.capture.sha256,
}


@pytest.mark.parametrize("change", [cut, empty, rewrite, overwrite, cut_and_filled])
@pytest.mark.parametrize("use", USES)
def test_every_use_of_a_changed_file_is_an_error(
    use: str, change: Callable[[Path], None], path: Path, tmp_path: Path
) -> None:
    flows = reassemble(path)
    change(path)
    with pytest.raises(CaptureChanged, match=f"{path}: the file (became shorter|was written to)"):
        USES[use](flows, tmp_path)
    written = [found for found in (tmp_path / "out").rglob("*") if found.is_file()]
    assert written == []
    assert not (tmp_path / "out.pcap").exists()


def test_what_is_appended_is_no_change(path: Path, tmp_path: Path) -> None:
    flows = reassemble(path)
    wanted = [flow.client.data for flow in reassemble(path)]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for more in (b"x", b"y" * 100_000, b"z" * 3):
        with path.open("ab") as file:
            file.write(more)
        assert [flow.client.data for flow in flows] == wanted
    flows.export(tmp_path / "out")
    assert flows.capture.sha256 == digest
    assert flows.capture.size < path.stat().st_size
    # ... and what is rewritten later is one again.
    rewrite(path)
    with pytest.raises(CaptureChanged):
        _ = flows[0].client.data


@pytest.mark.parametrize("name", [True, False])
def test_another_name_or_other_rights_are_no_change(path: Path, tmp_path: Path, name: bool) -> None:
    flows = reassemble(path)
    wanted = [flow.client.data for flow in reassemble(path)]
    if name:
        path.rename(tmp_path / "y.pcap")
        path.write_bytes(b"another file")
    else:
        path.chmod(0o444)
    assert [flow.client.data for flow in flows] == wanted


def test_a_time_that_was_set_back_does_not_hide_what_was_written(path: Path) -> None:
    flows = reassemble(path)
    before = path.stat()
    path.write_bytes(talks(3, "!").to_bytes()[: before.st_size])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    with pytest.raises(CaptureChanged):
        _ = flows[0].client.data


@pytest.mark.parametrize("compressed", [False, True])
def test_the_hash_is_of_what_was_read(path: Path, compressed: bool) -> None:
    if compressed:
        path.write_bytes(gzip.compress(path.read_bytes()) + b"and something behind")
    wanted = hashlib.sha256(path.read_bytes()).hexdigest()
    before, after = reassemble(path, hash=True), reassemble(path)
    assert [one.client.data for one in before] == [one.client.data for one in after]
    rewrite(path)
    assert before.capture.sha256 == wanted
    with pytest.raises(CaptureChanged):
        _ = after.capture.sha256


def test_hashes_of_all_kinds_of_sources(path: Path, tmp_path: Path) -> None:
    other = talks(2).write(tmp_path / "y.pcapng", "pcapng")
    with path.open("rb") as file:
        sources = [path, other, file, path]
        digests = reassemble(sources, hash=True).capture.sha256
    wanted = [hashlib.sha256(found.read_bytes()).hexdigest() for found in (path, other, path, path)]
    assert digests == wanted


@pytest.mark.parametrize("seed", range(5))
def test_every_byte_is_hashed_once_in_whatever_order_it_is_read(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    (tmp_path / "x").write_bytes(draw.randbytes(50_000))
    medium = FileMedium(os.open(tmp_path / "x", os.O_RDONLY), "x")
    digest = hashlib.sha256()
    medium.hash_with(digest)
    for _ in range(draw.randrange(12)):
        medium.read_into(memoryview(bytearray(draw.randrange(9_000))), draw.randrange(50_000))
    medium.close()
    assert digest.digest() == hashlib.sha256((tmp_path / "x").read_bytes()).digest()


@pytest.mark.parametrize("spread", [10, 1_000, 100_000])
def test_ranges_are_those_of_the_file(tmp_path: Path, spread: int) -> None:
    draw = np.random.default_rng(spread)
    whole = draw.bytes(BIG)
    (tmp_path / "x").write_bytes(whole)
    held = FileBytes(os.open(tmp_path / "x", os.O_RDONLY), "x")
    for ordered in (False, True):
        length = draw.integers(0, 90, 700)
        offset = np.minimum(np.cumsum(draw.integers(0, spread, 700)) % BIG, BIG - length)
        offset = np.sort(offset) if ordered else draw.permutation(offset)
        offset = np.minimum(offset, BIG - length)
        parts = [whole[a : a + n] for a, n in zip(offset.tolist(), length.tolist(), strict=True)]
        assert held.slices(offset.tolist(), length.tolist()) == parts
        memory = np.zeros(int(length.sum()) + 1, np.uint8)
        held.copy_ranges(offset, length, memory, np.cumsum(length) - length)
        assert memory.tobytes() == b"".join(parts) + b"\0"
    assert held.slices([BIG - 5, BIG, 0], [10, 10, BIG + 10]) == [whole[-5:], b"", whole]
    assert held[BIG - 5 : BIG + 5] == whole[-5:]
    memory = np.zeros(12, np.uint8)
    held.copy_ranges(np.array([BIG - 5, BIG + 9, 3]), np.array([6, 2, 4]), memory, np.array([0, 6, 8]))
    assert memory.tobytes() == whole[-5:] + bytes(3) + whole[3:7]


def test_growth_of_a_large_file_is_compared_at_both_ends_and_between(tmp_path: Path) -> None:
    for at in (0, SAMPLE - 1, BIG - 1):
        path = tmp_path / f"{at}"
        path.write_bytes(bytes(BIG))
        held = FileBytes(os.open(path, os.O_RDONLY), "x")
        with path.open("r+b") as file:
            file.seek(BIG)
            file.write(b"more")
            file.flush()
            held.check()
            file.seek(at)
            file.write(b"x")
            file.seek(0, os.SEEK_END)
            file.write(b"more")
        with pytest.raises(CaptureChanged, match="written to"):
            held.check()


CHANGER = """
import os, random, sys, time
path, seed, tries, kind = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
draw = random.Random(seed)
data = open(path, "rb").read()
other = data.replace(b"<", b"{").replace(b"[", b"(")
file = os.open(path, os.O_RDWR)
print("ready", flush=True)
for _ in range(tries):
    sys.stdin.readline()
    time.sleep(draw.choice((0, 0, 0.0005, 0.002)) * draw.random())
    if kind == "cut":
        os.ftruncate(file, draw.choice((0, 100, draw.randrange(len(data)), len(data) - 1)))
    else:
        at = draw.randrange(len(data))
        os.pwrite(file, other[at : at + 1 + draw.randrange(200_000)], at)
    sys.stdin.readline()
    os.pwrite(file, data, 0)
    print("restored", flush=True)
"""
"""Changes a file at some moment after a line arrived, restores it after another."""


@pytest.mark.parametrize("kind", ["cut", "rewrite"])
def test_a_file_that_changes_while_it_is_read(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = talks(60).write(tmp_path / "x.pcap")
    wanted = {flow.id: (flow.client.data, flow.server.data) for flow in reassemble(path)}
    command = [sys.executable, "-c", CHANGER, str(path), "7", str(TRIES), kind]
    outcomes = {"whole": 0, "walk": 0, "streams": 0}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as changer:
        assert changer.stdin is not None
        assert changer.stdout is not None
        changer.stdout.readline()
        real = file_bytes._settled

        def say() -> None:
            changer.stdin.write("\n")
            changer.stdin.flush()

        def settled(descriptor: int) -> os.stat_result:
            # What is changed is a file that was opened before.
            status = real(descriptor)
            say()
            return status

        for number in range(TRIES):
            # Half of the tries meet the walk, half the streams; some neither.
            late = reassemble(path) if number % 2 else None
            at = "walk"
            try:
                if late is None:
                    with monkeypatch.context() as patch:
                        patch.setattr(file_bytes, "_settled", settled)
                        flows = reassemble(path, hash=number % 4 == 0)
                else:
                    flows = late
                    say()
                at = "streams"
                if number % 3:
                    for flow in flows:
                        assert (flow.client.data, flow.server.data) == wanted[flow.id]
                else:
                    shutil.rmtree(tmp_path / "out", ignore_errors=True)
                    table = flows.export(tmp_path / "out")
                    names = zip(table["flow"], table["direction"], table["path"], strict=True)
                    for flow_id, direction, name in names:
                        data = wanted[flow_id][direction == "server"]
                        assert Path(name).read_bytes() == data
                at = "whole"
            except CaptureChanged:
                pass
            outcomes[at] += 1
            say()
            assert changer.stdout.readline() == "restored\n"
        assert changer.wait(timeout=60) == 0
    # The change was met where it was meant to be met.
    assert min(outcomes["walk"], outcomes["streams"]) > 0, outcomes


def test_a_capture_that_is_still_written_can_be_read(tmp_path: Path) -> None:
    capture = talks(40)
    data = capture.to_bytes()
    path = tmp_path / "x.pcap"
    path.write_bytes(b"")
    writer = f"""
import sys, time
data = sys.stdin.buffer.read()
with open({str(path)!r}, "ab", buffering=0) as file:
    for at in range(0, len(data), 4096):
        file.write(data[at : at + 4096])
        time.sleep(0.0005)
"""
    wanted = {flow.key: flow.client.data for flow in reassemble(capture.write(tmp_path / "all.pcap"))}
    with subprocess.Popen([sys.executable, "-c", writer], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(data)
        process.stdin.close()
        while path.stat().st_size < 40:
            time.sleep(0.001)
        while process.poll() is None:
            for flow in reassemble(path):
                assert wanted[flow.key].startswith(flow.client.data)
