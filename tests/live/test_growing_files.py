"""A file that is written is read as far as it is whole, with the numbers that it will have."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.capture import open_source
from tcpflow_scapy.errors import CaptureFormatError, CaptureOSError
from tcpflow_scapy.live.growing_files import GrowingFiles, growing_medium
from tcpflow_scapy.live.parked_files import SpoolStore
from tests.helpers.traffic import Capture, Conversation
from tests.properties.effort import kin

from .spools import GrowingSpool, blocks


def talk(count: int, client: str = "10.0.0.1:1024") -> Capture:
    conversation = Conversation(client)
    conversation.handshake()
    for number in range(count):
        conversation.client(bytes([number % 256]) * (number % 97))
    return Capture(*conversation.frames)


def blob_of(capture: Capture, *, big: bool = False) -> bytes:
    return capture.to_bytes("pcapng", ns=True, big_endian=big)


def columns(batches: Any) -> list[tuple[int, ...]]:
    rows: list[tuple[int, ...]] = []
    for batch in batches:
        address = (batch.position + batch.base).tolist()
        assert batch.first == len(rows) or not rows or batch.first > 0
        rows += zip(
            range(batch.first, batch.first + len(batch)),
            address,
            batch.caplen.tolist(),
            batch.wirelen.tolist(),
            batch.time.tolist(),
            batch.linktype.tolist(),
            strict=True,
        )
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@kin
@given(
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=3),
    writes=st.lists(st.integers(1, 500), max_size=60),
    big=st.booleans(),
    journal=st.booleans(),
)
def test_any_borders(folder: Path, counts: list[int], writes: list[int], big: bool, journal: bool) -> None:
    order = ">" if big else "<"
    extra = struct.pack(order + "IIII", 9, 16, 0x61626364, 16) if journal else b""
    blobs = [blob_of(talk(count), big=big) + extra for count in counts]
    spool = GrowingSpool(folder, *blobs)
    store = SpoolStore()
    files = GrowingFiles(spool.paths, store)
    found = []
    for count in writes:
        if not spool.write(count):
            break
        found += columns(files.batches())
    spool.write_all()
    found += columns(files.batches(complete=True))
    source = open_source(spool.paths())
    assert found == columns(source.batches())
    assert files.info.problems == source.info.problems
    assert files.info.sizes == source.info.sizes
    assert files.info.interfaces == source.info.interfaces
    assert [store.read(address, length) for _, address, length, *_ in found] == [
        source.store.read(address, length) for _, address, length, *_ in found
    ]


def test_each_block_is_read_as_soon_as_it_is_whole(tmp_path: Path) -> None:
    blob = blob_of(talk(5))
    borders = [end for _, end in blocks(blob)]
    spool = GrowingSpool(tmp_path, blob)
    files = GrowingFiles(spool.paths, SpoolStore())
    at, seen = 0, []
    for end in borders:
        spool.write(end - at - 1)
        assert columns(files.batches()) == []
        spool.write(1)
        seen.append(len(columns(files.batches())))
        at = end
    assert seen == [0, 0] + [1] * (len(borders) - 2)


def test_what_is_cut_at_the_end_is_damage_only_when_all_is_written(tmp_path: Path) -> None:
    blob = blob_of(talk(5))[:-7]
    spool = GrowingSpool(tmp_path, blob)
    spool.write_all()
    files = GrowingFiles(spool.paths, SpoolStore())
    assert len(columns(files.batches())) == 7
    assert not files.info.problems
    last = columns(files.batches(complete=True))
    source = open_source(spool.paths())
    assert len(columns(source.batches())) == 7 + len(last)
    assert files.info.problems == source.info.problems
    assert files.info.problems


def test_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "later.pcapng"
    files = GrowingFiles(lambda: [path], SpoolStore())
    assert columns(files.batches()) == []
    path.write_bytes(b"")
    assert columns(files.batches()) == []
    path.write_bytes(blob_of(talk(1)))
    assert len(columns(files.batches())) == 4
    with pytest.raises(CaptureOSError):
        columns(GrowingFiles(lambda: [tmp_path / "never"], SpoolStore()).batches(complete=True))


def test_other_formats_and_shrunk_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "classic.pcap"
    path.write_bytes(talk(3).to_bytes("pcap"))
    with pytest.raises(CaptureFormatError, match="pcapng"):
        columns(GrowingFiles(lambda: [path], SpoolStore()).batches())
    path.write_bytes(blob_of(talk(9)))
    files = GrowingFiles(lambda: [path], SpoolStore())
    columns(files.batches())
    with path.open("r+b") as file:
        file.truncate(100)
    with pytest.raises(CaptureOSError, match="shorter"):
        columns(files.batches())


def test_a_medium_sees_growth_when_it_looks(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    medium = growing_medium(str(path))
    assert not medium.grow()
    path.write_bytes(b"abc")
    assert medium.size == 0
    assert medium.grow()
    view = np.zeros(5, np.uint8)
    assert medium.read_into(view.data, 1) == 2
    assert view.tobytes() == b"bc\0\0\0"
    assert medium.read(0, 2) == b"ab"
    medium.close()
    assert medium.read(0, 2) == b"ab"


def test_those_who_stop_drawing_have_had_what_they_drew(tmp_path: Path) -> None:
    spool = GrowingSpool(tmp_path, blob_of(talk(5)))
    spool.write_all()
    files = GrowingFiles(spool.paths, SpoolStore())
    for batch in files.batches():
        assert len(batch) == 8
        break
    assert columns(files.batches(complete=True)) == []
