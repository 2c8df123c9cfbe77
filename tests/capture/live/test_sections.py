"""Blocks that are no frames, read back by the package's own reader of blocks and by hand."""

from __future__ import annotations

import struct
import time

from tcpflow_scapy.capture.formats import pcapng_blocks as blocks
from tcpflow_scapy.capture.live.sections import Counters, SpoolInterface, describe, section, statistics


def body(block: bytes, kind: int, fixed: int) -> tuple[bytes, dict[int, bytes]]:
    """Fixed part and options of one block."""
    found, length = struct.unpack_from("<II", block)
    assert (found, length, len(block) % 4) == (kind, len(block), 0)
    assert block[-4:] == block[4:8]
    rest = block[8 + fixed : -4]
    assert blocks.sound_options(rest, "<")
    return block[8 : 8 + fixed], dict(blocks.options(rest, "<"))


def test_section() -> None:
    fixed, options = body(section(), blocks.SECTION, 16)
    assert struct.unpack("<IHHq", fixed) == (0x1A2B3C4D, 1, 0, -1)
    assert options == {4: b"tcpflow_scapy"}


def test_interface() -> None:
    fixed, options = body(describe(SpoolInterface("eth0é", 113, 96, "tcp port 80")), blocks.INTERFACE, 8)
    assert struct.unpack("<HHI", fixed) == (113, 0, 96)
    assert options == {2: "eth0é".encode(), 9: b"\x09", 11: b"\0tcp port 80"}
    assert blocks.interface_options(describe(SpoolInterface("x", 1, 0))[16:-4], "<").resolution == 9


def test_statistics() -> None:
    before = time.time_ns()
    fixed, options = body(statistics(2, Counters(1 << 40, 5, 3)), blocks.STATISTICS, 12)
    number, high, low = struct.unpack("<III", fixed)
    assert number == 2
    assert before <= high << 32 | low <= time.time_ns()
    values = {code: struct.unpack("<Q", value)[0] for code, value in options.items() if code != 3}
    assert values == {4: 1 << 40, 5: 3, 7: 5}
