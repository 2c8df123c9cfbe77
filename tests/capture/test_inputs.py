"""Everything that may be handed over as a source, and everything that may not."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy.capture import open_source
from tcpflow_scapy.errors import CaptureError, CaptureFormatError, CaptureOSError

from .made import Frame, pcap, pcapng, read, some_frames

FRAMES = some_frames(10)
CAPTURE = pcap(FRAMES)
DATA = [f.data for f in FRAMES]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.pcap"
    path.write_bytes(CAPTURE)
    return path


def test_a_path_in_every_form(path: Path) -> None:
    for form in (path, str(path)):
        got = read(form)
        assert got.data == DATA
        assert got.info.paths == [str(path)]
        assert got.info.sizes == [len(CAPTURE)]


def test_paths_of_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.pcap"
    with open(name, "wb") as file:
        file.write(CAPTURE)
    assert read(os.fsdecode(name)).data == DATA


def test_several_paths_are_read_in_order_and_numbered_through(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.pcapng"
    other.write_bytes(pcapng(FRAMES[:3], linktype=113))
    for source in (
        [path, str(other)],
        (path, other),
        (p for p in [path, other]),
        iter([str(path), str(other)]),
    ):
        got = read(source)
        assert got.data == DATA + DATA[:3]
        assert [f.linktype for f in got.frames] == [1] * 10 + [113] * 3
        assert [f.interface for f in got.frames] == [0] * 10 + [1] * 3
        assert got.info.formats == ["pcap", "pcapng"]
        assert [i.path for i in got.info.interfaces] == [str(path), str(other)]


def test_the_same_path_twice(path: Path) -> None:
    assert read([path, path]).data == DATA * 2


def test_very_many_paths(tmp_path: Path) -> None:
    """Each is mapped, and a map holds a descriptor: more than a shell usually allows."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 400:
        pytest.skip("the hard limit of open files is too low")
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap(FRAMES[:1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        with open_source([path] * 300) as source:
            assert sum(len(batch) for batch in source.batches()) == 300
            assert source.store.read(299 << 44 | 40, 4) == DATA[0][:4]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_bytes_in_memory() -> None:
    got = read(io.BytesIO(CAPTURE))
    assert got.data == DATA
    assert got.info.paths == ["<BytesIO>"]


def test_a_file_object_is_read_from_where_it_stands_and_left_open(path: Path) -> None:
    file = io.BytesIO(b"HEADER" + CAPTURE)
    file.seek(6)
    assert read(file).data == DATA
    assert not file.closed
    with open(path, "rb") as plain:
        assert read(plain).data == DATA
        assert not plain.closed
        assert plain.tell() == 0
    with open(path, "rb", buffering=0) as raw:
        assert read(raw).data == DATA
    path.write_bytes(b"HEADER" + CAPTURE)
    with open(path, "rb") as plain:
        plain.read(6)
        assert read(plain).data == DATA


def test_a_file_object_that_was_just_written() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(CAPTURE)
        file.seek(0)
        assert read(file).data == DATA
    with tempfile.NamedTemporaryFile() as named:
        named.write(CAPTURE)
        named.seek(0)
        assert read(named).data == DATA


def test_a_file_object_at_its_end_is_empty(path: Path) -> None:
    with open(path, "rb") as file:
        file.seek(0, io.SEEK_END)
        with pytest.raises(CaptureFormatError, match="empty"):
            open_source(file)


def test_a_decompressing_file_object(path: Path) -> None:
    """Its descriptor leads to the compressed bytes: it must not be used."""
    packed = path.with_suffix(".gz")
    packed.write_bytes(gzip.compress(CAPTURE))
    with gzip.open(packed, "rb") as file:
        assert read(file).data == DATA
    packed.write_bytes(gzip.compress(CAPTURE)[:-40])
    with gzip.open(packed, "rb") as file:
        got = read(file)
    assert got.data == DATA[: len(got.data)]
    assert "decompression" in got.kinds


def test_a_pipe(path: Path) -> None:
    for data in (CAPTURE, gzip.compress(CAPTURE)):
        reader, writer = os.pipe()

        def feed(data: bytes = data, writer: int = writer) -> None:
            with open(writer, "wb", buffering=0) as file:
                for k in range(0, len(data), 100):
                    file.write(data[k : k + 100])

        thread = threading.Thread(target=feed)
        thread.start()
        with open(reader, "rb") as file:
            assert read(file).data == DATA
        thread.join()


def test_a_named_pipe(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    thread = threading.Thread(target=path.write_bytes, args=(CAPTURE,))
    thread.start()
    assert read(path).data == DATA
    thread.join()


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CAPTURE)))
    got = read("-")
    assert got.data == DATA
    assert got.info.paths == ["<stdin>"]


