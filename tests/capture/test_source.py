"""Sources: batches, their memory, progress, closing."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from tcpflow_scapy.capture import open_source
from tcpflow_scapy.capture.frames import BATCHES_ALIVE, FrameTableBuilder
from tcpflow_scapy.capture.windows import Windows

from .made import Frame, pcap, pcapng, some_frames

FRAMES = some_frames(400)
CAPTURE = pcap(FRAMES)


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpflow_scapy.capture.source.Windows", lambda: Windows(2000))


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("capture", [CAPTURE, pcapng(FRAMES)])
def test_memory_of_a_batch_outlives_the_next_ones(capture: bytes) -> None:
    """Until `BATCHES_ALIVE` more were drawn: another thread may still be decoding."""
    with open_source([io.BytesIO(capture), io.BytesIO(capture)]) as source:
        kept = []
        for batch in source.batches():
            first, length = int(batch.position[0]), int(batch.caplen[0])
            kept.append((batch, batch.memory[first : first + length].tobytes()))
            for old, data in kept[-BATCHES_ALIVE:]:
                start = int(old.position[0])
                assert old.memory[start : start + len(data)].tobytes() == data
        assert len(kept) > 10
        assert len({id(batch.memory) for batch, _ in kept}) < len(kept)


def test_batches_are_drawn_once() -> None:
    source = open_source(io.BytesIO(CAPTURE))
    assert sum(len(batch) for batch in source.batches()) == 400
    with pytest.raises(RuntimeError, match="only once"):
        source.batches()


def test_the_store_outlives_the_source() -> None:
    with open_source(io.BytesIO(gzip.compress(CAPTURE))) as source:
        builder = FrameTableBuilder()
        for batch in source.batches():
            builder.append(batch, np.zeros(len(batch), np.uint8))
    source.close()
    table = builder.build()
    assert source.store.slices(table.address.tolist(), table.caplen.tolist()) == [f.data for f in FRAMES]
    with pytest.raises(RuntimeError):
        source.batches()


def test_leaving_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(CAPTURE)
    with open_source([path, path]) as source:
        batch = next(source.batches())
        position, length = int(batch.position[0]), int(batch.caplen[0])
    assert source.store.read(batch.base + position, length) == FRAMES[0].data


@pytest.mark.usefixtures("small_windows")
def test_progress_goes_from_nothing_to_all(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a", tmp_path / "b"
    plain.write_bytes(CAPTURE)
    packed.write_bytes(gzip.compress(CAPTURE))
    told: list[tuple[int, int | None]] = []
    with open_source(
        [plain, packed, plain], progress=lambda done, total: told.append((done, total))
    ) as source:
        assert not told
        list(source.batches())
        total = 2 * len(CAPTURE) + 2 * packed.stat().st_size
        assert source.total_bytes == source.bytes_read == total
    done = [count for count, _ in told]
    assert done == sorted(done)
    assert done[-1] == total
    assert {all_ for _, all_ in told} == {total}
    assert len(set(done)) > 20


def test_progress_of_a_stream_has_no_end_while_it_is_taken() -> None:
    told: list[tuple[int, int | None]] = []
    source = open_source(
        io.BufferedReader(io.BytesIO(CAPTURE)),  # type: ignore[arg-type]
        progress=lambda done, total: told.append((done, total)),
    )
    assert told
    assert all(total is None for _, total in told)
    assert told[-1][0] == len(CAPTURE)
    list(source.batches())
    assert told[-1] == (len(CAPTURE), len(CAPTURE))


def test_what_is_known_before_reading() -> None:
    source = open_source([io.BytesIO(CAPTURE), io.BytesIO(gzip.compress(pcapng(FRAMES)))])
    assert source.info.paths == ["<BytesIO>"] * 2
    assert source.info.formats == ["pcap", "pcapng"]
    assert source.info.compressions == ["", "gzip"]
    assert source.info.interfaces == []
    source.close()


def test_problems_name_their_file_and_the_frame_in_the_whole(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.write_bytes(CAPTURE)
    cut.write_bytes(CAPTURE[:-3])
    with open_source([whole, cut]) as source:
        assert sum(len(b) for b in source.batches()) == 799
    (problem,) = source.info.problems
    assert (problem.kind, problem.path, problem.frame) == ("cut_short", str(cut), 800)


def test_a_table_of_all_frames() -> None:
    frames = [Frame(b"x" * 50, linktype=101), Frame(b"y" * 60, linktype=101)]
    builder = FrameTableBuilder()
    with open_source(
        [io.BytesIO(pcap(frames, linktype=101)), io.BytesIO(pcap(frames, linktype=101))]
    ) as source:
        for batch in source.batches():
            builder.append(batch, np.ones(len(batch), np.uint8))
    table = builder.build()
    assert len(table) == 4
    assert table.linktype.tolist() == [101] * 4
    assert table.interface is not None
    assert table.interface.tolist() == [0, 0, 1, 1]
    assert table.caplen.tolist() == [50, 60, 50, 60]
