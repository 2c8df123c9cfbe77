"""Temporary copies, and disks that have no room for them."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy.capture import open_source
from tcpflow_scapy.capture.spool import Spool
from tcpflow_scapy.capture.streams import ByteStream
from tcpflow_scapy.errors import CaptureOSError

from .made import pcap, some_frames


def test_written_bytes_are_a_medium_and_more_may_follow() -> None:
    spool = Spool("x")
    assert spool.medium().size == 0
    spool.write(b"first ")
    first = spool.medium()
    spool.write(b"second")
    second = spool.medium()
    spool.close()
    assert first.read(0, 100) == b"first "
    assert second.read(0, 100) == b"first second"
    view = bytearray(6)
    assert second.read_into(memoryview(view), 6) == 6
    assert view == b"second"


def test_a_stream_is_taken_whole() -> None:
    chunks = iter([b"a" * 1000, b"b" * 5, b""])
    counts: list[int] = []
    spool = Spool("x")
    spool.fill(ByteStream(lambda: next(chunks)), counts.append)
    assert counts == [1000, 5]
    assert spool.medium().size == 1005


def test_nothing_is_left_in_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with open_source(io.BufferedReader(io.BytesIO(pcap(some_frames(3))))) as source:  # type: ignore[arg-type]
        list(source.batches())
        assert list(tmp_path.iterdir()) == []


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr("tcpflow_scapy.capture.spool.shutil.disk_usage", lambda _directory: Usage)
    with pytest.raises(CaptureOSError, match="No space left on device; set TMPDIR") as error:
        Spool("capture.gz").write(b"x")
    assert error.value.errno == 28
    assert str(error.value).startswith("capture.gz: cannot make a temporary copy in ")


def test_a_disk_that_fills_while_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _data: bytes) -> int:
            raise OSError(28, "No space left on device")

        flush = write

        def close(self) -> None:
            pass

    def make(**_options: Any) -> Full:
        return Full()

    monkeypatch.setattr(tempfile, "TemporaryFile", make)
    with pytest.raises(CaptureOSError, match="No space left"):
        open_source(io.BufferedReader(io.BytesIO(pcap(some_frames(3)))))  # type: ignore[arg-type]


def test_a_temporary_directory_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(CaptureOSError, match=r"cannot make a temporary copy in .*missing: No such file"):
        Spool("x")


def test_a_copy_may_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpflow_scapy.capture.spool.MAX_SPOOL_BYTES", 100)
    monkeypatch.setattr("tcpflow_scapy.capture.spool.CHECK_EVERY", 1)
    spool = Spool("x")
    spool.write(b"x" * 101)
    with pytest.raises(CaptureOSError, match="more than 100 bytes"):
        spool.write(b"x")