def test_a_source_is_a_source(path: Path) -> None:
    source = open_source(path)
    assert open_source(source) is source


class Stingy(io.RawIOBase):
    """Gives a few bytes at a time, as sockets do."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(memoryview(buffer)[:7])


def test_a_file_object_that_gives_a_few_bytes_at_a_time() -> None:
    assert read(Stingy(CAPTURE)).data == DATA
    assert read(io.BufferedReader(Stingy(CAPTURE))).data == DATA


class Blocking(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> None:  # type: ignore[override]
        return None


class Broken(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("no-such-folder/x.pcap", CaptureOSError, "no-such-folder/x.pcap: No such file"),
        ("", CaptureOSError, "No such file"),
        ("a\0b", CaptureOSError, "null"),
        ("/", CaptureOSError, "directory"),
        ("/dev/null", CaptureFormatError, "/dev/null: empty file"),
        (__file__, CaptureFormatError, "not a known capture format"),
        (io.BytesIO(), CaptureFormatError, "empty"),
        (io.BytesIO(b"PK\x03\x04" + bytes(30)), CaptureFormatError, "zip"),
        (io.BytesIO(bytes(1000)), CaptureFormatError, "not a known capture"),
        (io.BytesIO(b"XCP\x00009.001\x00" + bytes(200)), CaptureFormatError, "NetXRay .* editcap"),
        ([], CaptureFormatError, "empty list"),
        (["no-such-folder/y"], CaptureOSError, "No such file"),
        (Blocking(), CaptureOSError, "no data yet"),
        (Broken(), CaptureOSError, "Input/output error"),
        (CAPTURE, TypeError, "BytesIO"),
        (bytearray(4), TypeError, "BytesIO"),
        (io.StringIO("text"), TypeError, "text mode"),
        (5, TypeError, "int"),
        (None, TypeError, "NoneType"),
        ([5], TypeError, "int"),
        (iter([5]), TypeError, "item 1"),
        ({"not", "here"}, CaptureOSError, "No such file"),
        (open, TypeError, "builtin_function"),
    ],
)
def test_what_cannot_be_read_says_so_in_one_line(source: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        open_source(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("buffering", [-1, 0])
def test_a_file_that_is_only_written_says_so(buffering: int, tmp_path: Path) -> None:
    with (
        (tmp_path / "x").open("wb", buffering) as file,
        pytest.raises(CaptureOSError, match="not open for reading"),
    ):
        open_source(file)


def test_errors_are_also_of_the_kind_one_expects(tmp_path: Path) -> None:
    with pytest.raises(OSError) as missing:
        open_source(tmp_path / "x")
    assert missing.value.errno == 2
    with pytest.raises(ValueError):
        open_source(io.BytesIO(b"nothing like it"))
    with pytest.raises(CaptureError) as error:
        open_source(tmp_path / "x")
    assert error.value.path == str(tmp_path / "x")


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.touch()
    with pytest.raises(CaptureFormatError, match=r"empty\.pcap: empty file"):
        open_source(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(path: Path) -> None:
    path.chmod(0)
    with pytest.raises(CaptureOSError, match="Permission denied"):
        open_source(path)


def test_a_bad_file_among_good_ones_is_found_before_anything_is_read(path: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_text("not a known capture")
    with pytest.raises(CaptureFormatError, match="bad"):
        open_source([path, bad])


def test_a_file_that_vanishes_between_opening_and_reading(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.pcap"
    other.write_bytes(CAPTURE)
    with open_source([path, other]) as source:
        other.unlink()
        batches = source.batches()
        assert len(next(batches)) == 10
        with pytest.raises(CaptureOSError, match=r"b\.pcap: No such file"):
            next(batches)


def test_a_file_that_shrinks_between_opening_and_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(some_frames(100)))
    with open_source(path) as source:
        with open(path, "r+b") as file:
            file.truncate(1000)
        frames = sum(len(batch) for batch in source.batches())
    assert 0 < frames < 100


def packets_then_trouble() -> Iterator[Any]:
    yield from []
    raise RuntimeError("the generator broke")


def test_what_an_iterable_raises_goes_through() -> None:
    with pytest.raises(RuntimeError, match="the generator broke"):
        open_source(packets_then_trouble())


def test_frames_of_every_part_keep_their_place(path: Path) -> None:
    """One address space for all files."""
    big = Frame(b"B" * 100_000)
    with open_source([path, io.BytesIO(pcap([big])), path]) as source:
        addresses = []
        for batch in source.batches():
            addresses += (batch.position + batch.base).tolist()
        assert len(set(addresses)) == len(addresses) == 21
        assert source.store.read(addresses[10], 100_000) == big.data
        assert source.store.name(addresses[10]) == "<BytesIO>"
