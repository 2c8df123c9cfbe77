"""Records become blocks: checked by taking the blocks apart, by hand and with Scapy."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from scapy.utils import RawPcapNgReader

from tcpflow_scapy.capture.live.blocks import BlockMaker
from tcpflow_scapy.capture.live.sections import SpoolInterface, describe, section

from .records import SECOND, frames, records


def taken_apart(data: bytes) -> list[tuple[int, int, int, int, bytes]]:
    """(interface, time, caplen, wirelen, frame) of each block; every length is checked."""
    found, at = [], 0
    while at < len(data):
        kind, length, interface, high, low, caplen, wirelen = struct.unpack_from("<7I", data, at)
        assert kind == 6
        assert length == 32 + (caplen + 3) // 4 * 4
        assert struct.unpack_from("<I", data, at + length - 4)[0] == length
        padding = data[at + 28 + caplen : at + length - 4]
        assert padding == bytes(len(padding))
        frame = data[at + 28 : at + 28 + caplen]
        found.append((interface, high << 32 | low, caplen, wirelen, frame))
        at += length
    return found


@pytest.mark.parametrize("gathers", [True, False])
@pytest.mark.parametrize("count", [1, 2, 511, 512, 513, 1025])
def test_every_frame_is_a_block(count: int, gathers: bool) -> None:
    data = frames(count)
    maker = BlockMaker()
    if not gathers:
        maker.close()
    made = maker.make(records(data, spare=7), 3, nanoseconds=True)
    expected = [(3, (SECOND + i) * 10**9 + i, len(x), len(x) + 7, x) for i, x in enumerate(data)]
    assert taken_apart(bytes(made.data)) == expected
    assert made.ends.tolist() == np.cumsum([32 + (len(x) + 3) // 4 * 4 for x in data]).tolist()
    assert made.last == expected[-1][1]
    maker.close()


def test_microseconds() -> None:
    made = BlockMaker().make(records([b"", b"x"]), 0, nanoseconds=False)
    assert [time for _, time, *_ in taken_apart(bytes(made.data))] == [
        SECOND * 10**9,
        (SECOND + 1) * 10**9 + 1000,
    ]


def test_a_limit_takes_the_first() -> None:
    made = BlockMaker().make(records(frames(10)), 0, nanoseconds=True, limit=4)
    assert [x[-1] for x in taken_apart(bytes(made.data))] == frames(10)[:4]


def test_a_record_that_is_not_whole_is_left_out() -> None:
    whole = records(frames(20))
    for cut in range(1, 60):
        made = BlockMaker().make(whole[:-cut], 0, nanoseconds=True)
        found = [x[-1] for x in taken_apart(bytes(made.data))]
        assert found == frames(20)[: len(found)]
        assert len(found) < 20


def test_nothing_makes_nothing() -> None:
    made = BlockMaker().make(np.empty(0, np.uint8), 0, nanoseconds=True)
    assert (bytes(made.data), len(made.ends)) == (b"", 0)


def test_a_batch_larger_than_the_place() -> None:
    maker = BlockMaker()
    data = [bytes([i % 251]) * 60_000 for i in range(100)]
    for _ in range(2):
        made = maker.make(records(data), 0, nanoseconds=True)
        assert [x[-1] for x in taken_apart(bytes(made.data))] == data
        made.data.release()
        assert [
            x[-1] for x in taken_apart(bytes(maker.make(records(data[:2]), 0, nanoseconds=True).data))
        ] == data[:2]


def test_scapy_reads_them() -> None:
    data = [x for x in frames(50) if x]
    made = BlockMaker().make(records(data), 0, nanoseconds=True)
    file = BytesIO(section() + describe(SpoolInterface("eth0", 1, 262144, "tcp")) + bytes(made.data))
    reader = RawPcapNgReader(file)
    assert [packet for packet, _ in reader] == data
    assert reader.interfaces[0][2]["name"] in ("eth0", b"eth0")
